"""The training loop: schedule, early stop, progress bar, checkpoints, and what went wrong.

Design choices

- A batch is a pure function of (seed, step). So an interrupted run continues with the batches that
  it would have seen, models that differ only in their initial weights see the same data in the
  same order, and no global random state is read or changed.
- A checkpoint holds weights, AdamW's state, the best weights so far, and the history, in one
  safetensors file that is replaced atomically. Resuming gives the same weights, bit for bit.
- Fixed steps, never fixed seconds. Losses are told in bits.

References
----------
Loshchilov and Hutter 2019, Decoupled weight decay regularization, arXiv:1711.05101 (AdamW).
Loshchilov and Hutter 2017, SGDR, arXiv:1608.03983 (cosine schedule).
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from hypecheck.tensor_files import read_tensors, write_tensors

EXPLODED = 10.0  # times the first loss, or that many nats: training has left the road
RUN_FORMAT = "hypecheck.run.1"

StepLoss = Callable[[int], tuple[Tensor, int]]


class TrainingDivergedError(RuntimeError):
    """The loss became NaN, infinite or many times what it was; the message says what to try."""


class CheckpointMismatchError(ValueError):
    """A checkpoint of another run: other model, data, objective or settings."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Parameters
    ----------
    steps : int, default 500
        Number of batches.
    batch_size : int, default 16
        Sequences per batch.
    learning_rate : float, default 5e-3
        Peak of the schedule.
    warmup : float, default 0.1
        Share of the steps in which the rate rises linearly; then it falls as a cosine to zero.
    weight_decay : float, default 0.01
        Of AdamW.
    clip : float, default 1.0
        Largest norm of the gradient.
    length : int, default 64
        Tokens per window that is cut from a corpus; not used where the rows are given.
    seed : int, default 0
        Chooses batches and masks; initial weights have their own seed.
    evaluate_every : int, default 0
        Steps between validations, 0 for one at the end only. The best weights seen are kept.
    patience : int, optional
        Stop after so many validations without a new best.
    checkpoint_every : int, default 100
        Steps between checkpoints, if a path for them is given.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    steps: int = 500
    batch_size: int = 16
    learning_rate: float = 5e-3
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    length: int = 64
    seed: int = 0
    evaluate_every: int = 0
    patience: int | None = None
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "length", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")
        if not 0 <= self.warmup <= 1:
            raise ValueError(f"warmup is a share of the steps, 0 to 1; got {self.warmup}")
        if self.patience is not None and self.evaluate_every < 1:
            raise ValueError("patience needs evaluate_every, the steps between validations")

    def rate_at(self, step: int) -> float:
        """Learning rate of one step.

        Parameters
        ----------
        step : int
            0 to ``steps - 1``.

        Returns
        -------
        rate : float
            The rate.

        Examples
        --------
        >>> config = TrainingConfig(steps=10, warmup=0.2, learning_rate=1.0)
        >>> [round(config.rate_at(step), 2) for step in (0, 1, 2, 6, 9)]
        [0.5, 1.0, 1.0, 0.5, 0.04]
        """
        warm = round(self.warmup * self.steps)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        done = (step - warm) / max(1, self.steps - warm)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


@dataclass
class History:
    """What happened in training.

    Parameters
    ----------
    losses : list of float
        Loss of every step, bits per predicted token or label.
    validation : list of (int, float)
        After how many steps, and the validation score, more is better: minus the bits per predicted
        token for language models, Matthews correlation for classifiers.
    best_step : int, optional
        After how many steps the weights were those that were kept, if there was a validation.
    stopped_early : bool
        Whether patience ran out.
    n_tokens : int
        Tokens (or bases) read.
    cpu_seconds : float
        Processor time spent; the one field that a repetition does not reproduce.
    """

    losses: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)
    best_step: int | None = None
    stopped_early: bool = False
    n_tokens: int = 0
    cpu_seconds: float = field(default=0.0, compare=False)


def optimise(
    parameters: Mapping[str, nn.Parameter],
    step_loss: StepLoss,
    config: TrainingConfig,
    *,
    identity: Mapping[str, str],
    validate: Callable[[], float] | None = None,
    progress: bool = False,
    checkpoint_path: str | os.PathLike[str] | None = None,
) -> History:
    """Minimise a loss over named parameters, in place.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        What to change.
    step_loss : callable
        From a step number to the loss (a scalar in nats) and the number of tokens in the batch;
        the same step must always give the same batch.
    config : TrainingConfig
        How to train.
    identity : mapping of str to str
        What makes this run itself (data, model, objective); a checkpoint must agree.
    validate : callable, optional
        Score of the present weights, more is better; called every ``config.evaluate_every`` steps
        and at the end. The best weights are the ones kept.
    progress : bool, default False
        Show a bar.
    checkpoint_path : path, optional
        Where to keep the state, and to go on from if it is there.

    Returns
    -------
    history : History
        What happened.

    Raises
    ------
    TrainingDivergedError
        If the loss explodes or is not a number.
    CheckpointMismatchError
        If the checkpoint belongs to another run.
    """
    torch.set_num_threads(1)
    run = _Run(parameters, config, identity)
    path = None if checkpoint_path is None else Path(checkpoint_path)
    if path is not None and path.exists():
        run.resume(path)
    started = time.process_time() - run.history.cpu_seconds
    with _Bar(run.history, config, shown=progress) as bar:
        while not run.finished:
            run.advance(step_loss)
            if validate is not None and run.is_validation_due:
                run.record_validation(validate())
            run.history.cpu_seconds = time.process_time() - started
            if path is not None and (run.finished or run.step % config.checkpoint_every == 0):
                run.save(path)
            bar.advance()
    run.keep_best()
    return run.history


class _Run:
    """The state of one training run: everything that a checkpoint must hold."""

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        config: TrainingConfig,
        identity: Mapping[str, str],
    ) -> None:
        self.parameters = dict(parameters)
        self.config = config
        self.identity = {**identity, "config": repr(config)}
        self.history = History()
        self.best: dict[str, Tensor] = {}
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), weight_decay=config.weight_decay, fused=True
        )

    @property
    def step(self) -> int:
        return len(self.history.losses)

    @property
    def finished(self) -> bool:
        return self.step >= self.config.steps or self.history.stopped_early

    @property
    def is_validation_due(self) -> bool:
        every = self.config.evaluate_every
        return self.step == self.config.steps or (every > 0 and self.step % every == 0)

    def advance(self, step_loss: StepLoss) -> None:
        """Take one step downhill."""
        loss, n_tokens = step_loss(self.step)
        value = loss.item()
        self._check_finite("loss", value)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.config.clip)
        self._check_finite("gradient", norm.item())
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate_at(self.step)
        self.optimizer.step()
        self.history.losses.append(value / math.log(2))
        self.history.n_tokens += n_tokens

    def _check_finite(self, what: str, value: float) -> None:
        first = self.history.losses[0] * math.log(2) if self.history.losses else math.inf
        exploded = what == "loss" and value > EXPLODED * max(first, 1.0)
        if exploded or not math.isfinite(value):
            raise TrainingDivergedError(
                f"step {self.step}: the {what} is {value:.4g}; "
                f"try learning_rate={self.config.learning_rate / 3:.1g} (now "
                f"{self.config.learning_rate:g}), a longer warmup (now {self.config.warmup:g}) or "
                f"a smaller clip (now {self.config.clip:g}), and look for NaN in the inputs"
            )

    def record_validation(self, score: float) -> None:
        """Remember the score, and the weights if they are the best so far."""
        earlier = [value for _, value in self.history.validation]
        self.history.validation.append((self.step, score))
        if not earlier or score > max(earlier):
            self.history.best_step = self.step
            self.best = {name: p.detach().clone() for name, p in self.parameters.items()}
        if self.config.patience is not None:
            values = [*earlier, score]
            waited = len(values) - 1 - values.index(max(values))
            self.history.stopped_early = waited >= self.config.patience

    @torch.no_grad()
    def keep_best(self) -> None:
        """Go back to the best weights, if there was a validation."""
        for name, tensor in self.best.items():
            self.parameters[name].copy_(tensor)

    def save(self, path: Path) -> None:
        """Write the whole state."""
        tensors: dict[str, Tensor] = {f"weights/{name}": p for name, p in self.parameters.items()}
        tensors |= {f"best/{name}": tensor for name, tensor in self.best.items()}
        for name, p in self.parameters.items():
            tensors |= {f"adamw/{key}/{name}": t for key, t in self.optimizer.state[p].items()}
        metadata = {
            "format": RUN_FORMAT,
            "identity": json.dumps(self.identity),
            "history": json.dumps(dataclasses.asdict(self.history)),
        }
        write_tensors(tensors, metadata, path)

    @torch.no_grad()
    def resume(self, path: Path) -> None:
        """Take over the state of a checkpoint, if it is one of this run."""
        tensors, metadata = read_tensors(path)
        self._check_same_run(path, tensors, metadata)
        stored = json.loads(metadata["history"])
        stored["validation"] = [tuple(pair) for pair in stored["validation"]]
        self.history = History(**stored)
        for name, p in self.parameters.items():
            p.copy_(tensors[f"weights/{name}"])
            for key in ("step", "exp_avg", "exp_avg_sq"):
                self.optimizer.state[p][key] = tensors[f"adamw/{key}/{name}"]
            if f"best/{name}" in tensors:
                self.best[name] = tensors[f"best/{name}"]

    def _check_same_run(
        self, path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
    ) -> None:
        advice = "give another checkpoint_path, or delete the file to start afresh"
        if metadata.get("format") != RUN_FORMAT:
            raise CheckpointMismatchError(f"{path} holds no training run; {advice}")
        for name, p in self.parameters.items():
            stored = tensors.get(f"weights/{name}")
            if stored is None or stored.shape != p.shape:
                found = "nothing" if stored is None else f"shape {tuple(stored.shape)}"
                raise CheckpointMismatchError(
                    f"{path} has {found} for {name}, the model has shape {tuple(p.shape)}; {advice}"
                )
        theirs = json.loads(metadata["identity"])
        for what, value in self.identity.items():
            if theirs.get(what) != value:
                raise CheckpointMismatchError(
                    f"{path} is of a run with {what} {theirs.get(what)}, this one has {value}; "
                    + advice
                )


class _Bar:
    """A progress bar with loss, tokens per second and time left; writes nothing if not shown."""

    def __init__(self, history: History, config: TrainingConfig, *, shown: bool) -> None:
        self.history = history
        self.steps = config.steps
        self.shown = shown

    def __enter__(self) -> _Bar:
        if self.shown:
            done = len(self.history.losses)
            self.first_token = self.history.n_tokens
            self.bar = tqdm(total=self.steps, initial=done, unit="step", mininterval=0.5)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.shown:
            self.bar.close()

    def advance(self) -> None:
        if not self.shown:
            return
        self.bar.update()
        elapsed = max(self.bar.format_dict["elapsed"], 1e-9)
        rate = (self.history.n_tokens - self.first_token) / elapsed
        self.bar.set_postfix_str(
            f"loss {self.history.losses[-1]:.3f} bits, {rate:,.0f} tokens/s", refresh=False
        )
