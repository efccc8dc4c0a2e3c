"""The small language of the ledger's rules, read by a whitelist and never by ``eval``.

A rule is a list of verdicts, each with a condition over published results; the first condition that
is true decides. The head of ``claims.yml`` explains the words; here they are defined.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scipy import stats

from bookkeeping.results import Result
from hypecheck.resampling import holm

HOLDS, IN_PART, REFUTED = DECIDED = ("holds", "holds in part", "does not hold")
UNRESOLVED = "not resolved here"
_LEVEL, _EQUIVALENCE_LEVEL = 0.95, 0.90
_OF_VALUES: dict[str, Callable[..., Any]] = {
    "abs": abs, "min": min, "max": max, "count": lambda *conditions: sum(map(bool, conditions)),
}  # fmt: skip
_OF_CLAIMS = ("verdict", "supported", "refuted", "known")
_OF_RESULTS = (
    "value", "low", "high", "seeds", "enough_seeds",
    "beats", "loses", "matches", "not_worse", "no_better",
)  # fmt: skip
_WORDS = (*_OF_VALUES, *_OF_CLAIMS, *_OF_RESULTS)
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Not: operator.not_, ast.USub: operator.neg,
}  # fmt: skip
_ALLOWED = (
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Call, ast.Name, ast.Load,
    ast.Constant, *_OPERATORS,
)  # fmt: skip


class RuleError(ValueError):
    """A rule that cannot be read, or cannot be applied to what was published."""


@dataclass(frozen=True)
class Facts:
    """What a rule may look at, and the words it asks with: one method a word.

    Parameters
    ----------
    results : mapping of str to Result
        Published results by name.
    verdicts : mapping of str to str
        Accepted verdicts of other claims by id.
    tested : sequence of str
        Names that the rules of one chapter hold against zero: Holm's family.
    margin : float
        Differences within it are as good as none.
    needed_seeds : int
        Fewer trainings resolve nothing.
    """

    results: Mapping[str, Result]
    verdicts: Mapping[str, str] = field(default_factory=dict)
    tested: Sequence[str] = ()
    margin: float = 0.03
    needed_seeds: int = 5

    def value(self, name: str) -> float:
        """Return the number itself."""
        if name not in self.results:
            raise RuleError(f"nobody published {name}")
        value = self.results[name].value
        if isinstance(value, str):
            raise RuleError(f"{name} is a sentence, and the rule needs a number")
        return value

    def ends(self, name: str, level: float = _LEVEL) -> tuple[float, float]:
        """Return the interval; at another level by the ratio of its t quantiles."""
        value, result = self.value(name), self.results[name]
        if result.low is None or result.high is None or result.level != _LEVEL:
            raise RuleError(f"{name} has no {_LEVEL:.0%} interval: publish it with one")
        ratio = _quantile(result, level) / _quantile(result, _LEVEL)
        return value - ratio * (value - result.low), value + ratio * (result.high - value)

    def low(self, name: str) -> float:
        """Return the lower end of the 95 % interval."""
        return self.ends(name)[0]

    def high(self, name: str) -> float:
        """Return the upper end of the 95 % interval."""
        return self.ends(name)[1]

    def seeds(self, name: str) -> int:
        """Return the number of trainings; 0 where none is stated."""
        self.value(name)
        return self.results[name].seeds or 0

    def enough_seeds(self, *names: str) -> bool:
        """Tell whether each rests on as many trainings as a verdict needs."""
        return all(self.seeds(name) >= self.needed_seeds for name in names)

    def beats(self, name: str) -> bool:
        """Tell whether a difference lies above zero, also after Holm's correction."""
        return self.low(name) > 0 and self.adjusted_p(name) < 1 - _LEVEL

    def loses(self, name: str) -> bool:
        """Tell whether a difference lies below zero, also after Holm's correction."""
        return self.high(name) < 0 and self.adjusted_p(name) < 1 - _LEVEL

    def matches(self, name: str, margin: float | None = None) -> bool:
        """Tell whether the 90 % interval lies within the margin."""
        return self.not_worse(name, margin) and self.no_better(name, margin)

    def not_worse(self, name: str, margin: float | None = None) -> bool:
        """Tell whether the 90 % interval stays above minus the margin."""
        return self.ends(name, _EQUIVALENCE_LEVEL)[0] > -(self.margin if margin is None else margin)

    def no_better(self, name: str, margin: float | None = None) -> bool:
        """Tell whether the 90 % interval stays below the margin."""
        return self.ends(name, _EQUIVALENCE_LEVEL)[1] < (self.margin if margin is None else margin)

    def verdict(self, claim: str) -> str:
        """Return the accepted verdict of another claim."""
        return self.verdicts[claim]

    def supported(self, claim: str) -> bool:
        """Tell whether another claim holds, at least in part."""
        return self.verdicts[claim] in (HOLDS, IN_PART)

    def refuted(self, claim: str) -> bool:
        """Tell whether another claim does not hold."""
        return self.verdicts[claim] == REFUTED

    def known(self, *claims: str) -> int:
        """Count the claims that have been decided."""
        return sum(self.verdicts[claim] in DECIDED for claim in claims)

    def adjusted_p(self, name: str) -> float:
        """Return the p of no difference, Holm-adjusted over the chapter's tests of like results."""
        own = self.results[name]
        others = [r for n in self.tested if (r := self.results.get(n)) and r.kind == own.kind]
        family = [own, *(r for r in others if r is not own and r.low is not None)]
        return float(holm([_p_value(result) for result in family])[0])


def _degrees_of_freedom(result: Result) -> float:
    return result.seeds - 1 if result.seeds and result.seeds > 1 else math.inf


def _quantile(result: Result, level: float) -> float:
    return _t_quantile(level, _degrees_of_freedom(result))


@functools.cache
def _t_quantile(level: float, degrees_of_freedom: float) -> float:
    return float(stats.t.ppf((1 + level) / 2, degrees_of_freedom))


def _p_value(result: Result) -> float:
    """Return the two-sided p of zero that the interval implies."""
    value, low, high = float(result.value), float(result.low or 0.0), float(result.high or 0.0)
    half = value - low if value > 0 else high - value
    if half <= 0:
        return 0.0 if value else 1.0
    distance = abs(value) / half * _quantile(result, _LEVEL)
    return float(2 * stats.t.sf(distance, _degrees_of_freedom(result)))


@dataclass(frozen=True)
class Expression:
    """A condition, checked when it is read.

    Parameters
    ----------
    text : str
        As written.

    Raises
    ------
    RuleError
        If it holds anything besides the words, numbers and operators of the language.

    Examples
    --------
    >>> better = Expression('low("ch.x.gain") > 0.5 * value("ch.x.other")')
    >>> better.read("names")
    ('ch.x.gain', 'ch.x.other')
    >>> better(Facts({"ch.x.gain": Result("ch.x.gain", 0.3, 0.2, 0.4),
    ...               "ch.x.other": Result("ch.x.other", 0.1)}))
    True
    >>> Expression("open('secrets')")
    Traceback (most recent call last):
    ...
    bookkeeping.rules.RuleError: "open('secrets')": a rule knows no 'open'
    """

    text: str

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            if not isinstance(node, _ALLOWED) or getattr(node, "keywords", None):
                raise RuleError(f"{self.text!r}: a rule knows no {type(node).__name__}")
            if isinstance(node, ast.Name) and node.id not in _WORDS:
                raise RuleError(f"{self.text!r}: a rule knows no {node.id!r}")
            if isinstance(node, ast.Call) and not isinstance(node.func, ast.Name):
                raise RuleError(f"{self.text!r}: only the words of a rule can be asked")

    @functools.cached_property
    def tree(self) -> ast.expr:
        """The condition as Python reads it."""
        try:
            return ast.parse(" ".join(self.text.split()), mode="eval").body
        except SyntaxError as error:
            raise RuleError(f"{self.text!r} cannot be read: {error.msg}") from error

    def read(self, what: str) -> tuple[str, ...]:
        """Return the ``names`` of results that it reads, the ``claims``, or what is ``tested``."""
        words = {"names": _OF_RESULTS, "claims": _OF_CLAIMS, "tested": ("beats", "loses")}[what]
        calls = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        asked = [c.args for c in calls if isinstance(c.func, ast.Name) and c.func.id in words]
        constants = [a.value for args in asked for a in args if isinstance(a, ast.Constant)]
        return tuple(dict.fromkeys(c for c in constants if isinstance(c, str)))

    def __call__(self, facts: Facts) -> bool:
        """Tell whether it is true of the facts."""
        return bool(_evaluate(self.tree, facts))


def _evaluate(node: ast.expr, facts: Facts) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.BoolOp(op=joint, values=parts):
            decide = all if isinstance(joint, ast.And) else any
            return decide(_evaluate(part, facts) for part in parts)
        case ast.UnaryOp(op=sign, operand=operand):
            return _OPERATORS[type(sign)](_evaluate(operand, facts))
        case ast.BinOp(left=left, op=sign, right=right):
            return _OPERATORS[type(sign)](_evaluate(left, facts), _evaluate(right, facts))
        case ast.Compare(left=left, ops=signs, comparators=others):
            sides = [_evaluate(side, facts) for side in (left, *others)]
            steps = zip(signs, sides, sides[1:], strict=False)
            return all(_OPERATORS[type(sign)](a, b) for sign, a, b in steps)
        case ast.Call(func=ast.Name(id=word), args=asked):
            ask = _OF_VALUES[word] if word in _OF_VALUES else getattr(facts, word)
            return ask(*(_evaluate(argument, facts) for argument in asked))
    raise RuleError(f"a rule knows no {ast.dump(node)}")


@dataclass(frozen=True)
class Rule:
    """How published numbers become a verdict.

    Parameters
    ----------
    reads : str
        The rule in words, with direction, margin and interval.
    cases : tuple of (str, Expression)
        Verdicts and their conditions; the first true one decides.
    needs : Expression, optional
        Without it nothing is resolved.
    margin : float, optional
        In place of the ledger's.

    Raises
    ------
    RuleError
        If a case is not one of the decided verdicts, or there is none.

    Examples
    --------
    >>> rule = Rule.from_mapping({"reads": "Holds above zero.", "holds": 'low("ch.x.y") > 0'})
    >>> rule(Facts({"ch.x.y": Result("ch.x.y", 0.1, 0.05, 0.15)}))
    'holds'
    >>> rule(Facts({"ch.x.y": Result("ch.x.y", 0.1, -0.05, 0.25)}))
    'not resolved here'
    """

    reads: str
    cases: tuple[tuple[str, Expression], ...]
    needs: Expression | None = None
    margin: float | None = None

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> Rule:
        """Read a rule as ``claims.yml`` writes it."""
        cases = {k: v for k, v in raw.items() if k not in ("reads", "needs", "margin")}
        if not cases or set(cases) - set(DECIDED):
            raise RuleError(f"a rule needs cases among {DECIDED}, and has {sorted(cases)}")
        needs = Expression(raw["needs"]) if "needs" in raw else None
        pairs = tuple((verdict, Expression(str(text))) for verdict, text in cases.items())
        return cls(raw["reads"], pairs, needs, raw.get("margin"))

    def read(self, what: str) -> tuple[str, ...]:
        """Collect ``names``, ``claims`` or ``tested`` over all conditions."""
        conditions = [*([self.needs] if self.needs else []), *(case for _, case in self.cases)]
        return tuple(dict.fromkeys(found for c in conditions for found in c.read(what)))

    @property
    def digest(self) -> str:
        """Fingerprint of what decides; its wording may be mended without changing it."""
        texts = [self.needs.text if self.needs else "", *(case.text for _, case in self.cases)]
        parts = [self.margin, [v for v, _ in self.cases], [" ".join(t.split()) for t in texts]]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    def __call__(self, facts: Facts) -> str:
        """Return the verdict on the facts."""
        if self.needs is not None and not self.needs(facts):
            return UNRESOLVED
        return next((verdict for verdict, case in self.cases if case(facts)), UNRESOLVED)
