"""What pretraining seems to be worth, by how hard each side was tuned: read from a record.

Design choices

- The study "pretraining" keeps the predictions of every run it made. So one can ask what somebody
  who had stopped earlier would have reported, for the pretrained model, for its random twin, or for
  both.
- Every choice is made by the validation score; the test part decides nothing.
- Differences are paired over seeds and test items, look-alikes resampled together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.ladder_result import RESAMPLING_SEED, unpack
from hypecheck.resampling import Interval, paired_seeds_and_items, seeds_and_items_interval
from hypecheck.scores import matthews

Results = Mapping[str, Any]
Runs = Sequence[Mapping[str, Any]]
EFFORTS = ("one rate", "four rates", "two of them, longer")
ARMS = ("pretrained", "random")
CNN = "cnn"


def effort_steps(results: Results) -> dict[str, int]:
    """Say how many training steps an arm had cost when each level of tuning was done.

    Parameters
    ----------
    results : mapping
        ``recorded.read_run("pretraining").results``.

    Returns
    -------
    steps : dict of str to int
        By level of `EFFORTS`, one seed.

    Examples
    --------
    >>> effort_steps({"plan": {"stages": [[4, 60], [2, 240]]}})
    {'one rate': 60, 'four rates': 240, 'two of them, longer': 720}
    """
    (n_first, short), (n_second, long) = results["plan"]["stages"]
    return dict(
        zip(EFFORTS, (short, n_first * short, n_first * short + n_second * long), strict=True)
    )


def chosen_run(runs: Runs, effort: str, *, first_rate: float, short: int) -> Mapping[str, Any]:
    """Give the run that somebody with so much patience would have kept.

    Parameters
    ----------
    runs : sequence of mapping
        Of one seed, in the order of training.
    effort : str
        One of `EFFORTS`: the short run at the first rate; the best short run; the best of all.
    first_rate : float
        The rate of somebody who tries only one.
    short : int
        Steps of the short runs.

    Returns
    -------
    run : mapping
        Chosen by its best validation score.

    Raises
    ------
    ValueError
        If there is no such effort.

    Examples
    --------
    >>> def run(rate, steps, score):
    ...     return {"configuration": {"learning_rate": rate}, "steps": steps,
    ...             "validation": [[steps, score]]}
    >>> runs = [run(0.1, 60, 0.2), run(0.2, 60, 0.3), run(0.2, 240, 0.5)]
    >>> [chosen_run(runs, e, first_rate=0.1, short=60)["validation"][0][1] for e in EFFORTS]
    [0.2, 0.3, 0.5]
    """
    if effort not in EFFORTS:
        raise ValueError(f"no effort is called {effort!r}; there are {', '.join(EFFORTS)}")
    brief = [run for run in runs if run["steps"] == short]
    if effort == EFFORTS[0]:
        return next(run for run in brief if run["configuration"]["learning_rate"] == first_rate)
    return max(brief if effort == EFFORTS[1] else runs, key=best_validation)


def best_validation(run: Mapping[str, Any]) -> float:
    """Give the best Matthews correlation that a run reached on the validation part."""
    return max(float(score) for _, score in run["validation"])


def classes(results: Results, tokenizer: str, arm: str, effort: str) -> npt.NDArray[np.uint8]:
    """Give the predicted classes of the test part.

    Parameters
    ----------
    results : mapping
        As in `effort_steps`.
    tokenizer : str
        "char", "kmer6", "bpe512", or "cnn" for the small convolutional network.
    arm : str
        One of `ARMS`; not looked at for the network.
    effort : str
        One of `EFFORTS`.

    Returns
    -------
    classes : ndarray of uint8, shape (S, N)
        One row for each seed.

    Raises
    ------
    ValueError
        If the record has no such arm.
    """
    plan, n_items = results["plan"], len(unpack(results["truth"]))
    rate = plan["cnn_rates"][0] if tokenizer == CNN else plan["first_rate"]
    rows = [
        chosen_run(runs, effort, first_rate=rate, short=plan["stages"][0][1])
        for runs in _seeds(results, tokenizer, arm)
    ]
    bits = [np.unpackbits(unpack(dict(row["predicted"])), count=n_items) for row in rows]
    return np.stack(bits)


def score(results: Results, tokenizer: str, arm: str, effort: str) -> Interval:
    """Matthews correlation on the test part, over seeds and items; arguments as in `classes`."""
    return seeds_and_items_interval(
        matthews,
        unpack(results["truth"]),
        classes(results, tokenizer, arm, effort),
        rng=np.random.default_rng(RESAMPLING_SEED),
        groups=unpack(results["groups"]),
        n_resamples=300,
    )


def difference(
    results: Results, first: tuple[str, str, str], second: tuple[str, str, str]
) -> Interval:
    """Compare two arms.

    Parameters
    ----------
    results : mapping
        As in `effort_steps`.
    first, second : tuple of (str, str, str)
        Tokenizer, arm and effort, as in `classes`.

    Returns
    -------
    difference : Interval
        Matthews correlation of the first minus that of the second.
    """
    return paired_seeds_and_items(
        matthews,
        unpack(results["truth"]),
        classes(results, *first),
        classes(results, *second),
        rng=np.random.default_rng(RESAMPLING_SEED),
        groups=unpack(results["groups"]),
        n_resamples=300,
    )


def gain(results: Results, tokenizer: str, pretrained: str, random: str) -> Interval:
    """Say what pretraining seems to bring if the two arms were tuned with these efforts.

    Parameters
    ----------
    results, tokenizer
        As in `classes`.
    pretrained, random : str
        Efforts of the two arms, each one of `EFFORTS`.

    Returns
    -------
    gain : Interval
        Paired over seeds and items.
    """
    return difference(results, (tokenizer, "pretrained", pretrained), (tokenizer, "random", random))


def rising_share(results: Results, tokenizer: str, arm: str) -> float:
    """Share of seeds whose kept run was best at its last look: more steps might have helped.

    Parameters
    ----------
    results, tokenizer, arm
        As in `classes`.

    Returns
    -------
    share : float
        0 to 1.
    """
    kept = [max(runs, key=best_validation) for runs in _seeds(results, tokenizer, arm)]
    last = [run["validation"][-1][1] == best_validation(run) for run in kept]
    return float(np.mean(last))


def _seeds(results: Results, tokenizer: str, arm: str) -> Sequence[Runs]:
    if tokenizer == CNN:
        network: Sequence[Runs] = results["cnn"]
        return network
    if tokenizer not in results["arms"] or arm not in results["arms"][tokenizer]:
        known = ", ".join(results["arms"])
        raise ValueError(f"no runs of {tokenizer!r}, {arm!r}; tokenizers: {known}; arms: {ARMS}")
    found: Sequence[Runs] = results["arms"][tokenizer][arm]
    return found
