"""Can a task tell models apart? A task on which all rungs tie says nothing about any of them.

Design choices

- Two questions a task: which rungs stand clearly above chance, and which pairs of rungs differ
  clearly? Both are paired, on one test part, with seeds in the interval.
- All comparisons of all tasks that are asked about together are Holm-corrected together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hypecheck.ladder_result import Difference, LadderResult
from hypecheck.resampling import NEEDED_SEEDS, holm

CHANCE = "chance"


@dataclass(frozen=True)
class Separation:
    """What one task tells apart.

    Parameters
    ----------
    above_chance : tuple of str
        Rungs clearly above chance, best first.
    differ : tuple of (str, str)
        Pairs of other rungs that differ clearly, the better one first.
    """

    above_chance: tuple[str, ...]
    differ: tuple[tuple[str, str], ...]

    @property
    def tells_apart(self) -> bool:
        """Whether some rung is above chance, and some pair of rungs differs."""
        return bool(self.above_chance) and bool(self.differ)


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
        A comparison with fewer than five seeds is never clear.

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
    >>> Separation(("cnn",), (("cnn", "composition"),)).tells_apart
    True
    """
    asked = [(name, gap) for name, ladder in ladders.items() for gap in _pairs(ladder)]
    adjusted = holm([gap.p for _, gap in asked])
    clear = [
        (name, gap)
        for (name, gap), p in zip(asked, adjusted, strict=True)
        if p < alpha and (gap.interval95.n_seeds or NEEDED_SEEDS) >= NEEDED_SEEDS
    ]
    return {
        name: _separation(ladders[name], [g for n, g in clear if n == name]) for name in ladders
    }


def _pairs(ladder: LadderResult) -> Iterator[Difference]:
    """Every pair of rungs once; pairs with chance have it as their reference."""
    names = [CHANCE, *(rung.name for rung in ladder.rungs if rung.name != CHANCE)]
    for place, reference in enumerate(names[:-1]):
        later = names[place + 1 :]
        yield from (g for g in ladder.relative_to(reference).differences if g.rung in later)


def _separation(ladder: LadderResult, clear: list[Difference]) -> Separation:
    above = {g.rung for g in clear if g.reference == CHANCE and g.interval95.estimate > 0}
    pairs = [
        (g.rung, g.reference) if g.interval95.estimate > 0 else (g.reference, g.rung)
        for g in clear
        if g.reference != CHANCE
    ]
    return Separation(
        tuple(sorted(above, key=lambda name: -ladder[name].interval.estimate)), tuple(pairs)
    )
