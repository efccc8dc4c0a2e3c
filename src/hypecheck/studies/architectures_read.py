"""What the recorded families of sequence models say, and the shorter run of a page beside them.

Design choices

- Saved bits and recall are paired: two families with one seed saw the same rows in the same order.
- Exponents are paired by round: what slowed one model down slowed the others too.
- "Saved" is positive where the first of two families is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hypecheck.costs import exponents, seconds_by_length
from hypecheck.intervals import Interval
from hypecheck.recall import EDGES
from hypecheck.recorded import RecordedRun
from hypecheck.scores import learnable_gap_share
from hypecheck.seeds import grid_interval, seed_interval
from hypecheck.sequence_families import SequenceModel
from hypecheck.studies.architectures import FamiliesPlan, fit_dna, window_bits, windows_of

Floats = npt.NDArray[np.float64]


class FamilyRecord:
    """The recorded families.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("architectures")``.

    Attributes
    ----------
    names : list of str
        Families, keys of `hypecheck.sequence_families.FAMILIES`.
    titles : dict of str to str
        For tables and figures.
    """

    def __init__(self, run: RecordedRun) -> None:
        found = run.results
        self.names: list[str] = list(found["families"])
        self.titles = {name: str(one["title"]) for name, one in found["families"].items()}
        self.parameters = {name: int(one["parameters"]) for name, one in found["families"].items()}
        self.reach = {name: one["reach"] for name, one in found["families"].items()}
        self.rates = {name: float(rate) for name, rate in found["rates"].items()}
        self.floors = {name: float(bits) for name, bits in found["floors"].items()}
        self.lengths: list[int] = list(found["cost"]["lengths"])
        self.seconds = {name: np.array(one) for name, one in found["cost"]["seconds"].items()}
        self.memory: dict[str, dict[str, float]] = found["cost"]["peak_mebibytes"]
        self.training_seconds = {
            name: float(one["cpu_seconds"]) / len(one["bits"]) for name, one in found["dna"].items()
        }
        self._bits = {
            name: np.array([row.split() for row in one["bits"]], dtype=np.float64)
            for name, one in found["dna"].items()
        }
        self._accuracy = {name: np.array(one["accuracy"]) for name, one in found["recall"].items()}
        self.losses = {name: np.array(one["losses"]) for name, one in found["dna"].items()}

    def bits(self, name: str) -> Interval:
        """Bits per base of a family, over seeds and test windows."""
        return grid_interval(self._bits[name])

    def saved(self, name: str, other: str = "attention") -> Interval:
        """Bits per base that a family saves against another, paired."""
        return grid_interval(self._bits[other] - self._bits[name])

    def gap_share(self, name: str) -> float:
        """Share of the gap from letter frequencies to the best Markov model that was captured."""
        best = min(self.floors.values())
        return learnable_gap_share(
            float(self._bits[name].mean()), unigram=self.floors["order 0"], best=best
        )

    def still_falling(self, name: str) -> float:
        """Bits that the training loss fell in the last quarter of training, mean of the seeds."""
        parts = self.losses[name]
        n = max(1, parts.shape[1] // 4)
        return float((parts[:, -2 * n : -n] - parts[:, -n:]).mean())

    def recall(self, name: str) -> Interval:
        """Accuracy over all classes of distance, each counting alike, over seeds."""
        return seed_interval(self._accuracy[name].mean(axis=1))

    def recall_by_distance(self, name: str) -> dict[float, Interval]:
        """Accuracy by the middle of each class of distance, over seeds."""
        middles = np.sqrt(np.multiply(EDGES[:-1], EDGES[1:]))
        columns = self._accuracy[name].T
        return {
            float(place): seed_interval(column)
            for place, column in zip(middles, columns, strict=False)
        }

    def recalled_more(self, name: str, other: str = "attention") -> Interval:
        """Accuracy of a family minus that of another, paired by seed."""
        return seed_interval((self._accuracy[name] - self._accuracy[other]).mean(axis=1))

    def exponent(self, name: str) -> Interval:
        """Exponent of seconds in length, over rounds."""
        return seed_interval(exponents(self.seconds[name], self.lengths))

    def scales_better(self, name: str, other: str = "attention") -> Interval:
        """Exponent of another family minus that of a family, paired by round."""
        return exponent_gap(self.seconds, self.lengths, name, other)

    def milliseconds(self, name: str) -> dict[float, Interval]:
        """Time of one training step by length, over rounds."""
        columns = 1000 * self.seconds[name].T
        return {
            float(length): seed_interval(column)
            for length, column in zip(self.lengths, columns, strict=True)
        }


def exponent_gap(
    seconds: dict[str, Floats], lengths: Sequence[int], name: str, other: str
) -> Interval:
    """Subtract the exponent of one model from that of another, round by round.

    Parameters
    ----------
    seconds : dict of str to ndarray of float64, shape (rounds, number of lengths)
        From `hypecheck.costs.seconds_by_length`.
    lengths : sequence of int
        Tokens.
    name, other : str
        Models.

    Returns
    -------
    gap : Interval
        Of `other` minus `name`.

    Examples
    --------
    >>> seconds = {"a": np.array([[1.0, 2.0], [1.0, 2.1]]), "b": np.array([[1.0, 4.0]] * 2)}
    >>> round(exponent_gap(seconds, [10, 20], "a", "b").estimate, 2)
    0.96
    """
    return seed_interval(exponents(seconds[other], lengths) - exponents(seconds[name], lengths))


def live_costs(
    names: Sequence[str], lengths: Sequence[int], *, rounds: int, budget: int = 20_000
) -> dict[str, Floats]:
    """Time families on this machine.

    Parameters
    ----------
    names : sequence of str
        Families.
    lengths : sequence of int
        Tokens.
    rounds : int
        Repetitions.
    budget : int, default 20000
        Parameters.

    Returns
    -------
    seconds : dict of str to ndarray of float64, shape (rounds, number of lengths)
    """
    models = {name: SequenceModel(name, budget=budget) for name in names}
    return seconds_by_length(models, lengths, rounds=rounds)


def live_plan(*, steps: int, n_test: int = 128, n_bases: int = 400_000) -> FamiliesPlan:
    """Give the plan of a shorter run, on fewer bases."""
    return replace(FamiliesPlan(), n_test=n_test, steps=steps, n_bases=n_bases)


def live_bits(
    rates: dict[str, float], plan: FamiliesPlan, *, seeds: Sequence[int]
) -> dict[str, Floats]:
    """Train families for a shorter time and score them on test windows.

    Parameters
    ----------
    rates : dict of str to float
        Learning rate by family.
    plan : FamiliesPlan
        From `live_plan`.
    seeds : sequence of int
        Of weights and order of windows.

    Returns
    -------
    bits : dict of str to ndarray of float64, shape (S, number of test windows)
        Per base, by window.
    """
    _, _, test = windows_of(plan)
    found = {}
    for name, rate in rates.items():
        models, _ = fit_dna(plan, name, rate, seeds, plan.steps)
        found[name] = np.stack([window_bits(model, test) for model in models])
    return found
