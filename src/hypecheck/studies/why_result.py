"""Read the record of the study `hypecheck.studies.why`: intervals of what it measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck import scores
from hypecheck.faithfulness import METHODS
from hypecheck.intervals import Interval
from hypecheck.membership import attack_scores
from hypecheck.recorded import RecordedRun
from hypecheck.resampling import paired_seeds_and_items, seed_interval, seeds_and_items_interval
from hypecheck.seeds import grid_interval

Floats = npt.NDArray[np.float64]


def read_digits(text: str) -> Floats:
    """Read numbers that the study wrote down as text.

    Parameters
    ----------
    text : str
        Numbers with blanks between them.

    Returns
    -------
    values : ndarray of float64

    Examples
    --------
    >>> read_digits("0.5 1.25").tolist()
    [0.5, 1.25]
    """
    return np.array(text.split(), dtype=np.float64)


class WhyResult:
    """What the study found.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("why")``.
    n_resamples : int, default 500
        Of every bootstrap.
    """

    def __init__(self, run: RecordedRun, *, n_resamples: int = 500) -> None:
        self.results: dict[str, Any] = dict(run.results)
        self.plan: dict[str, Any] = run.results["plan"]
        self.n_resamples = n_resamples

    # --- privacy --------------------------------------------------------------------------------

    @property
    def passes(self) -> list[int]:
        """How often every member had been read at each look."""
        return list(self.plan["passes"])

    def losses(self, part: str) -> Floats:
        """Give mean bits per base, shape (S, looks), of "members", "others" or "kept_back"."""
        looks = [one["looks"] for one in self.results["membership"]]
        return np.array(
            [
                [
                    look[part] if part == "kept_back" else read_digits(look[part]).mean()
                    for look in one
                ]
                for one in looks
            ]
        )

    def stopped(self) -> int:
        """Find the look at which the loss on sequences kept back is least, on average."""
        return int(self.losses("kept_back").mean(axis=0).argmin())

    def membership(self, look: int, *, calibrated: bool = False) -> Interval:
        """Give the AUROC of the attack at a look, over seeds and sequences."""
        runs = self.results["membership"]
        truth = np.repeat([1, 0], self.plan["n_each"])
        rows = []
        for one in runs:
            bits = [read_digits(one["looks"][look][part]) for part in ("members", "others")]
            known = [read_digits(part) for part in one["reference"]]
            reference = np.concatenate(known) if calibrated else 0.0
            rows.append(attack_scores(np.concatenate(bits), reference))
        return seeds_and_items_interval(
            scores.auroc,
            truth,
            np.stack(rows),
            rng=np.random.default_rng(0),
            n_resamples=self.n_resamples,
        )

    def exposure(self, copies: int) -> dict[int, Interval]:
        """Give the exposure in bits of canaries written so many times, by passes, over seeds."""
        row = self.plan["copies"].index(copies)
        looks = [one["looks"] for one in self.results["membership"]]
        return {
            passes: seed_interval([np.mean(one[number]["exposure"][row]) for one in looks])
            for number, passes in enumerate(self.passes)
        }

    # --- black box ------------------------------------------------------------------------------

    def planted(self, kind: str) -> list[dict[str, Any]]:
        """Give the runs in a planted world."""
        return [one for one in self.results["planted"] if one["kind"] == kind]

    def accuracy(self, kind: str) -> Interval:
        """Give the accuracy of the fine-tuned models in a planted world, over seeds."""
        return seed_interval([one["accuracy"] for one in self.planted(kind)])

    def recovery(self, kind: str, method: str, *, model: str = "trained") -> Interval:
        """Give the AUROC with which a method marks what was planted, over seeds and sequences."""
        return grid_interval([one["recovered"][model][method] for one in self.planted(kind)])

    def best_method(self) -> str:
        """Name the explanation that marks a single planted word best: the positive control."""
        return max(METHODS, key=lambda method: self.recovery("motif", method).estimate)

    # --- objective and breadth ------------------------------------------------------------------

    def answers(self, diet: str, question: str, model: str = "pretrained") -> Floats:
        """Give what frozen vectors said, shape (S, items): scores of function, or classes."""
        diet = diet if model == "pretrained" else "promoters"
        found = [one for one in self.results["diets"] if one["diet"] == diet]
        read = read_digits if question == "function" else _read_classes
        return np.stack([read(one["answers"][model][question]) for one in found])

    def truth(self, question: str) -> npt.NDArray[np.int64]:
        """Give the true classes of the test items."""
        return _read_classes(self.results["tasks"][question])

    def regions(self, question: str) -> npt.NDArray[np.int64] | None:
        """Give the stretches of genome of the test genes; promoters have none."""
        return np.array(self.results["tasks"]["regions"]) if question == "function" else None

    def codon(self) -> Floats:
        """Give what codon usage said of the test genes, shape (1, N)."""
        return read_digits(self.results["tasks"]["codon"])[None]

    def score(self, question: str, predictions: Floats) -> Interval:
        """Give AUROC (function) or MCC (promoters) over seeds and items."""
        return seeds_and_items_interval(
            self._metric(question),
            self.truth(question),
            predictions,
            rng=np.random.default_rng(0),
            n_resamples=self.n_resamples,
            groups=self.regions(question),
        )

    def difference(self, question: str, ours: Floats, other: Floats) -> Interval:
        """Give the paired difference of two sets of predictions, over seeds and items."""
        other = np.repeat(other, len(ours), axis=0) if len(other) == 1 else other
        return paired_seeds_and_items(
            self._metric(question),
            self.truth(question),
            ours,
            other,
            rng=np.random.default_rng(0),
            n_resamples=self.n_resamples,
            groups=self.regions(question),
        )

    def learnt(self, diet: str) -> Interval:
        """Give the share of the learnable gap that the models of a diet captured, over seeds."""
        bits = [one["bits"] for one in self.results["diets"] if one["diet"] == diet]
        return seed_interval(
            [
                scores.learnable_gap_share(b["masked"], unigram=b["unigram"], best=b["markov"])
                for b in bits
            ]
        )

    @staticmethod
    def _metric(question: str) -> Any:
        return scores.auroc if question == "function" else scores.matthews


def _read_classes(text: str) -> npt.NDArray[np.int64]:
    return np.array(list(text), dtype=np.int64)
