"""A checklist that reads an abstract and marks what a claim in it lacks.

Design choices

- It marks words, each with the question that they leave open. It never gives a paper or a person a
  score: an abstract is short, and the answer may stand in the text behind it.
- Rules are few, can be read in a minute, and look at one sentence at a time.
- What speaks for an abstract is found as well: a limit that it admits, a result against itself.
- Rules know words, not meaning. How often they err is measured on sentences labelled by hand, with
  a part that was never looked at while the rules were written.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import pandas as pd

_NUMBER = (
    r"(?<![\w-])[+-]?\d[\d.,]*(?:\s?(?:%|per cent|percent|points?|fold|x\b|×))?(?!-?[A-Za-z])"
    r"|\b(?:half|twice|double|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b"
)
_SPREAD = (
    r"±|\bintervals?\b|\bCI\b|\bstandard (?:errors?|deviations?)\b|\bs\.?[de]\.?\b|\bseeds\b"
    r"|\bp ?[<=]"
)
_WINS = r"outperform\w*|surpass\w*|exceed\w*|beat(?:s|en|ing)?"
_OPPONENT = (
    r"(?:the\s+|an?\s+|both\s+)?(?:[A-Z][\w-]*[A-Z0-9][\w-]*|k-mers?\b|[\w-]*\s?regression\b"
    r"|linear\b|random\b|phyloP\b|CADD\b|majority\b|chance\b|mean\b)"
)
_NAMED = rf"(?:\b(?:than|over|against|on|to|by)|\b(?:{_WINS}))\s+{_OPPONENT}"


@dataclass(frozen=True)
class Rule:
    """One thing to look for.

    Parameters
    ----------
    name : str
        In a word or two.
    asks : str
        The question that the marked words leave open.
    reason : str
        Why it matters.
    """

    name: str
    asks: str
    reason: str


RULES = (
    Rule("superlative", "Best among which, on what, by how much?",
         "A superlative is a comparison whose other side is left out."),
    Rule("universal", "On every one? What about the exceptions?",
         "One exception refutes it, and tables nearly always hold one."),
    Rule("no number", "By how much?", "A gain may be real and too small to matter."),
    Rule("no baseline", "Better than which model, tuned how?",
         "A weak opponent makes any model look strong."),
    Rule("no interval", "How far do seeds and test items move it?",
         "A difference without its spread may be one draw of many."),
)  # fmt: skip
_SUPERLATIVE = re.compile(
    r"\b(?:state[- ]of[- ]the[- ]art|SOTA|unprecedented|unparalleled|revolution\w+|breakthrough\w*"
    r"|remarkabl[ey]|exceptional(?:ly)?|outstanding|dramatic(?:ally)?|game[- ]chang\w+"
    r"|transformative|extremely accurate|for the first time"
    r"|the (?:best|largest|strongest|most (?:accurate|powerful|advanced|comprehensive))"
    r"|(?:we|is|are|present|introduce|as) the first)\b",
    re.IGNORECASE,
)
_UNIVERSAL = re.compile(
    r"\b(?:consistently|always|universal(?:ly)?|in all cases|without exception"
    r"|any (?:task|species|genome)"
    r"|(?:all|every|each)(?: [\w-]+){0,3}?"
    r" (?:tasks?|benchmarks?|datasets?|metrics|species|settings))\b",
    re.IGNORECASE,
)
_COMPARISON = re.compile(
    rf"\b(?:{_WINS}|superior\w*|better than|worse than|gain(?:s|ed) [+-]?[\d.]+"
    r"|improv(?:e[sd]?|ing|ements?)(?: (?:up)?on| over| upon)?|gains? over|advantages? over)(?!\w)",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:not|no|never|nor|fails? to|neither|without|cannot|whether|if|could|should"
    r"|aim(?:s|ed)? to|can we)\b",
    re.IGNORECASE,
)
_CREDIT = re.compile(
    r"\b(?:limitations?|limited to|in some cases|modest(?:ly)?|inconsistent\w*"
    r"|only (?:on|when|in)|on par|compar(?:able|ably)|however|although|less effective|trails?"
    r"|remains? (?:open|unclear|unresolved)|fails?|fell short|(?:does|do|did) not"
    r"|no (?:clear )?(?:gain|difference|advantage)s?)\b",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|et al|vs|cf|Fig|approx)\.$")


@dataclass(frozen=True)
class Mark:
    """Words of a text that a rule stopped at.

    Parameters
    ----------
    rule : Rule
        Which.
    start, end : int
        Place in the text.
    words : str
        What stands there.
    """

    rule: Rule
    start: int
    end: int
    words: str


@dataclass(frozen=True)
class Reading:
    """What the checklist found in a text.

    Parameters
    ----------
    text : str
        As given.
    marks : tuple of Mark
        In the order of the text.
    credits : tuple of str
        Words by which the text limits its own claims.
    n_sentences : int
        How many sentences were read.
    """

    text: str
    marks: tuple[Mark, ...]
    credits: tuple[str, ...]
    n_sentences: int

    def count(self, name: str) -> int:
        """Count the marks of one rule."""
        return sum(mark.rule.name == name for mark in self.marks)

    @property
    def is_strong(self) -> bool:
        """Whether the text praises without a number: a superlative, a universal, a bare gain."""
        return any(
            mark.rule.name in ("superlative", "universal", "no number") for mark in self.marks
        )


def sentences(text: str) -> list[tuple[int, int]]:
    """Find where sentences begin and end.

    Parameters
    ----------
    text : str
        Prose.

    Returns
    -------
    spans : list of (int, int)
        Half-open.

    Examples
    --------
    >>> sentences("It gains 0.3 points. It is fast.")
    [(0, 20), (21, 32)]
    """
    spans, start = [], 0
    for stop in re.finditer(r"[.!?](?=\s+[A-Z\"'(]|\s*$)", text):
        if _ABBREVIATION.search(text[start : stop.end()]):
            continue
        spans.append((start, stop.end()))
        start = stop.end() + len(text[stop.end() :]) - len(text[stop.end() :].lstrip())
    if text[start:].strip():
        spans.append((start, len(text)))
    return spans


def read(text: str) -> Reading:
    """Read a text against the checklist.

    Parameters
    ----------
    text : str
        An abstract, or any prose.

    Returns
    -------
    reading : Reading

    Examples
    --------
    >>> reading = read("Our model outperforms existing methods on all tasks.")
    >>> [mark.rule.name for mark in reading.marks]
    ['no number', 'no baseline', 'universal']
    >>> read("It gains 0.02 ± 0.01 MCC over DNABERT-2, and trails on promoters.").marks
    ()
    """
    marks: list[Mark] = []
    spans = sentences(text)
    for start, end in spans:
        sentence = text[start:end]
        for rule, pattern in ((RULES[0], _SUPERLATIVE), (RULES[1], _UNIVERSAL)):
            marks += [
                Mark(rule, start + m.start(), start + m.end(), m.group())
                for m in pattern.finditer(sentence)
                if not _DENIED.search(sentence[max(0, m.start() - 25) : m.start()])
            ]
        marks += [
            Mark(rule, start + m.start(), start + m.end(), m.group())
            for m in _first_comparison(sentence)
            for rule in _lacks(sentence)
        ]
    marks.sort(key=lambda mark: (mark.start, RULES.index(mark.rule)))
    credits_ = tuple(m.group() for m in _CREDIT.finditer(text))
    return Reading(text, tuple(marks), credits_, len(spans))


def _first_comparison(sentence: str) -> list[re.Match[str]]:
    """Find the first comparison that a sentence asserts, if it asserts one."""
    found = [
        m for m in _COMPARISON.finditer(sentence)
        if not _DENIED.search(sentence[max(0, m.start() - 30) : m.start()])
    ]  # fmt: skip
    return found[:1]


def _lacks(sentence: str) -> list[Rule]:
    """Tell what a comparing sentence lacks: number, named opponent, spread."""
    number, named = re.search(_NUMBER, sentence), re.search(_NAMED, sentence)
    lacking = []
    if not number:
        lacking.append(RULES[2])
    if not named:
        lacking.append(RULES[3])
    if number and not re.search(_SPREAD, sentence):
        lacking.append(RULES[4])
    return lacking


@functools.cache
def labelled_sentences() -> pd.DataFrame:
    """Give our own example sentences with the labels that a person put on them.

    Returns
    -------
    sentences : DataFrame
        Columns ``part`` ("written with the rules" or "never looked at"), ``sentence``, and one of
        0 and 1 for each rule.

    Examples
    --------
    >>> sorted(set(labelled_sentences()["part"]))
    ['never looked at', 'written with the rules']
    """
    with (files("hypecheck") / "assets" / "wording_sentences.csv").open(encoding="utf-8") as handle:
        return pd.read_csv(handle)


def error_counts(table: pd.DataFrame, rules: Sequence[Rule] = RULES) -> pd.DataFrame:
    """Count how often each rule marks what it should, and what it should not.

    Parameters
    ----------
    table : DataFrame
        As `labelled_sentences` gives it, or a part of it.
    rules : sequence of Rule
        Which rules.

    Returns
    -------
    counts : DataFrame
        By rule: ``found`` and ``missed`` of the sentences that have it, ``false`` and ``clear`` of
        those that have not.

    Examples
    --------
    >>> error_counts(labelled_sentences()).columns.tolist()
    ['found', 'missed', 'false', 'clear']
    """
    readings = [read(sentence) for sentence in table["sentence"]]
    rows = {}
    for rule in rules:
        marked = pd.Series([reading.count(rule.name) > 0 for reading in readings], table.index)
        truth = table[rule.name].astype(bool)
        pairs = ((truth & marked), (truth & ~marked), (~truth & marked), (~truth & ~marked))
        rows[rule.name] = [int(pair.sum()) for pair in pairs]
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["found", "missed", "false", "clear"]
    )
