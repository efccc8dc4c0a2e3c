"""Read the measures of an ensemble with their intervals, from a record or from a run of this build.

Design choices

- What is measured between members is jackknifed over members; what each member has by itself gets
  Student's interval over members. Both say how much the next training would differ.
- The share of the learnable gap is told of every ensemble, or that there is nothing to learn.
- "Per letter" divides bits by the letters that a token stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hypecheck.intervals import Interval
from hypecheck.jackknife import jackknife_interval, pair_interval
from hypecheck.scores import learnable_gap_share
from hypecheck.seeds import grid_interval, seed_interval

LEAST_GAP = 0.02  # bits; below, no context was found that helps
Table = Literal["embedding", "decoder"]
Labels = Literal["empirical", "true"]
Per = Literal["token", "letter", "gap"]


@dataclass(frozen=True, eq=False)
class EnsembleResult:
    """One ensemble's measures.

    Parameters
    ----------
    measures : mapping
        As `hypecheck.studies.entropy.ensemble_cell` gives them.

    Examples
    --------
    >>> tokens = {"loss": [2.0, 2.2, 2.1], "js": {"1.0": [[0, 1, 2], [1, 0, 3], [2, 3, 0]]}}
    >>> one = EnsembleResult({"unigram": 3.0, "reference": 1.0, "tokens": tokens})
    >>> round(one.captured.estimate, 2), one.js().estimate
    (0.45, 2.0)
    """

    measures: Mapping[str, Any]

    @property
    def tokens(self) -> Mapping[str, Any]:
        """Measures of the predicted tokens."""
        found: Mapping[str, Any] = self.measures["tokens"]
        return found

    @property
    def gap(self) -> float:
        """Bits per token that context could save, as far as the reference knows."""
        return float(self.measures["unigram"] - self.measures["reference"])

    @property
    def is_learnable(self) -> bool:
        """Whether the reference found any context that helps."""
        return self.gap > LEAST_GAP

    @property
    def captured(self) -> Interval:
        """Share of the learnable gap that the members captured.

        Raises
        ------
        ValueError
            If there is nothing to learn: ask `is_learnable` first.
        """
        bounds = {"unigram": self.measures["unigram"], "best": self.measures["reference"]}
        return seed_interval([learnable_gap_share(x, **bounds) for x in self.tokens["loss"]])

    @property
    def captured_text(self) -> str:
        """The same in words, for a table."""
        return str(self.captured) if self.is_learnable else "nothing to learn"

    @property
    def entropy_share(self) -> Interval:
        """Entropy of the predictions over the largest possible, over members and windows."""
        return grid_interval(np.array(self.tokens["entropy_groups"]) / 6)  # log2 of 64 tokens

    def member_mean(self, name: str, *, per: Per = "token") -> Interval:
        """Mean over members of what each has by itself.

        Parameters
        ----------
        name : str
            "loss", "entropy", "kl_from_uniform" or "accuracy".
        per : {"token", "letter", "gap"}, default "token"
            What bits are divided by.

        Returns
        -------
        interval : Interval
            Student's, over members.
        """
        return seed_interval(np.array(self.tokens[name]) / self._unit(per))

    def js(self, share: float = 1.0, *, letters: bool = False) -> Interval:
        """Jensen–Shannon distance between members.

        Parameters
        ----------
        share : float, default 1
            Top-p reweighting before.
        letters : bool, default False
            Of the predictions of single letters of a block.

        Returns
        -------
        interval : Interval
            Members jackknifed.
        """
        if letters and "letters" in self.measures:
            return pair_interval(self.measures["letters"]["js"])
        return pair_interval(self.tokens["js"][str(float(share))])

    def top1(self, *, letters: bool = False) -> Interval:
        """Share of positions at which two members prefer different tokens (or letters).

        Parameters
        ----------
        letters : bool, default False
            Of the predictions of single letters of a block.

        Returns
        -------
        interval : Interval
            Members jackknifed.
        """
        of = self.measures["letters"] if letters and "letters" in self.measures else self.tokens
        return pair_interval(of["top1"])

    def information(self, *, per: Per = "gap") -> Interval:
        """Mutual information of prediction and member.

        Parameters
        ----------
        per : {"gap", "token", "letter"}, default "gap"
            Over the learnable gap, or in bits per token or letter.

        Returns
        -------
        interval : Interval
            Members jackknifed.

        Raises
        ------
        ValueError
            If it is asked over a gap that is not there.
        """
        unit = self._unit(per)
        without = np.array(self.tokens["information_without"]) / unit
        return jackknife_interval(self.tokens["information"] / unit, without)

    def stability(self, measure: str, *, k: int = 5, table: Table = "embedding") -> Interval:
        """Likeness of the members' token vectors.

        Parameters
        ----------
        measure : str
            "neighbours", "local_spearman", "procrustes" or "cka".
        k : int, default 5
            Number of neighbours.
        table : {"embedding", "decoder"}, default "embedding"
            Input table, or the output table of untied models.

        Returns
        -------
        interval : Interval
            Members jackknifed.
        """
        found = self.measures[table][measure]
        return pair_interval(found[str(k)] if measure == "neighbours" else found)

    def fisher_share(self, part: str, labels: Labels = "empirical") -> Interval:
        """Share of the Fisher information in one part of the model.

        Parameters
        ----------
        part : str
            "embedding", "layers" (all of them), "decoder" or "head".
        labels : {"empirical", "true"}, default "empirical"
            True tokens as labels, or tokens drawn from the model.

        Returns
        -------
        interval : Interval
            Student's, over members.
        """
        members = self.measures["fisher"][labels]
        return seed_interval([_sum(one, part) / sum(one.values()) for one in members])

    def fisher_density(self, part: str, labels: Labels = "empirical") -> Interval:
        """Fisher information per parameter of one part over that of the whole model.

        Parameters
        ----------
        part, labels
            As in `fisher_share`.

        Returns
        -------
        interval : Interval
            1 where the part holds as much per parameter as the whole.
        """
        sizes = self.measures["fisher"]["sizes"]
        share = _sum(sizes, part) / sum(sizes.values())
        members = self.measures["fisher"][labels]
        return seed_interval([_sum(one, part) / sum(one.values()) / share for one in members])

    def _unit(self, per: Per) -> float:
        if per == "token":
            return 1.0
        if per == "letter":
            return float(self.measures["letters_per_token"])
        if not self.is_learnable:
            raise ValueError(
                f"the learnable gap is {self.gap:.3f} bits: nothing to divide by; ask per='token'"
            )
        return self.gap


def _sum(by_group: Mapping[str, float], part: str) -> float:
    wanted = "layer " if part == "layers" else part
    return sum(value for group, value in by_group.items() if group.startswith(wanted))
