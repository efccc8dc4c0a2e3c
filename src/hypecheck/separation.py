"""Can a task tell models apart? A task on which all rungs tie says nothing about any of them.

Design choices

- Two questions a task: does a rung stand clearly above chance, and does a rung differ clearly from
  the k-mer model? Both are paired, on one test part, with seeds in the interval.
- All comparisons of all tasks that are asked about together are Holm-corrected together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypecheck.ladder_result import LadderResult
from hypecheck.resampling import NEEDED_SEEDS, holm

CHANCE = "chance"


@dataclass(frozen=True)
class Separation:
    """What one task tells apart.

    Parameters
    ----------
    above_chance : tuple of str
        Rungs clearly above chance, best first.
    above_reference, below_reference : tuple of str
        Rungs clearly above or below the reference rung, chance left out.
    """

    above_chance: tuple[str, ...]
    above_reference: tuple[str, ...]
    below_reference: tuple[str, ...]

    @property
    def tells_apart(self) -> bool:
        """Whether some rung is above chance, and some rung differs from the reference."""
        return bool(self.above_chance) and bool(self.above_reference or self.below_reference)


def separations(
    ladders: Mapping[str, LadderResult], *, alpha: float = 0.05
) -> dict[str, Separation]:
    """Ask of several tasks what each tells apart, with one correction over all.

    Parameters
    ----------
    ladders : mapping of str to LadderResult
        By name of the task; each with a rung "chance".
    alpha : float, default .05
        Family-wise error over all comparisons of all tasks.

    Returns
    -------
    separations : dict of str to Separation
        A trained rung with fewer than five seeds is in no list.

    Raises
    ------
    ValueError
        If a ladder has no rung "chance".

    References
    ----------
    Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 65–70.

    Examples
    --------
    >>> Separation(("cnn",), (), ("composition",)).tells_apart
    True
    """
    asked = [
        (name, against, gap)
        for name, ladder in ladders.items()
        for against, result in ((CHANCE, ladder.relative_to(CHANCE)), (ladder.reference, ladder))
        for gap in result.differences
        if gap.rung != CHANCE
    ]
    adjusted = holm([gap.p for _, _, gap in asked])
    clear = [
        (name, against, gap.rung, gap.interval95.estimate > 0)
        for (name, against, gap), p in zip(asked, adjusted, strict=True)
        if p < alpha and (gap.interval95.n_seeds is None or gap.interval95.n_seeds >= NEEDED_SEEDS)
    ]

    def rungs(name: str, *, against: str, above: bool) -> tuple[str, ...]:
        ladder = ladders[name]
        found = [one for task, to, one, up in clear if (task, to, up) == (name, against, above)]
        return tuple(sorted(found, key=lambda one: -ladder[one].interval.estimate))

    return {
        name: Separation(
            rungs(name, against=CHANCE, above=True),
            rungs(name, against=ladder.reference, above=True),
            rungs(name, against=ladder.reference, above=False),
        )
        for name, ladder in ladders.items()
    }
