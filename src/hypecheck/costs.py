"""What a sequence model costs as sequences grow: seconds, peak memory, and the exponent.

Design choices

- Seconds are those of the processor for one forward and backward pass of one sequence.
- The exponent is the slope of log seconds on log length over all lengths measured, a number for
  each round; rounds go through all models in turn, so that what disturbs a round disturbs them all.
- Memory is measured in a copy of the process: the largest resident size less what was there before.

References
----------
Tay et al. 2022, Efficient transformers: a survey, https://doi.org/10.1145/3530811.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Floats = npt.NDArray[np.float64]


def train_step(model: nn.Module, length: int) -> None:
    """Run forward and backward on one random sequence.

    Parameters
    ----------
    model : nn.Module
        From token ids ``(B, T)`` to logits.
    length : int
        Tokens T.
    """
    model.zero_grad(set_to_none=True)
    tokens = torch.arange(length)[None] * 7 % 11 % 4
    torch.autograd.backward(model(tokens).float().logsumexp(-1).mean())


def seconds_by_length(
    models: Mapping[str, nn.Module], lengths: Sequence[int], *, rounds: int
) -> dict[str, Floats]:
    """Time one training step of every model at every length.

    Parameters
    ----------
    models : mapping of str to nn.Module
        Models.
    lengths : sequence of int
        Tokens.
    rounds : int
        How often; one more round at the shortest length, before, is not counted.

    Returns
    -------
    seconds : dict of str to ndarray of float64, shape (rounds, number of lengths)
        Of the processor.
    """
    found = {name: np.empty((rounds, len(lengths))) for name in models}
    for model in models.values():
        train_step(model, min(lengths))
    for turn in range(rounds):
        for column, length in enumerate(lengths):
            for name, model in models.items():
                start = time.process_time()
                train_step(model, length)
                found[name][turn, column] = time.process_time() - start
    return found


def exponents(seconds: npt.ArrayLike, lengths: Sequence[int]) -> Floats:
    """Give the slope of log seconds on log length in every round.

    Parameters
    ----------
    seconds : array_like, shape (rounds, number of lengths)
        Times.
    lengths : sequence of int
        Tokens.

    Returns
    -------
    slopes : ndarray of float64, shape (rounds,)
        1 where time is in proportion to length, 2 where to its square.

    Examples
    --------
    >>> exponents([[1.0, 4.0, 16.0], [3.0, 6.0, 12.0]], [10, 20, 40]).round(6)
    array([2., 1.])
    """
    slopes: Floats = np.polyfit(np.log(lengths), np.log(np.asarray(seconds)).T, 1)[0]
    return slopes


def peak_mebibytes(work: Callable[[], object]) -> float:
    """Measure how much memory a piece of work takes at its peak.

    Parameters
    ----------
    work : callable
        Called once, in a copy of this process.

    Returns
    -------
    mebibytes : float
        Growth of the copy's largest resident size.

    Raises
    ------
    OSError
        If the work failed, or the system cannot copy a process (Windows).
    """
    if not hasattr(os, "fork"):
        raise OSError("memory is measured in a copy of the process, which this system cannot make")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            before = _largest_resident()
            work()
            os.write(writing, str(_largest_resident() - before).encode())
        finally:
            os._exit(0)  # whatever happens, a copy must not go on with its parent's work
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        raise OSError("the copy of the process ended without an answer; run the work by itself")
    return float(answer)


def _largest_resident() -> float:
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
