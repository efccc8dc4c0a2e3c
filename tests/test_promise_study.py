"""The study of the promise runs whole on a tiny world."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hypecheck.optimisation import TrainingConfig
from hypecheck.sequences import LabelledSequences, Task
from hypecheck.studies import kinds, promise, zero_shot
from hypecheck.studies.kinds import PromisePlan

PLAN = PromisePlan(
    length=40,
    sizes=(60, 20, 30),
    seeds=(0, 1),
    training=TrainingConfig(steps=4, batch_size=4),
    labelled=(40, 20, 20),
    n_scored=20,
)
RNG = np.random.default_rng(0)
CODES = RNG.integers(4, size=30_000).astype(np.uint8)


def genes():
    """Features of genes of 200 codons without stops inside, 50 bases apart."""
    rows = []
    for start in range(100, 29_000, 656):
        codons = RNG.integers(4, size=(200, 3)).astype(np.uint8)
        codons[codons[:, 0] == 3] = [2, 1, 2]  # no T in front, so no stop
        CODES[start : start + 606] = np.concatenate([[0, 3, 2], codons.ravel(), [3, 0, 0]])
        rows.append(("one", start, start + 606, "+", "CDS", f"g{start}"))
    return pd.DataFrame(rows, columns=["record", "start", "end", "strand", "kind", "name"])


FEATURES = genes()


def fake_load(name, **_options):
    if name.startswith("text"):
        words = np.array(["war", "and", "peace", "the", "prince", "came", "home", name[5:7]])
        text = " ".join(np.random.default_rng(len(name)).choice(words, 9000))
        return SimpleNamespace(text=text)
    if name.startswith("genome"):
        return SimpleNamespace(records={"one": CODES}, features=FEATURES)
    codes = np.random.default_rng(1).integers(4, size=(150, 40)).astype(np.uint8)
    part = LabelledSequences(codes, codes[:, 0].astype(np.int64) % 2)
    rows = [part.take(np.arange(i, i + 50)) for i in (0, 50, 100)]
    return Task(name, *rows)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for module in (kinds, zero_shot, promise):
            patch.setattr(module, "load", fake_load)
        patch.setattr(kinds, "ECOLI_READ", 15_000)
        patch.setattr(zero_shot, "ECOLI_READ", 15_000)
        tasks = {name: zero_shot.ZERO_SHOT[name] for name in ("coding", "promoter")}
        patch.setattr(promise, "ZERO_SHOT", tasks)
        patch.setattr(zero_shot, "ZERO_SHOT", tasks)
        # random codons hold nothing that a table could learn
        patch.setattr(promise, "learnable_gap_share", lambda _loss, **_ends: 0.5)
        kinds.kind_windows.cache_clear()
        yield promise.promise_results(PLAN, tmp_path_factory.mktemp("promise"))
        kinds.kind_windows.cache_clear()


def test_every_kind_pays_for_the_same_windows(results):
    for found in results["kinds"].values():
        lengths = {len(found[key]) for key in ("unigram_bits", "markov_bits", "test_block")}
        assert lengths == {found["n_test"]}
        assert {len(model["test_bits"]) for model in found["models"]} == lengths
        assert [model["seed"] for model in found["models"]] == [0, 1]


def test_attention_is_compared_on_the_models_that_stand_in_the_figure(results):
    pair = results["convolution"]["models"]
    assert pair["attention"] == results["kinds"]["human"]["models"]
    assert pair["convolution"][0]["test_bits"] != pair["attention"][0]["test_bits"]


def test_predictions_are_one_for_each_test_item(results):
    for found in results["transfer"].values():
        runs = [run for made in found["predictions"].values() for run in made]
        assert {len(run) for run in runs} == {len(found["truth"])}
        assert {name: len(made) for name, made in found["predictions"].items()} == {
            "pretrained": 2, "random": 2, "composition": 1, "words": 1
        }  # fmt: skip


def test_scores_are_shares_with_their_intervals(results):
    for found in results["zero_shot"].values():
        for name in ("pretrained", "random", "markov"):
            one = found["auroc"][name]
            assert one["low"] <= one["low90"] <= one["estimate"] <= one["high90"] <= one["high"]
        assert found["n_positive"] < found["n"]


def test_the_record_is_json(results):
    assert json.loads(json.dumps(results, allow_nan=False))["plan"]["seeds"] == [0, 1]


def test_the_recorded_plan_has_five_seeds():
    assert len(PromisePlan().seeds) == 5
