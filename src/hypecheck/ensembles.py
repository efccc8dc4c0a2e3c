"""Ensembles: models that differ in their initial weights alone, trained at once.

Design choices

- The weights of all members are stacked, and one vectorised call makes the step of every member.
  What a member becomes is what it would have become alone: the same windows and masks in the same
  order, gradients clipped member by member, AdamW without any mixing. That is tested.
- Stacking pays while a step is so small that calling torch costs more than computing: about one and
  a half times as fast at width 32, nothing at width 64 (``benchmarks/bench_ensembles.py``).
- A finished ensemble is kept under a hash of all that decides it, the data included, and is read
  back; an interrupted one goes on from its last checkpoint and ends with the same weights.

References
----------
Lakshminarayanan, Pritzel and Blundell 2017, Simple and scalable predictive uncertainty estimation
using deep ensembles, arXiv:1612.01474.
Loshchilov and Hutter 2019, Decoupled weight decay regularization, arXiv:1711.05101 (AdamW).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from hypecheck.models import Transformer, TransformerConfig, check_token_ids
from hypecheck.objectives import FIRST_ORDINARY_ID, Objective
from hypecheck.optimisation import EXPLODED, TrainingConfig, TrainingDivergedError
from hypecheck.tensor_files import read_tensors, write_tensors
from hypecheck.tokenizers import MASK

FORMAT = "hypecheck.ensemble.1"
EPSILON = 1e-6  # as in torch's clipping


@dataclass(frozen=True)
class EnsemblePlan:
    """All that decides an ensemble, but its data.

    Parameters
    ----------
    model : TransformerConfig
        Shape of every member.
    objective : MaskedObjective or CausalObjective
        What is predicted.
    training : TrainingConfig
        How; ``training.seed`` chooses windows and masks, the same for all members. Validation and
        patience are not used: every member takes every step.
    seeds : tuple of int
        Initial weights, one seed for each member.
    """

    model: TransformerConfig
    objective: Objective
    training: TrainingConfig
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


@dataclass
class Ensemble:
    """Trained members.

    Attributes
    ----------
    members : list of Transformer
        One for each seed.
    losses : list of list of float
        For each step, the loss of each member in bits per predicted token.
    cpu_seconds : float
        Processor time of the training.
    earlier_cpu_seconds : float
        The part of it that was spent before this call, up to the checkpoint it went on from.
    """

    members: list[Transformer]
    losses: list[list[float]] = field(default_factory=list)
    cpu_seconds: float = 0.0
    earlier_cpu_seconds: float = 0.0


def train_ensemble(
    plan: EnsemblePlan,
    token_ids: npt.ArrayLike | Tensor,
    *,
    folder: str | os.PathLike[str] | None = None,
) -> Ensemble:
    """Train all members, or what is left to train of them.

    Parameters
    ----------
    plan : EnsemblePlan
        What to train.
    token_ids : array_like of int64, shape (n_tokens,) or (N, T)
        A corpus, from which windows of ``plan.training.length`` tokens are drawn, or rows.
    folder : path, optional
        Where ensembles are kept; a finished one is read back, an interrupted one goes on.

    Returns
    -------
    ensemble : Ensemble
        The members.

    Raises
    ------
    VocabularyMismatchError
        If a token id is not below the model's ``vocab_size``.
    TrainingDivergedError
        If a member's loss explodes or is not a number.

    Examples
    --------
    >>> from hypecheck.objectives import MaskedObjective
    >>> shape = TransformerConfig(vocab_size=5, d_model=8, n_layers=1, n_heads=2, d_ff=16)
    >>> training = TrainingConfig(steps=60, length=16, learning_rate=0.02)
    >>> plan = EnsemblePlan(shape, MaskedObjective(), training, seeds=(0, 1))
    >>> ensemble = train_ensemble(plan, [3, 4] * 100)
    >>> len(ensemble.members), max(ensemble.losses[-1]) < min(ensemble.losses[0])
    (2, True)
    """
    torch.set_num_threads(1)
    corpus = torch.as_tensor(np.asarray(token_ids), dtype=torch.int64)
    members = [Transformer(plan.model, seed=seed) for seed in plan.seeds]
    check_token_ids(members[0], corpus)
    path = None if folder is None else ensemble_path(plan, corpus, Path(folder))
    run = _Run(plan, corpus, members)
    if path is not None and path.exists():
        run.resume(path)
    started = time.process_time() - run.ensemble.cpu_seconds
    every = plan.training.checkpoint_every
    while run.step < plan.training.steps:
        run.advance()
        run.ensemble.cpu_seconds = time.process_time() - started
        if path is not None and (run.step % every == 0 or run.step == plan.training.steps):
            run.save(path)
    run.unstack()
    return run.ensemble


def ensemble_path(plan: EnsemblePlan, token_ids: Tensor, folder: Path) -> Path:
    """Name the file of an ensemble by the hash of its plan and its data.

    Parameters
    ----------
    plan : EnsemblePlan
        The plan.
    token_ids : Tensor of int64
        The data.
    folder : Path
        Where ensembles are kept; made if need be.

    Returns
    -------
    path : Path
        Another one for another plan or other data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(f"{FORMAT} {plan!r} {tuple(token_ids.shape)}".encode())
    digest.update(np.ascontiguousarray(token_ids.numpy()).tobytes())
    return folder / f"ensemble-{digest.hexdigest()[:20]}.safetensors"


def hidden_token_probabilities(
    members: Sequence[Transformer],
    windows: npt.ArrayLike,
    places: Sequence[int],
    *,
    batch_size: int = 128,
) -> npt.NDArray[np.float32]:
    """Let every member guess the same hidden tokens.

    Parameters
    ----------
    members : sequence of Transformer
        Masked models.
    windows : array_like of int64, shape (N, T)
        Token ids without padding.
    places : sequence of int
        Positions that are hidden, the same in every window.
    batch_size : int, default 128
        Windows at a time.

    Returns
    -------
    probabilities : ndarray of float32, shape (S, N, P, V)
        Of the ordinary tokens only (the three special ids are left out, and the rest sums to 1).

    Examples
    --------
    >>> members = [Transformer(TransformerConfig(vocab_size=7), seed=seed) for seed in (0, 1)]
    >>> hidden_token_probabilities(members, [[3, 4, 5, 6]], [1, 3]).shape
    (2, 1, 2, 4)
    """
    shown = torch.as_tensor(np.asarray(windows), dtype=torch.int64).clone()
    at = torch.as_tensor(list(places))
    shown[:, at] = MASK
    return _probabilities(members, shown, at, batch_size)


def next_token_probabilities(
    members: Sequence[Transformer], windows: npt.ArrayLike, *, batch_size: int = 128
) -> npt.NDArray[np.float32]:
    """Let every member guess each next token.

    Parameters
    ----------
    members : sequence of Transformer
        Causal models.
    windows : array_like of int64, shape (N, T)
        Token ids without padding.
    batch_size : int, default 128
        Windows at a time.

    Returns
    -------
    probabilities : ndarray of float32, shape (S, N, T - 1, V)
        Of the second and all later tokens, special ids left out.

    Examples
    --------
    >>> shape = TransformerConfig(vocab_size=7, causal=True)
    >>> next_token_probabilities([Transformer(shape)], [[3, 4, 5, 6]]).shape
    (1, 1, 3, 4)
    """
    shown = torch.as_tensor(np.asarray(windows), dtype=torch.int64)
    return _probabilities(members, shown, torch.arange(shown.shape[1] - 1), batch_size)


def _probabilities(
    members: Sequence[Transformer], shown: Tensor, at: Tensor, batch_size: int
) -> npt.NDArray[np.float32]:
    torch.set_num_threads(1)
    found = []
    with torch.inference_mode():
        for member in members:
            batches = [
                member.decode(member.embed(batch)[:, at])[..., FIRST_ORDINARY_ID:].softmax(-1)
                for batch in torch.split(shown, batch_size)
            ]
            found.append(torch.cat(batches).numpy())
    return np.stack(found)


class _Losses(nn.Module):
    """Make a module's forward pass the mean loss of a batch, so that it can be vectorised."""

    def __init__(self, model: Transformer, objective: Objective) -> None:
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(self, batch: Tensor, rng: np.random.Generator) -> Tensor:
        return self.objective.losses(self.model, batch, rng).mean()


class _Run:
    """The state of the training of one ensemble: everything that a checkpoint must hold."""

    def __init__(self, plan: EnsemblePlan, corpus: Tensor, members: list[Transformer]) -> None:
        self.plan = plan
        self.corpus = corpus
        self.ensemble = Ensemble(members)
        self.template = _Losses(members[0], plan.objective)
        stacked, _ = stack_module_state(members)
        self.weights = {name: p.detach().clone().requires_grad_() for name, p in stacked.items()}
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), weight_decay=plan.training.weight_decay, fused=True
        )

    @property
    def step(self) -> int:
        return len(self.ensemble.losses)

    def advance(self) -> None:
        """Take one step with every member."""
        training = self.plan.training
        rng = np.random.default_rng([training.seed, self.step])
        batch = self._windows(rng)

        def loss_of(weights: dict[str, Tensor]) -> Tensor:
            named = {f"model.{name}": p for name, p in weights.items()}
            return functional_call(self.template, named, (batch, rng))

        losses = vmap(loss_of)(self.weights)  # (S,)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(losses.sum())
        self._clip()
        for group in self.optimizer.param_groups:
            group["lr"] = training.rate_at(self.step)
        self.optimizer.step()
        self.ensemble.losses.append((losses.detach() / math.log(2)).tolist())
        self._check()

    def _windows(self, rng: np.random.Generator) -> Tensor:
        """Draw the windows that `training.fit_language_model` would draw."""
        training, corpus = self.plan.training, self.corpus
        if corpus.ndim == 2:
            return corpus[torch.from_numpy(rng.integers(len(corpus), size=training.batch_size))]
        starts = rng.integers(len(corpus) - training.length + 1, size=training.batch_size)
        return corpus[torch.from_numpy(starts)[:, None] + torch.arange(training.length)]

    @torch.no_grad()
    def _clip(self) -> None:
        """Shorten each member's gradient to the largest norm allowed, as if it were alone."""
        gradients = [p.grad for p in self.weights.values() if p.grad is not None]
        squares = torch.stack([g.flatten(1).square().sum(1) for g in gradients])  # (n, S)
        factor = (self.plan.training.clip / (squares.sum(0).sqrt() + EPSILON)).clamp(max=1)
        for gradient in gradients:
            gradient.mul_(factor.view(-1, *[1] * (gradient.ndim - 1)))

    def _check(self) -> None:
        first, last = (np.array(self.ensemble.losses[at]) for at in (0, -1))
        wrong = ~np.isfinite(last) | (last > EXPLODED * np.maximum(first, 1))
        if wrong.any():
            raise TrainingDivergedError(
                f"step {self.step}: the losses of the members are {last.round(3).tolist()}; try a "
                f"learning rate below {self.plan.training.learning_rate:g} or a longer warmup"
            )

    @torch.no_grad()
    def unstack(self) -> None:
        """Give each member its slice of the weights."""
        for number, member in enumerate(self.ensemble.members):
            for name, parameter in member.named_parameters():
                parameter.copy_(self.weights[name][number])

    def save(self, path: Path) -> None:
        """Write the whole state, atomically."""
        tensors: dict[str, Tensor] = {f"weights/{name}": p for name, p in self.weights.items()}
        for name, key, tensor in self._moments():
            tensors[f"adamw/{key}/{name}"] = tensor
        about = {"losses": self.ensemble.losses, "cpu_seconds": self.ensemble.cpu_seconds}
        write_tensors(tensors, {"format": FORMAT, "about": json.dumps(about)}, path)

    def _moments(self) -> Iterator[tuple[str, str, Tensor]]:
        for name, p in self.weights.items():
            for key, tensor in self.optimizer.state[p].items():
                yield name, key, tensor

    @torch.no_grad()
    def resume(self, path: Path) -> None:
        """Take over the state of a checkpoint; its name says that it is one of this ensemble."""
        tensors, metadata = read_tensors(path)
        about = json.loads(metadata["about"])
        self.ensemble.losses = about["losses"]
        self.ensemble.cpu_seconds = self.ensemble.earlier_cpu_seconds = about["cpu_seconds"]
        for name, p in self.weights.items():
            p.copy_(tensors[f"weights/{name}"])
            for key in ("step", "exp_avg", "exp_avg_sq"):
                self.optimizer.state[p][key] = tensors[f"adamw/{key}/{name}"]
