"""What a language model of single bases knows, base by base and step by step.

Design choices

- A masked model is asked for bases that are hidden far apart (`hypecheck.gaps`), so that its bits
  compare with those of a Markov model that sees the same bases.
- Training reads every window once, in the order given: the model and a table of counts then stand
  on the same evidence.
- Looking happens before a step is taken, so that step 0 is the untrained model.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hypecheck.models import Transformer
from hypecheck.objectives import FIRST_ORDINARY_ID, Objective
from hypecheck.optimisation import TrainingConfig, optimise
from hypecheck.sequences import Codes
from hypecheck.tokenizers import MASK

Floats = npt.NDArray[np.float64]
_LN2 = float(np.log(2))


def masked_bits(
    model: Transformer, codes: Codes, places: npt.ArrayLike, *, batch_size: int = 128
) -> Floats:
    """Bits that a masked model of single bases pays for hidden bases.

    Parameters
    ----------
    model : Transformer
        It reads single bases.
    codes : ndarray of uint8, shape (N, L)
        Windows of known bases.
    places : array_like of int64, shape (P,)
        Positions that are hidden, all at once.
    batch_size : int, default 128
        Windows at a time.

    Returns
    -------
    bits : ndarray of float64, shape (N, P)
        -log2 P(base | visible bases).

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab_size=7))
    >>> masked_bits(model, np.zeros((2, 20), np.uint8), [5, 15]).shape
    (2, 2)
    """
    logs = _log2_at(model, codes, places, batch_size)  # (N, P, 4)
    true = np.asarray(codes)[:, np.asarray(places)]
    bits: Floats = -np.take_along_axis(logs, true[:, :, None].astype(np.int64), axis=2)[:, :, 0]
    return bits


def certainty(model: Transformer, codes: Codes, *, every: int = 12) -> Floats:
    """Tell how sure a masked model is of each base, when that base is hidden.

    Parameters
    ----------
    model : Transformer
        It reads single bases.
    codes : ndarray of uint8, shape (N, L)
        Windows of known bases.
    every : int, default 12
        Distance of the bases that are hidden in one pass.

    Returns
    -------
    certainty : ndarray of float64, shape (N, L)
        2 bits less the entropy of the prediction: 0 for a guess among four, 2 for certainty.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab_size=7))
    >>> certainty(model, np.zeros((1, 20), np.uint8)).shape
    (1, 20)
    """
    sure = np.empty(codes.shape)
    for first in range(every):
        places = np.arange(first, codes.shape[1], every)
        logs = _log2_at(model, codes, places, 128)
        logs = logs - np.logaddexp2.reduce(logs, axis=2, keepdims=True)
        sure[:, places] = 2 + (np.exp2(logs) * logs).sum(axis=2)
    return sure


def causal_bits(model: Transformer, codes: Codes, *, batch_size: int = 128) -> Floats:
    """Bits that a causal model of single bases pays for every base but the first.

    Parameters
    ----------
    model : Transformer
        Causal; it reads single bases.
    codes : ndarray of uint8, shape (N, L)
        Windows of known bases.
    batch_size : int, default 128
        Windows at a time.

    Returns
    -------
    bits : ndarray of float64, shape (N, L - 1)
        -log2 P(base | bases to its left).

    Raises
    ------
    ValueError
        If the model sees both sides.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab_size=7, causal=True))
    >>> causal_bits(model, np.zeros((2, 20), np.uint8)).shape
    (2, 19)
    """
    if not model.config.causal:
        raise ValueError("the model sees both sides; use masked_bits, or a causal model")
    torch.set_num_threads(1)
    tokens, found = as_tokens(codes), []
    with torch.inference_mode():
        for batch in torch.split(tokens, batch_size):
            logs = model(batch)[:, :-1].log_softmax(-1)  # (B, L - 1, V)
            found.append(-logs.gather(-1, batch[:, 1:, None])[:, :, 0] / _LN2)
    bits: Floats = torch.cat(found).double().numpy()
    return bits


def watch_training(
    model: Transformer,
    windows: Codes,
    objective: Objective,
    config: TrainingConfig,
    look: Callable[[Transformer], Any],
    steps: Collection[int],
) -> dict[int, Any]:
    """Train a model in place on windows, each read once, and look at it on the way.

    Parameters
    ----------
    model : Transformer
        It reads single bases.
    windows : ndarray of uint8, shape (N, L)
        Known bases; ``config.steps * config.batch_size`` windows at least.
    objective : MaskedObjective or CausalObjective
        What to predict.
    config : TrainingConfig
        How to train.
    look : callable
        What is asked of the model.
    steps : collection of int
        After how many steps it is asked, 0 to ``config.steps``.

    Returns
    -------
    seen : dict of int to object
        What `look` gave, by step.

    Raises
    ------
    ValueError
        If there are too few windows.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> from hypecheck.objectives import MaskedObjective
    >>> windows = np.random.default_rng(0).integers(0, 4, (40, 24)).astype(np.uint8)
    >>> model = Transformer(TransformerConfig(vocab_size=7, d_model=8, n_heads=2, d_ff=16))
    >>> config = TrainingConfig(steps=10, batch_size=4)
    >>> bits = lambda m: float(masked_bits(m, windows, [4, 20]).mean())
    >>> sorted(watch_training(model, windows, MaskedObjective(), config, bits, (0, 10)))
    [0, 10]
    """
    needed = config.steps * config.batch_size
    if len(windows) < needed:
        raise ValueError(
            f"{config.steps} steps of {config.batch_size} windows need {needed}, got "
            f"{len(windows)}; draw more windows or train for fewer steps"
        )
    tokens, seen = as_tokens(windows), dict[int, Any]()

    def step_loss(step: int) -> tuple[torch.Tensor, int]:
        if step in steps:
            seen[step] = look(model)
        batch = tokens[step * config.batch_size : (step + 1) * config.batch_size]
        rng = np.random.default_rng([config.seed, step])
        return objective.losses(model, batch, rng).mean(), batch.numel()

    optimise(dict(model.named_parameters()), step_loss, config, identity={})
    if config.steps in steps:
        seen[config.steps] = look(model)
    return seen


def as_tokens(codes: Codes) -> torch.Tensor:
    """Turn codes of known bases into the token ids of the character tokenizer.

    Parameters
    ----------
    codes : ndarray of uint8, shape (N, L)
        A, C, G, T as 0 to 3.

    Returns
    -------
    token_ids : Tensor of int64, shape (N, L)
        3 to 6.

    Raises
    ------
    ValueError
        If a base is unknown.

    Examples
    --------
    >>> as_tokens(np.array([[0, 3]], np.uint8))
    tensor([[3, 6]])
    """
    array = np.asarray(codes)
    if array.size and array.max() > 3:
        raise ValueError("a base is unknown; give windows of known bases only")
    return torch.from_numpy(array.astype(np.int64) + FIRST_ORDINARY_ID)


def _log2_at(
    model: Transformer, codes: Codes, places: npt.ArrayLike, batch_size: int
) -> npt.NDArray[np.float64]:
    """Log2 probabilities of the four bases at hidden places, (N, P, 4)."""
    torch.set_num_threads(1)
    at, found = torch.as_tensor(np.asarray(places)), []
    with torch.inference_mode():
        for batch in torch.split(as_tokens(codes), batch_size):
            shown = batch.clone()
            shown[:, at] = MASK
            logits = model.decode(model.embed(shown)[:, at])
            ordinary = slice(FIRST_ORDINARY_ID, FIRST_ORDINARY_ID + 4)
            found.append(logits.log_softmax(-1)[:, :, ordinary] / _LN2)
    logs: npt.NDArray[np.float64] = torch.cat(found).double().numpy()
    return logs
