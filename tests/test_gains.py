"""The study of gains: its record is packed, read again, and judged pair by pair."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef

from hypecheck import recorded
from hypecheck.recorded import RecordedRun
from hypecheck.sequences import LabelledSequences, Task
from hypecheck.studies import gains_result
from hypecheck.studies.gains import macro_f1, packed, positional_markov

RNG = np.random.default_rng(0)
N = 240


def text(classes):
    return "".join(map(str, classes))


def guess(truth, right):
    return text(np.where(RNG.random(len(truth)) < right, truth, 1 - truth))


def small_run():
    """Two species; frozen vectors are good at home and poor abroad, words the other way round."""
    truth = {name: RNG.integers(2, size=N) for name in ("a", "b")}
    skill = {
        "pretrained_frozen": (0.95, 0.6),
        "random_frozen": (0.6, 0.6),
        "kmer_linear": (0.7, 0.85),
    }
    runs = [
        {
            "source": source,
            "seed": seed,
            "rungs": [
                {
                    "rung": rung,
                    "labels": 100,
                    "validation": 0.5,
                    "predicted": {
                        target: guess(truth[target], right[int(source != target)])
                        for target in truth
                    },
                }
                for rung, right in skill.items()
                if rung != "kmer_linear" or seed == 0
            ],
        }
        for source in truth
        for seed in range(5)
    ]
    pairs = [f"{one} to {other}" for one in truth for other in truth]
    species = {
        "truth": {name: text(labels) for name, labels in truth.items()},
        "groups": {name: (np.arange(N) // 4).tolist() for name in truth},
        "distance": {pair: float(pair in ("a to b", "b to a")) for pair in pairs},
        "runs": runs,
    }
    results = packed({"species": species})
    return truth, RecordedRun("gains", "", "", {}, {}, (0, 1, 2, 3, 4), 0.0, results)


def test_pairs_are_read_back_and_judged():
    truth, run = small_run()
    found = gains_result.SpeciesPairs(run)
    assert found.pairs == [("a", "b"), ("b", "a")]
    assert found.best("a", 100) == "pretrained_frozen"
    classes = found.predictions("a", "b", "kmer_linear", 100)
    assert classes.shape == (1, N)
    gap = found.difference("a", "b", "pretrained_frozen", "kmer_linear", 100)
    frozen = found.predictions("a", "b", "pretrained_frozen", 100)
    expected = np.mean([matthews_corrcoef(truth["b"], one) for one in frozen])
    assert gap.estimate == pytest.approx(expected - matthews_corrcoef(truth["b"], classes[0]))
    assert (gap.n, gap.n_seeds) == (N // 4, 5)
    words = found.judged(100)
    assert words["kmer"] == ["loses", "loses"]
    assert words["retrained"] == ["beats", "beats"]


def test_map_begins_at_home():
    _, run = small_run()
    (rows,) = gains_result.SpeciesPairs(run).map().values()
    assert [name[-6:] for name in rows] == ["(0.00)", "(0.00)", "(1.00)", "(1.00)"]
    first, *_, last = rows.values()
    assert first.low > 0 > last.high


def test_packed_rows_are_read_back():
    row = [*range(30)]
    whole = packed({"row": row, "short": [1, 2], "deep": [{"row": [0.5] * 30}]})
    assert gains_result.numbers(whole["row"]).tolist() == row
    assert whole["short"] == [1, 2]
    assert gains_result.numbers(whole["deep"][0]["row"]).tolist() == [0.5] * 30


def test_macro_f1_is_that_of_scikit_learn():
    truth, predicted = RNG.integers(3, size=200), RNG.integers(3, size=200)
    assert macro_f1(truth, predicted) == pytest.approx(f1_score(truth, predicted, average="macro"))


def test_positional_markov_finds_a_site_and_chooses_without_the_test_part():
    codes = RNG.integers(4, size=(900, 80)).astype(np.uint8)
    labels = np.arange(900) % 2
    codes[labels == 1, 37:43] = [2, 3, 0, 1, 2, 0]
    parts = [
        LabelledSequences(codes[rows], labels[rows])
        for rows in np.split(np.arange(900), [600, 750])
    ]
    predicted, validation, configuration = positional_markov(
        Task("toy", *parts, classes=("no", "site"))
    )
    assert np.mean(predicted == parts[2].labels) > 0.9
    assert validation > 0.9
    assert configuration["width"] in (20, 60, 80)


def test_one_tuned_model_costs_more_than_one_k_mer_model():
    ratio = gains_result.cost_ratio(recorded.read_run("ladder"), ["gue/tf/2"])
    ladder = recorded.read_run("ladder").results["ladders"]["gue/tf/2"]["kmer3"]
    rungs = {rung["name"]: rung for rung in ladder["rungs"]}
    search = sum(trial["cpu_seconds"] for trial in rungs["fine_tuned"]["trials"])
    assert ratio.low > search / rungs["kmer_linear"]["cpu_seconds"]
    assert ratio.n_seeds == 5
