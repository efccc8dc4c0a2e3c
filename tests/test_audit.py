"""Each check speaks of its own flaw, and stays silent on a sound evaluation."""

from dataclasses import replace

import numpy as np
import pytest

from hypecheck.audit import CHECKS, LEVELS, Evaluation, Report, audit, first_level, level_of
from hypecheck.sequences import LabelledSequences, encode, reverse_complement

RNG = np.random.default_rng(0)
MOTIF = encode("GATTACAGAT")


def part(n, seed):
    """Random sequence of 60 bases; every second one holds the motif."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(4, size=(n, 60)).astype(np.uint8)
    labels = np.arange(n) % 2
    codes[labels == 1, 20:30] = MOTIF
    return LabelledSequences(codes, labels)


def wrong_on(truth, share, seed):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(truth)) < share, 1 - truth, truth)


@pytest.fixture
def sound():
    train, validation, test = part(200, 0), part(100, 1), part(200, 2)
    runs = np.stack([wrong_on(test.labels, 0.1, seed) for seed in range(5)])
    return Evaluation(
        report=Report("MCC", 0.8, False, 5, 0.5, 12, 12),
        train=train,
        validation=validation,
        test=test,
        corpus=part(50, 3).codes,
        predictions=runs,
        opponent=test.labels.copy(),
        rerun=lambda seed: wrong_on(test.labels, 0.1, seed),
    )


def test_a_sound_evaluation_passes(sound):
    assert audit(sound) == {}


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("seeds", {"n_seeds": 1}),
        ("metric", {"metric": "accuracy", "class_share": 0.9}),
        ("tasks", {"tasks_shown": 4}),
        ("reruns", {"score": 0.95}),
    ],
)
def test_what_the_report_gives_away(sound, check, change):
    found = audit(replace(sound, report=replace(sound.report, **change)))
    assert check in found


@pytest.mark.parametrize("change", [lambda codes: codes, reverse_complement])
def test_leaks_on_either_strand(sound, change):
    codes = np.concatenate([sound.train.codes, change(sound.test.codes[:20])])
    labels = np.concatenate([sound.train.labels, sound.test.labels[:20]])
    assert list(audit(replace(sound, train=LabelledSequences(codes, labels)))) == ["leaks"]


def test_repeated_items(sound):
    rows = np.concatenate([np.arange(200), np.arange(50)])
    again = replace(
        sound,
        test=sound.test.take(rows),
        predictions=sound.predictions[:, rows],
        opponent=sound.opponent[rows],
        rerun=lambda seed: sound.rerun(seed)[rows],
    )
    assert "repeats" in audit(again)


def test_composition(sound):
    def spoil(one):
        at_rich = RNG.choice(4, p=[0.45, 0.05, 0.05, 0.45], size=one.codes.shape)
        codes = np.where(one.labels[:, None] == 0, at_rich, one.codes)
        return LabelledSequences(codes.astype(np.uint8), one.labels)

    spoilt = replace(sound, train=spoil(sound.train), test=spoil(sound.test))
    assert "composition" in audit(spoilt)


def test_corpus_seen_and_not_shared(sound):
    seen = replace(sound, corpus=sound.test.codes[:40])
    assert list(audit(seen)) == ["corpus"]
    assert audit(replace(seen, corpus=None)) == {}


def test_a_gain_within_noise(sound):
    level = replace(sound, opponent=wrong_on(sound.test.labels, 0.1, 77))
    claimed = replace(level, report=replace(level.report, claims_gain=True))
    assert "noise" not in audit(level)
    assert "noise" in audit(claimed)


def test_a_weak_opponent(sound):
    weak = replace(sound, opponent=wrong_on(sound.test.labels, 0.45, 5))
    assert "opponent" in audit(weak)


def test_levels_are_known_and_ordered():
    assert {check.level for check in CHECKS} == set(LEVELS)
    assert first_level(["noise", "seeds"]) == 0
    with pytest.raises(ValueError, match="no check is called 'smell'"):
        level_of("smell")
