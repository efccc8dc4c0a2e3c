"""The ledger as it is written: claims, the rules that judge them, and the verdicts accepted so far.

``claims.yml`` holds what is claimed and how it will be judged, and its head explains each field;
``verdicts.json`` holds what was accepted, when and why (:mod:`bookkeeping.verdicts`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from bookkeeping.rules import Rule, RuleError

CLAIMS, VERDICTS = Path("claims.yml"), Path("verdicts.json")
NOT_TESTABLE = "not testable"
CHOICES = {
    "modality": ("DNA", "transcriptome", "protein", "image", "general"),
    "form": ("existence", "frequency", "universal", "causal", "practice", "fact"),
    "paradigm": (
        "self-supervised sequence",
        "supervised sequence-to-function",
        "cell state",
        "baseline",
        "any",
    ),
    "basis": ("exploratory", "confirmatory"),
    "kinds": ("live", "recorded", "published", "computed", NOT_TESTABLE),
}


class LedgerError(ValueError):
    """A ledger that contradicts itself, or a verdict that cannot be accepted."""


@dataclass(frozen=True)
class Claim:
    """One row of the ledger; ``claims.yml`` says what each field means."""

    id: str
    claim: str
    source: str
    section: str
    modality: str
    form: str
    paradigm: str
    basis: str
    kinds: tuple[str, ...]
    chapter: str
    published: tuple[str, ...] = ()
    numbers: Mapping[str, str] = field(default_factory=dict)
    rule: Rule | None = None
    reason: str = ""
    note: str = ""

    @classmethod
    def from_mapping(cls, name: str, fields: Mapping[str, Any]) -> Claim:
        """Read a row as ``claims.yml`` writes it."""
        row: dict[str, Any] = {"id": name, **fields}
        try:
            row |= {key: tuple(row[key]) for key in ("kinds", "published")}
            if "rule" in row:
                row["rule"] = Rule.from_mapping(row["rule"])
            return cls(**row)
        except (KeyError, TypeError, RuleError) as error:
            raise LedgerError(f"{CLAIMS}: {name}: {error}") from error

    @property
    def names(self) -> tuple[str, ...]:
        """Results that decide, then those that are watched."""
        return tuple(dict.fromkeys([*self.read("names"), *self.numbers]))

    def read(self, what: str) -> tuple[str, ...]:
        """Return what the rule reads: ``names``, ``claims``, or names ``tested`` against zero."""
        return self.rule.read(what) if self.rule else ()


@dataclass(frozen=True)
class Accepted:
    """A verdict, as it was accepted: on which numbers, by which rule, at which commit, and why."""

    verdict: str
    commit: str
    date: str
    why: str
    rule: str
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Ledger:
    """All claims with their history.

    Parameters
    ----------
    claims : mapping of str to Claim
    history : mapping of str to tuple of Accepted
        The last verdict of each claim is in force.
    evidence : mapping of str to str
        The field that each cited work is about.
    margin : float
        Differences within it are as good as none, unless a rule sets its own.
    seeds : int
        Fewer trainings resolve nothing.
    first_form : frozenset of str
        Chapters that do not run all of their claims yet.
    """

    claims: Mapping[str, Claim]
    history: Mapping[str, tuple[Accepted, ...]] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)
    margin: float = 0.03
    seeds: int = 5
    first_form: frozenset[str] = frozenset()

    @classmethod
    def load(cls, root: Path) -> Ledger:
        """Read both files; a book without ``claims.yml`` has an empty ledger.

        Raises
        ------
        LedgerError
            If a row is malformed or rows contradict one another.
        """
        if not (root / CLAIMS).exists():
            return cls({})
        raw = json.loads((root / VERDICTS).read_text()) if (root / VERDICTS).exists() else {}
        history = {name: tuple(Accepted(**e) for e in entries) for name, entries in raw.items()}
        return cls.parse((root / CLAIMS).read_text("utf-8"), history)

    @classmethod
    def parse(cls, text: str, history: Mapping[str, tuple[Accepted, ...]] | None = None) -> Ledger:
        """Read the text of ``claims.yml``."""
        raw = yaml.safe_load(text)
        claims = {name: Claim.from_mapping(name, row) for name, row in raw["claims"].items()}
        evidence = {work: about for about, works in raw["evidence"].items() for work in works}
        unfinished = frozenset(raw.get("first_form", ()))
        ledger = cls(claims, history or {}, evidence, raw["margin"], raw["seeds"], unfinished)
        if faults := list(_faults(ledger)):
            raise LedgerError(f"{CLAIMS}:\n  " + "\n  ".join(faults))
        return ledger

    def of_chapter(self, chapter: str) -> list[Claim]:
        """Return the claims that a chapter puts to the test."""
        return [claim for claim in self.claims.values() if claim.chapter == chapter]


def kind_of(name: str) -> str:
    """Return the kind of evidence that the middle part of a result's name announces.

    Examples
    --------
    >>> kind_of("value.recorded.llr-auroc"), kind_of("value.brca1.rarity-auroc")
    ('recorded', 'live')
    """
    middle = name.split(".")[1]
    return middle if middle in ("recorded", "published") else "live"


def _faults(ledger: Ledger) -> Iterator[str]:
    """Find what no ledger may say: names without meaning, another field's evidence, circles."""
    about = {name: claim.modality for name, claim in ledger.claims.items()} | {**ledger.evidence}
    for claim in ledger.claims.values():
        yield from (f"{claim.id}: {fault}" for fault in _faults_of_row(claim))
        for name in claim.numbers:
            if name in about or not name.startswith(f"{claim.chapter}."):
                yield f"{claim.id}: {name} is defined twice, or is a name of another chapter"
            about[name] = claim.modality
    for claim in ledger.claims.values():
        for name in (*claim.read("names"), *claim.read("claims"), *claim.published):
            if name not in about:
                yield f"{claim.id}: nothing defines {name}"
            elif claim.modality == "DNA" != about[name]:
                yield f"{claim.id} is about DNA models, and {name} is not"
    try:
        TopologicalSorter({c.id: c.read("claims") for c in ledger.claims.values()}).prepare()
    except CycleError as error:
        yield f"verdicts that wait for one another: {' -> '.join(error.args[1])}"


def _faults_of_row(claim: Claim) -> Iterator[str]:
    for key, allowed in CHOICES.items():
        value = getattr(claim, key)
        for word in value if isinstance(value, tuple) else (value,):
            if word not in allowed:
                yield f"{key} {word!r} is none of {', '.join(allowed)}"
    kinds = {kind_of(name) for name in claim.names}
    kinds |= {"computed"} if claim.read("claims") else set()
    either = {"live", "recorded"} if "live" in kinds else set()  # a page may quote a record
    wanted = kinds if claim.rule else {NOT_TESTABLE}
    if not wanted - either <= set(claim.kinds) <= wanted | either:
        yield f"its kinds are {sorted(claim.kinds)}, and its numbers' kinds {sorted(kinds)}"
    if bool(claim.rule) == bool(claim.reason):
        yield "needs either a rule, or the reason why it is not testable"
