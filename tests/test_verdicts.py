"""What a build says of the accepted verdicts: silence, a note, or a complaint."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bookkeeping import __main__ as command
from bookkeeping.claims import Accepted, Ledger, LedgerError
from bookkeeping.results import Chapter, Result, Results
from bookkeeping.rules import Rule
from bookkeeping.verdicts import accept, check, judge, summary

ROOT = Path(__file__).resolve().parents[1]
LIVE, RECORDED, COST = "one.x.live", "one.recorded.long", "one.cost.time"
RULE = {
    "reads": "In words.",
    "holds": f'low("{RECORDED}") > 0 and value("{LIVE}") > 0',
    "does not hold": f'high("{RECORDED}") < 0',
}
ROWS = {
    "S1.a": {"kinds": ["live", "recorded"], "rule": RULE,
             "numbers": {LIVE: "a number", RECORDED: "another", COST: "a time"}},
    "S1.b": {"kinds": ["recorded"], "numbers": {},
             "rule": {"reads": "In words.", "holds": f'low("{RECORDED}") > 0'}},
    "S1.c": {"kinds": ["computed"], "rule": {"reads": "In words.", "holds": 'supported("S1.a")'},
             "numbers": {}, "chapter": "two"},
    "S1.d": {"kinds": ["not testable"], "reason": "nothing to measure", "numbers": {}},
}  # fmt: skip
FIELDS = {
    "claim": "Something is so.", "source": "S1", "section": "One", "modality": "DNA",
    "form": "fact", "paradigm": "any", "basis": "exploratory", "chapter": "one", "published": [],
}  # fmt: skip


def text():
    whole = {"margin": 0.03, "seeds": 5, "evidence": {}, "claims": {}}
    whole["claims"] = {name: FIELDS | row for name, row in ROWS.items()}
    return yaml.safe_dump(whole, sort_keys=False)


def build(live=0.5, recorded=0.5, half=0.1, cost=2.0, fast=False, stand_in=None):
    published = [
        Result(LIVE, live, live - half, live + half, kind="live", chapter="one", stand_in=stand_in),
        Result(
            RECORDED, recorded, recorded - half, recorded + half, kind="recorded", chapter="one"
        ),
        Result(COST, cost, cost - 0.01, cost + 0.01, kind="live", chapter="one"),
    ]
    chapters = {"one": Chapter("one", 1.0, 1.0, 1.0)}
    return Results("key", fast, {}, chapters, {r.name: r for r in published})


def ledger(**verdicts):
    """A ledger in which each named claim was accepted on the numbers of a plain build."""
    bare = Ledger.parse(text())
    numbers = {
        name: {k: getattr(r, k) for k in ("value", "low", "high", "n", "seeds", "kind")}
        for name, r in build().results.items()
    }
    history = {
        name.replace("_", "."): (
            Accepted(verdict, "c0ffee", "2026-01-01", "first", rule_of(bare, name), numbers),
        )
        for name, verdict in verdicts.items()
    }
    return replace(bare, history=history)


def rule_of(bare, name):
    return bare.claims[name.replace("_", ".")].rule.digest


def judged(known, results, chapters=("one",)):
    return {j.claim.id: j for j in judge(known, results, chapters)}


def test_a_chapter_that_is_not_there_is_not_judged():
    found = judged(ledger(), None, chapters=())
    assert {name: j.verdict for name, j in found.items()} == {
        "S1.a": "not yet run", "S1.b": "not yet run", "S1.c": "not yet run", "S1.d": "not testable",
    }  # fmt: skip
    assert not any(j.complaint for j in judged(ledger(), build(), chapters=()).values())


def test_a_chapter_without_verdicts_is_a_complaint():
    found = judged(ledger(), build())
    assert found["S1.a"].verdict == "not yet accepted"
    assert found["S1.a"].computed == "holds"
    assert "no verdict was ever accepted" in found["S1.a"].complaint


def test_agreement_is_silent():
    found = judged(ledger(S1_a="holds", S1_b="holds"), build())
    assert [j.complaint + j.note for j in found.values()] == [""] * 4


def test_a_result_that_nobody_published_is_a_complaint():
    results = build()
    absent = {name: r for name, r in results.results.items() if name != RECORDED}
    found = judged(ledger(S1_a="holds"), replace(results, results=absent))
    assert found["S1.a"].complaint == f"nobody published {RECORDED}"


def test_a_watched_number_may_be_missing():
    results = build()
    absent = {name: r for name, r in results.results.items() if name != COST}
    found = judged(ledger(S1_a="holds", S1_b="holds"), replace(results, results=absent))
    assert found["S1.a"].complaint == ""
    assert found["S1.a"].note == f"watched, but not published: {COST}"


def test_recorded_numbers_that_change_a_verdict_are_a_complaint():
    found = judged(ledger(S1_a="holds", S1_b="holds"), build(recorded=-0.5))
    assert found["S1.b"].complaint == "computed: not resolved here; accepted: holds"
    assert found["S1.b"].verdict == "holds", "pages keep what was accepted"


def test_a_live_difference_within_the_intervals_is_a_note():
    found = judged(ledger(S1_a="holds", S1_b="holds"), build(live=-0.05, half=0.6))
    assert found["S1.a"].complaint == ""
    assert found["S1.a"].note == "computed: not resolved here; accepted: holds"


@pytest.mark.parametrize("live", [0.1, 0.9], ids=["against", "beyond"])
def test_a_live_result_disjoint_from_the_accepted_one_is_a_complaint(live):
    found = judged(ledger(S1_a="holds", S1_b="holds"), build(live=live))
    assert found["S1.a"].complaint == f"this build contradicts the accepted numbers: {LIVE}"
    assert found["S1.b"].complaint == ""


def test_another_machine_may_be_slower():
    found = judged(ledger(S1_a="holds", S1_b="holds"), build(cost=20.0))
    assert found["S1.a"].complaint + found["S1.a"].note == ""


def test_a_rule_changed_after_its_verdict_is_a_complaint():
    known = ledger(S1_a="holds")
    entry = replace(known.history["S1.a"][0], rule="another")
    found = judged(replace(known, history={"S1.a": (entry,)}), build())
    assert "rule has changed" in found["S1.a"].complaint


@pytest.mark.parametrize(
    ("results", "why"),
    [
        (build(live=-0.9, recorded=-0.9, fast=True), "small sizes, for a test"),
        (build(live=-0.9, stand_in="a toy"), "stand-ins: a toy"),
    ],
    ids=["fast", "stand-in"],
)
def test_tests_and_stand_ins_judge_nothing(results, why):
    found = judged(ledger(S1_a="holds", S1_b="holds"), results)
    assert found["S1.a"].skipped == why
    assert (found["S1.a"].verdict, found["S1.a"].complaint) == ("holds", "")
    assert "not judged again in this build" in summary(list(found.values()))


def test_a_chapter_on_a_stand_in_judges_no_live_number():
    results = build(live=-0.9)
    data = ({"name": "gue/tf/0", "tier": "embedded", "stand_in": "a toy"},)
    chapter = replace(results.chapters["one"], data=data)
    found = judged(ledger(S1_a="holds", S1_b="holds"), replace(results, chapters={"one": chapter}))
    assert found["S1.a"].skipped == "stand-ins: gue/tf/0"
    assert found["S1.b"].computed == "holds", "its numbers are recorded"


def test_a_verdict_that_rests_on_verdicts_follows_them():
    known = ledger(S1_a="holds", S1_b="holds", S1_c="holds")
    assert judged(known, build(), ("one", "two"))["S1.c"].complaint == ""
    known = ledger(S1_a="does not hold", S1_b="holds", S1_c="holds")
    found = judged(known, build(recorded=-0.5, live=0.5), ("one", "two"))
    assert found["S1.c"].complaint == "computed: not resolved here; accepted: holds"


def test_check_returns_complaints_and_the_count(tmp_path, capsys):
    (tmp_path / "claims.yml").write_text(text())
    complaints, count = check(tmp_path, build(), ["one"])
    assert [complaint.split(":")[0] for complaint in complaints] == ["S1.a", "S1.b"]
    assert count == "4 claims: 1 not testable, 1 not yet run, 2 not yet accepted"
    history = {name: list(entries) for name, entries in ledger(S1_a="holds").history.items()}
    raw = {name: [vars(entry) for entry in entries] for name, entries in history.items()}
    (tmp_path / "verdicts.json").write_text(json.dumps(raw))
    check(tmp_path, build(live=-0.05, half=0.6), ["one"])
    note = "note: S1.a: computed: not resolved here; accepted: holds"
    assert note in capsys.readouterr().out
    (tmp_path / "claims.yml").write_text(text().replace("modality: DNA", "modality: plants", 1))
    assert "plants" in check(tmp_path, build(), ["one"])[0][0]


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        command = ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    (tmp_path / "claims.yml").write_text(text())
    git("init", "-q")
    git("add", "claims.yml")
    git("commit", "-q", "-m", "rules")
    return tmp_path


def test_accepting_keeps_the_numbers_the_commit_and_the_reason(repository):
    results = build()
    for why in ("first run", "again"):
        known = Ledger.load(repository)
        accept(repository, ["S1.a"], why, judge(known, results, ["one"]))
    first, last = Ledger.load(repository).history["S1.a"]
    assert (first.verdict, first.why, last.why) == ("holds", "first run", "again")
    assert first.numbers[LIVE]["value"] == 0.5
    assert len(first.commit) == 10
    found = judged(Ledger.load(repository), results)
    assert (found["S1.a"].verdict, found["S1.a"].complaint) == ("holds", "")
    raw = json.loads((repository / "verdicts.json").read_text())
    assert list(raw) == ["S1.a"]


@pytest.mark.parametrize(
    ("name", "why", "results", "message"),
    [
        ("S1.a", " ", build(), "say why"),
        ("S1.c", "so", build(), "not yet run"),
        ("S1.z", "so", build(), "no such"),
        ("S1.d", "so", build(), "not testable"),
        ("S1.a", "so", build(fast=True), "small sizes"),
        ("S1.a", "so", build(stand_in="a toy"), "stand-ins: a toy"),
    ],
)
def test_what_cannot_be_accepted(repository, name, why, results, message):
    with pytest.raises(LedgerError, match=message):
        accept(repository, [name], why, judge(Ledger.load(repository), results, ["one"]))
    assert not (repository / "verdicts.json").exists()


def test_a_rule_is_committed_before_its_verdict(repository):
    changed = text().replace("> 0 and", "> 0.1 and")
    (repository / "claims.yml").write_text(changed)
    with pytest.raises(LedgerError, match="commit its rule"):
        accept(repository, ["S1.a"], "so", judge(Ledger.load(repository), build(), ["one"]))


def test_accepted_verdicts_rest_on_rules_that_were_committed():
    """In the book's own history, the commit that a verdict names holds the rule that gave it."""
    for name, entries in Ledger.load(ROOT).history.items():
        for entry in entries:
            shown = subprocess.run(
                ["git", "-C", ROOT, "show", f"{entry.commit}:./claims.yml"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if shown.returncode == 0:  # a copy may lack the history
                committed = yaml.safe_load(shown.stdout)["claims"][name]["rule"]
                assert Rule.from_mapping(committed).digest == entry.rule, name


def test_the_command_lists_judges_names_and_accepts(repository, capsys):
    build().save(repository / "_build/results.json")
    (repository / "notebooks").mkdir()
    (repository / "notebooks/one.md").write_text("# One\n")
    (repository / "book").mkdir()
    (repository / "book/intro.md").write_text("# Intro\n")
    (repository / "_toc.yml").write_text("root: book/intro\nchapters:\n- file: notebooks/one\n")

    def run(*arguments):
        status = command.main(["--root", str(repository), "claims", *arguments])
        return status, capsys.readouterr().out

    assert run("list") == (0, run("list")[1])
    assert "S1.a                       not yet accepted" in run("list")[1]
    status, shown = run("judge", "one")
    assert status == 1
    assert "(computed: holds)" in shown
    assert "S1.c" not in shown
    status, shown = run("names", "one")
    assert status == 0
    assert f"{LIVE}\n    a number\n    decides S1.a" in shown
    assert f"{COST}\n    a time\n    watched for S1.a" in shown
    assert run("accept", "S1.a", "S1.b", "--why", "first run")[0] == 0
    assert run("judge")[0] == 0
    assert command.main(["--root", str(repository), "claims", "accept", "S1.c", "--why", "x"]) == 1
    assert "S1.c was not judged" in capsys.readouterr().err
