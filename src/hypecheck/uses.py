"""Whether a model is of use as it stands: frozen under a linear probe, or not touched at all.

A use is a "success", a "failure", or "open" where the interval allows both. The margins are those
of the ledger: what lies within them is as good as none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from hypecheck.intervals import Interval
from hypecheck.ladder_result import Difference
from hypecheck.resampling import share_interval

MARGIN = 0.03
Use: TypeAlias = Literal["success", "failure", "open"]


def frozen_use(difference: Difference) -> Use:
    """Judge frozen vectors by their difference to the tuned k-mer model on the same labels.

    Parameters
    ----------
    difference : Difference
        Of the frozen rung to the k-mer rung.

    Returns
    -------
    use : str
        "success" if the 90 % interval lies above minus the margin, "failure" if the rung loses
        (95 %, Holm-corrected within its ladder), else "open".

    Examples
    --------
    >>> wide, narrow = Interval(-0.1, -0.2, 0.0), Interval(-0.1, -0.18, -0.02)
    >>> frozen_use(Difference("frozen", "k-mers", wide, narrow, 0.04, 0.08, "not resolved", False))
    'open'
    """
    if difference.interval90.low > -MARGIN:
        return "success"
    return "failure" if difference.word == "loses" else "open"


def zero_shot_use(score: Interval, *, chance: float = 0.5) -> Use:
    """Judge the score of an untouched model against guessing.

    Parameters
    ----------
    score : Interval
        95 % interval over seeds and items, e.g. of an AUROC.
    chance : float, default 0.5
        What guessing earns.

    Returns
    -------
    use : str
        "success" if the interval lies above chance, "failure" if it ends within the margin of it or
        below, else "open".

    Examples
    --------
    >>> [zero_shot_use(Interval(0.5, *ends)) for ends in ((0.51, 0.9), (0.4, 0.52), (0.4, 0.6))]
    ['success', 'failure', 'open']
    """
    if score.low > chance:
        return "success"
    return "failure" if score.high < chance + MARGIN else "open"


def share_of(uses: Sequence[Use], wanted: Use = "success") -> Interval:
    """Give the share of one outcome among tasks, with Wilson's interval over tasks.

    Parameters
    ----------
    uses : sequence of str
        One for each task.
    wanted : str, default "success"
        Which to count.

    Returns
    -------
    share : Interval
        It has width even where all tasks agree, as few tasks ask for.

    Examples
    --------
    >>> print(share_of(["success", "failure", "open"]))
    .333 [.061, .792]
    """
    return share_interval([use == wanted for use in uses])
