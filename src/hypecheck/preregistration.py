"""A card that says before the test is read what will be compared, and what will count as what.

Design choices

- A card is stamped with a hash of everything on it. A verdict can only be had for the stamp, so a
  card changed after the fact gives an error instead of a verdict.
- The verdict is that of `hypecheck.intervals.compare`: beats, level, loses, or not resolved.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np

from hypecheck.intervals import Interval, compare


class ChangedCardError(ValueError):
    """A card that is not the one that was stamped."""


@dataclass(frozen=True)
class Card:
    """What is settled before the test is read.

    Parameters
    ----------
    claim : str
        One sentence that can turn out false.
    task, split : str
        The data, and how its parts were kept apart.
    new, opponent, control : str
        The model that the claim praises, the strongest simple one, and what tells the claimed cause
        from another.
    metric : str
        How a prediction is scored.
    margin : float
        The least difference that would matter to somebody.
    seeds, n_test : int
        Training runs, and items of the test part.
    chosen_on : str
        Where settings are chosen.

    Raises
    ------
    ValueError
        If a line is empty, or a number is not positive.

    Examples
    --------
    >>> lines = ("A beats B", "toy", "random", "A", "B", "none", "MCC", 0.03, 5, 400, "validation")
    >>> card = Card(*lines)
    >>> len(card.stamp())
    12
    """

    claim: str
    task: str
    split: str
    new: str
    opponent: str
    control: str
    metric: str
    margin: float
    seeds: int
    n_test: int
    chosen_on: str

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (value.strip() if isinstance(value, str) else value > 0):
                raise ValueError(f"the card's line {name!r} is {value!r}; settle it before the run")

    def stamp(self) -> str:
        """Return twelve hexadecimal digits that change with every line of the card."""
        whole = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()[:12]


def judge(card: Card, stamp: str, difference: Interval) -> str:
    """Judge a difference by the card that was stamped before it was known.

    Parameters
    ----------
    card : Card
        What was settled.
    stamp : str
        As noted before the test was read.
    difference : Interval
        New minus opponent, with a standard error.

    Returns
    -------
    verdict : str
        As `hypecheck.intervals.compare` puts it.

    Raises
    ------
    ChangedCardError
        If the card does not bear that stamp.

    Examples
    --------
    >>> lines = ("A beats B", "toy", "random", "A", "B", "none", "MCC", 0.03, 5, 400, "validation")
    >>> card = Card(*lines)
    >>> late = Interval(0.1, 0.06, 0.14, standard_error=0.02, degrees_of_freedom=4)
    >>> judge(card, card.stamp(), late)
    'beats'
    """
    if card.stamp() != stamp:
        raise ChangedCardError(
            f"the card bears the stamp {card.stamp()} and {stamp} was noted before the run; "
            "judge by the card that was stamped, or stamp a new one and take new data"
        )
    return compare(difference, difference.at_level(0.90), card.margin)


def smallest_visible_gain(n_test: int, disagreement: float, *, z: float = 1.96) -> float:
    """Tell what gain a test of this size can tell from none, before it is read.

    Parameters
    ----------
    n_test : int
        Items of the test part, in two classes of equal size.
    disagreement : float
        Share of items on which the two models differ, guessed or seen on other data.
    z : float, default 1.96
        Standard errors that a visible gain has to exceed.

    Returns
    -------
    gain : float
        In MCC.

    Raises
    ------
    ValueError
        If `n_test` is not positive or `disagreement` no share.

    Notes
    -----
    Only items on which two models disagree can tell them apart (McNemar, Psychometrika 12:153,
    1947): the variance of their difference in accuracy is at most disagreement / n. For two classes
    of equal size that are predicted equally often, MCC = 2 accuracy − 1.

    Examples
    --------
    >>> round(smallest_visible_gain(1000, 0.1), 3)
    0.039
    """
    if n_test < 1 or not 0 <= disagreement <= 1:
        raise ValueError(
            f"n_test {n_test} and disagreement {disagreement}: need a size and a share"
        )
    return float(2 * z * np.sqrt(disagreement / n_test))
