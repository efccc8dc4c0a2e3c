"""The study of families runs whole on one small task, and its ladder can be read."""

import json
from types import SimpleNamespace

from hypecheck.ladder import RUNGS
from hypecheck.ladder_study import recorded_ladder
from hypecheck.optimisation import TrainingConfig
from hypecheck.studies import STUDIES, families
from hypecheck.studies.families import FamiliesPlan, family_results, rung_cell
from tests.test_family_ladders import small_model
from tests.test_task_families import stand_ins

STEPS = TrainingConfig(steps=2, batch_size=8, evaluate_every=2)
PLAN = FamiliesPlan(seeds=(0, 1), training=STEPS, cnn_training=STEPS)
__all__ = ["stand_ins"]


def test_it_is_registered():
    assert STUDIES["families"].run is families.families_study


def test_one_task_goes_through_and_its_ladder_is_read(monkeypatch):
    monkeypatch.setattr(families, "language_model", small_model)
    monkeypatch.setattr(families, "CORPUS_RECORDS", ("z",))
    cells = {("coding", rung): rung_cell(PLAN, "coding", rung) for rung in RUNGS}
    results = json.loads(json.dumps(family_results(PLAN, cells)))
    ladder = recorded_ladder(SimpleNamespace(results=results), "coding", "kmer3")
    assert [rung.name for rung in ladder.rungs] == list(RUNGS)
    assert {rung.kind for rung in ladder.rungs} == {"recorded"}
    assert ladder["fine_tuned"].pretraining_seconds > 0
    assert results["audits"]["coding"]["n_exact"] == 0
    facts = results["families"]["coding"]
    assert facts["same_species"] is False
    assert 0 < facts["js_distance_3mers"] < 1
    assert len(facts["masked_bits"]) == 5
