"""Verdicts: what the rules say of a build, what was accepted, and where the two disagree.

A verdict changes only when a person accepts it (``bookkeeping claims accept``); the numbers it was
accepted on stay with it, so that a later build can contradict it. Builds that stand on stand-ins or
on small sizes judge nothing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bookkeeping.claims import (
    CLAIMS,
    NOT_TESTABLE,
    VERDICTS,
    Accepted,
    Claim,
    Ledger,
    LedgerError,
)
from bookkeeping.results import Result, Results
from bookkeeping.rules import DECIDED, UNRESOLVED, Facts, Rule, RuleError

NOT_RUN, NOT_ACCEPTED = "not yet run", "not yet accepted"
WORDS = (*DECIDED, UNRESOLVED, NOT_TESTABLE, NOT_RUN, NOT_ACCEPTED)
_TOLERANCE = 0.01  # relative change of a number without interval that is no contradiction


@dataclass(frozen=True)
class Judgement:
    """A claim in the light of one build.

    Parameters
    ----------
    claim : Claim
    verdict : str
        What pages show: the accepted verdict wherever there is one.
    history : tuple of Accepted
        The last one is in force.
    numbers : tuple of Result
        What this build published of the claim's names.
    computed : str, optional
        What the rule says of this build; None if it was not asked.
    skipped : str
        Why this build does not judge the claim again.
    complaint, note : str
        What fails a strict build, and what is only printed.
    """

    claim: Claim
    verdict: str
    history: tuple[Accepted, ...] = ()
    numbers: tuple[Result, ...] = ()
    computed: str | None = None
    skipped: str = ""
    complaint: str = ""
    note: str = ""


def judge(ledger: Ledger, results: Results | None, chapters: Collection[str]) -> list[Judgement]:
    """Apply every rule whose chapter is in the book.

    Parameters
    ----------
    ledger : Ledger
    results : Results, optional
        What this build published; without it, accepted verdicts are taken as they are.
    chapters : collection of str
        Pages of the table of contents, without folder and ending.

    Returns
    -------
    judgements : list of Judgement
        One for each claim, in the ledger's order.
    """
    shown = {name: _shown(ledger, claim, chapters) for name, claim in ledger.claims.items()}
    if results is None:
        return list(shown.values())
    verdicts = {name: judgement.verdict for name, judgement in shown.items()}
    return [_judged(ledger, judgement, results, verdicts) for judgement in shown.values()]


def _shown(ledger: Ledger, claim: Claim, chapters: Collection[str]) -> Judgement:
    history = ledger.history.get(claim.id, ())
    if claim.rule is None:
        return Judgement(claim, NOT_TESTABLE)
    if claim.chapter not in chapters:
        return Judgement(claim, NOT_RUN, history)
    return Judgement(claim, history[-1].verdict if history else NOT_ACCEPTED, history)


def _judged(
    ledger: Ledger, shown: Judgement, results: Results, verdicts: Mapping[str, str]
) -> Judgement:
    claim = shown.claim
    if claim.rule is None or shown.verdict == NOT_RUN:
        return shown
    found = {name: results.results[name] for name in claim.names if name in results.results}
    shown = replace(shown, numbers=tuple(found.values()))
    absent = [name for name in claim.names if name not in found]
    if missing := [name for name in absent if name in claim.read("names")]:
        if claim.chapter in ledger.first_form:
            return replace(shown, verdict=NOT_RUN)
        return replace(shown, complaint=f"nobody published {', '.join(missing)}")
    stand_ins = _stand_ins(found.values(), results)
    if results.fast or stand_ins:
        why = "small sizes, for a test" if results.fast else f"stand-ins: {', '.join(stand_ins)}"
        return replace(shown, skipped=why)
    tested = [name for c in ledger.of_chapter(claim.chapter) for name in c.read("tested")]
    margin = ledger.margin if claim.rule.margin is None else claim.rule.margin
    try:
        computed = claim.rule(Facts(results.results, verdicts, tested, margin, ledger.seeds))
    except RuleError as error:
        return replace(shown, complaint=str(error))
    complaint, note = _compare(computed, shown, claim.rule)
    note = note or (f"watched, but not published: {', '.join(absent)}" if absent else "")
    return replace(shown, computed=computed, complaint=complaint, note=note)


def _stand_ins(found: Iterable[Result], results: Results) -> list[str]:
    """List what stood in for data: behind a number, or anywhere in a live number's chapter."""
    names: set[str] = set()
    for result in found:
        names |= {result.stand_in} if result.stand_in else set()
        if result.kind == "live" and result.chapter in results.chapters:
            names |= set(results.chapters[result.chapter].stand_ins)
    return sorted(names)


def _compare(computed: str, shown: Judgement, rule: Rule) -> tuple[str, str]:
    """Hold what was computed against what was accepted; return a complaint and a note."""
    if not shown.history:
        return f"computed: {computed}; no verdict was ever accepted", ""
    accepted = shown.history[-1]
    if accepted.rule != rule.digest:
        return "its rule has changed since the verdict was accepted", ""
    if apart := [r.name for r in shown.numbers if _contradicts(r, accepted.numbers.get(r.name))]:
        return f"this build contradicts the accepted numbers: {', '.join(apart)}", ""
    if computed == accepted.verdict:
        return "", ""
    text = f"computed: {computed}; accepted: {accepted.verdict}"
    is_fixed = all(r.kind in ("recorded", "published") for r in shown.numbers)
    return (text, "") if is_fixed else ("", text)


def _contradicts(result: Result, before: Mapping[str, Any] | None) -> bool:
    """Tell whether a live number and the accepted one exclude each other; times may differ."""
    if before is None or result.kind in ("recorded", "published") or ".cost." in result.name:
        return False
    if isinstance(result.value, str) or isinstance(before["value"], str):
        return bool(result.value != before["value"])
    if result.low is None or result.high is None or before["low"] is None:
        change = abs(result.value - before["value"])
        return bool(change > _TOLERANCE * max(1.0, abs(before["value"])))
    return bool(result.low > before["high"] or result.high < before["low"])


def summary(judgements: Sequence[Judgement]) -> str:
    """Count the verdicts in one line, and those that the build did not judge again."""
    counts = Counter(j.verdict for j in judgements)
    parts = [f"{counts[word]} {word}" for word in WORDS if counts[word]]
    skipped = sum(bool(j.skipped) for j in judgements)
    tail = f"; {skipped} not judged again in this build" if skipped else ""
    return f"{len(judgements)} claims: {', '.join(parts)}{tail}"


def check(root: Path, results: Results, chapters: Collection[str]) -> tuple[list[str], str]:
    """Judge a build and print the notes.

    Parameters
    ----------
    root : Path
        The book's top folder.
    results : Results
        What its chapters published.
    chapters : collection of str
        Pages of the table of contents, without folder and ending.

    Returns
    -------
    complaints : list of str
        What fails a strict build: one for each claim that lacks a verdict or a number, or that
        this build contradicts.
    count : str
        The verdicts, counted in one line.
    """
    try:
        judgements = judge(Ledger.load(root), results, chapters)
    except LedgerError as error:
        return [str(error)], ""
    for judgement in judgements:
        if judgement.note:
            print(f"  note: {judgement.claim.id}: {judgement.note}")
    return [f"{j.claim.id}: {j.complaint}" for j in judgements if j.complaint], summary(judgements)


def accept(root: Path, names: Sequence[str], why: str, judgements: Sequence[Judgement]) -> None:
    """Put computed verdicts in force, with the numbers that decided them.

    Parameters
    ----------
    root : Path
        The book's top folder, within a git repository.
    names : sequence of str
        Claims.
    why : str
        Kept for those who ask later.
    judgements : sequence of Judgement
        Of the build that computed the verdicts.

    Raises
    ------
    LedgerError
        If no reason is given, a claim was not judged by the build, or its rule is not committed.
    """
    if not why.strip():
        raise LedgerError("say why: the history is kept for those who ask later")
    committed = Ledger.parse(_git(root, "show", f"HEAD:./{CLAIMS}")).claims
    commit = _git(root, "rev-parse", "--short=10", "HEAD").strip()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    by_id = {judgement.claim.id: judgement for judgement in judgements}
    history = dict(Ledger.load(root).history)
    for name in names:
        judged = by_id.get(name)
        if judged is None or judged.computed is None or judged.claim.rule is None:
            why_not = (
                (judged.skipped or judged.complaint or judged.verdict) if judged else "no such"
            )
            raise LedgerError(f"{name} was not judged by this build: {why_not}")
        digest, before = judged.claim.rule.digest, committed.get(name)
        if before is None or before.rule is None or before.rule.digest != digest:
            raise LedgerError(f"{name}: commit its rule in {CLAIMS} before you accept a verdict")
        numbers: dict[str, Any] = {r.name: _snapshot(r) for r in judged.numbers}
        numbers |= {other: by_id[other].verdict for other in judged.claim.read("claims")}
        entry = Accepted(judged.computed, commit, today, why, digest, numbers)
        history[name] = (*history.get(name, ()), entry)
    _save(root / VERDICTS, history)


def _snapshot(result: Result) -> dict[str, Any]:
    kept = ("value", "low", "high", "n", "seeds", "kind")
    return {key: getattr(result, key) for key in kept}


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LedgerError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _save(path: Path, history: Mapping[str, Sequence[Accepted]]) -> None:
    """Write the history whole or not at all."""
    plain = {name: [asdict(entry) for entry in entries] for name, entries in history.items()}
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as handle:
        handle.write(json.dumps(plain, indent=1, sort_keys=True) + "\n")
    Path(handle.name).replace(path)


def add_commands(commands: Any) -> None:
    """Add ``claims`` to the command line."""
    text = "list or judge the claims, accept verdicts, or name what a chapter must publish"
    actions = commands.add_parser("claims", help=text, description=text).add_subparsers(
        dest="action", required=True
    )
    for name, help_text in (
        ("list", "every claim with its verdict"),
        ("judge", "apply the rules to the last build; 1 if anything fails a strict build"),
        ("names", "what a chapter must publish, and what is watched"),
    ):
        action = actions.add_parser(name, help=help_text, description=help_text)
        action.add_argument("chapter", nargs="?" if name != "names" else None)
    action = actions.add_parser("accept", help="put computed verdicts in force")
    action.add_argument("ids", nargs="+")
    action.add_argument("--why", required=True, help="kept with the verdict")


def run(options: argparse.Namespace, results: Path, chapters: Collection[str]) -> int:
    """Run ``bookkeeping claims`` and return its exit status."""
    ledger = Ledger.load(options.root)
    if options.action == "names":
        print("\n".join(_names(ledger, options.chapter)))
        return 0
    built = None if options.action == "list" else Results.load(options.root / results)
    judgements = judge(ledger, built, chapters)
    if options.action == "accept":
        accept(options.root, options.ids, options.why, judgements)
        return 0
    judgements = [j for j in judgements if options.chapter in (None, j.claim.chapter)]
    for j in judgements:
        now = "" if j.computed in (None, j.verdict) else f" (computed: {j.computed})"
        remark = j.complaint or j.note or j.skipped
        print(f"{j.claim.id:26} {j.verdict}{now}{f'; {remark}' if remark else ''}")
    print(summary(judgements))
    return int(any(j.complaint for j in judgements))


def _names(ledger: Ledger, chapter: str) -> list[str]:
    """Describe each name of a chapter: what it means, and which claims it decides."""
    lines = []
    for claim in ledger.of_chapter(chapter):
        for name, meaning in claim.numbers.items():
            decides = [c.id for c in ledger.claims.values() if name in c.read("names")]
            role = f"decides {', '.join(decides)}" if decides else f"watched for {claim.id}"
            lines.append(f"{name}\n    {meaning}\n    {role}")
    return lines
