"""One small ensemble through all measures and back as intervals; the study reads it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hypecheck.ensemble_measures import measure_letters, measure_predictions, token_tables
from hypecheck.ensemble_results import EnsembleResult
from hypecheck.matched_ensembles import masked_ensemble, small_plan, world_ensemble
from hypecheck.panels import interval_panels
from hypecheck.pretraining_rows import published_gains
from hypecheck.studies.entropy import EntropyPlan, Trained, entropy_results, study_source
from hypecheck.token_sources import block_source


@pytest.fixture(scope="module")
def measures():
    letters = np.random.default_rng(0).integers(4, size=60_000).astype(np.uint8)
    source = block_source(letters, 4, 3, length=32, n_tokens=6000)
    plan = small_plan(steps=2, tied=False)
    return masked_ensemble(source, plan, n_windows=12, n_fisher=4)


def test_measures_survive_json_and_give_intervals(measures):
    one = EnsembleResult(json.loads(json.dumps(measures, allow_nan=False)))
    assert not one.is_learnable
    assert one.captured_text == "nothing to learn"
    assert 0.9 < one.entropy_share.estimate <= 1
    assert one.js(0.1).n_seeds == one.top1(letters=True).n_seeds == 3
    parts = [one.fisher_share(part).estimate for part in ("embedding", "decoder", "layers", "head")]
    assert sum(parts) == pytest.approx(1)
    assert one.stability("neighbours", k=20, table="decoder").estimate <= 1
    assert one.information(per="letter").estimate * 3 == pytest.approx(
        one.information(per="token").estimate
    )
    with pytest.raises(ValueError, match="nothing to divide"):
        one.information(per="gap")


def test_letters_of_known_blocks():
    p = np.zeros((3, 1, 1, 16))
    p[:, 0, 0, 6] = 1  # the second letter, then the third
    found = measure_letters(p, 4, 2)
    assert found["entropy"] == [0, 0, 0]
    assert np.array(found["top1"]).max() == 0


def test_predictions_by_hand():
    p = np.tile([0.5, 0.25, 0.25, 0.0], (3, 2, 1, 1))
    found = measure_predictions(p, np.array([[0], [1]]))
    assert found["loss"] == [1.5] * 3
    assert found["accuracy"] == [0.5] * 3
    assert found["entropy"] == [1.5] * 3


def test_world_reads_from_left_to_right():
    found = world_ensemble("copies", small_plan(steps=1, causal=True), n_rows=40, n_windows=6)
    one = EnsembleResult(found)
    assert one.gap == pytest.approx(6 * 8 / 31)
    assert len(found["last"]) == 3


def test_tied_models_have_no_output_table():
    from hypecheck.models import Transformer

    with pytest.raises(ValueError, match="tied"):
        token_tables([Transformer(small_plan(steps=1).model)], decoder=True)


def test_study_keeps_what_is_done(tmp_path):
    training = replace(EntropyPlan().training, steps=2)
    kinds = (Trained("diffuse", "world"), Trained("iid", n_layers=0))
    plan = EntropyPlan(
        training=training, n_tokens=8000, n_windows=8, n_fisher=2, seeds=(0, 1, 2), ensembles=kinds
    )
    first = entropy_results(plan, tmp_path)
    assert set(first["ensembles"]) == {"diffuse-world-tied", "iid-blocks-tied-no-layers"}
    fewer = entropy_results(replace(plan, ensembles=kinds[:1]), tmp_path)
    assert fewer["ensembles"]["diffuse-world-tied"] == first["ensembles"]["diffuse-world-tied"]


def test_relatives_in_the_family_agree_as_simulated(monkeypatch):
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    letters = study_source("family", "blocks", EntropyPlan(n_tokens=12_000)).train[:400]
    codons = letters.reshape(4, 100)  # a row a relative, a column a place of the gene
    pairs = [np.mean(a == b) for n, a in enumerate(codons) for b in codons[:n]]
    assert np.mean(pairs) == pytest.approx((0.85**2 + 0.15**2 / 3) ** 3, abs=0.1)


def test_names_say_what_is_changed():
    assert Trained("copies", "world", absolute=True).name == "copies-world-tied-absolute"
    assert Trained("text", tied=False, longer=3).name == "text-blocks-untied-3-times"


def test_published_rows():
    rows = published_gains()
    assert set(rows["table"]) == {"nguyen2023_gb", "nguyen2023_nt", "vishniakov2024_gain"}
    worm = rows[(rows["model"] == "HyenaDNA") & (rows["task"] == "demo_human_or_worm")]
    assert worm["gain"].item() == pytest.approx(0.2)
    assert worm["spread"].item() == pytest.approx(0.2)


def test_panels_draw_absent_rows():
    from hypecheck.intervals import Interval

    one = Interval(0.5, 0.4, 0.6)
    figure = interval_panels({"a": {"x": one, "y": one}, "b": {"y": one}}, alt_text="y is in both.")
    assert len(figure.axes) == 2
