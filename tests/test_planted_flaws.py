"""Flaws are planted as they are described, on a small world of planted motifs."""

import numpy as np
import pytest

from hypecheck import planted_flaws
from hypecheck.audit import audit
from hypecheck.corpus import count_sharing
from hypecheck.kmers import KmerCounts
from hypecheck.leakage import audit as leaks
from hypecheck.sequences import LabelledSequences, encode

FOUND = {
    planted_flaws.copies: "leaks",
    planted_flaws.reverse_complements: "leaks",
    planted_flaws.relatives: "leaks",
    planted_flaws.repeats: "repeats",
    planted_flaws.seen_corpus: "corpus",
    planted_flaws.one_seed: "seeds",
    planted_flaws.noise: "noise",
    planted_flaws.skewed_accuracy: "metric",
    planted_flaws.chosen_tasks: "tasks",
    planted_flaws.composition: "composition",
}
UNSEEN = (planted_flaws.hidden_corpus, planted_flaws.wrong_labels)


def counts(codes):
    found = KmerCounts(3).fit_transform(codes)
    return found if isinstance(found, np.ndarray) else found.toarray()


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=(700, 60)).astype(np.uint8)
    labels = np.arange(700) % 2
    codes[(labels == 1) & (rng.random(700) < 0.7), 20:28] = encode("GATCATCG")
    rows = LabelledSequences(codes, labels)
    return planted_flaws.make_world(
        rows, counts, rng=np.random.default_rng(1), sizes=(250, 100, 200), n_corpus=100
    )


def test_the_world_is_clean(world):
    assert len(leaks(world.train, world.test).clean_test_index) == len(world.test)
    assert count_sharing(list(world.corpus), world.test.codes) == 0
    assert audit(world.honest) == {}
    assert 0.2 < world.honest.report.score < 0.95


@pytest.mark.parametrize("plant", FOUND, ids=lambda plant: plant.__name__)
def test_a_visible_flaw_is_found(world, plant):
    assert FOUND[plant] in audit(plant(world, np.random.default_rng(2)))


@pytest.mark.parametrize("plant", UNSEEN, ids=lambda plant: plant.__name__)
def test_an_invisible_flaw_is_not(world, plant):
    assert audit(plant(world, np.random.default_rng(2))) == {}


def test_a_tag_stands_on_most_of_one_class(world):
    one = planted_flaws.library_tag(world, np.random.default_rng(2))
    is_tagged = (one.test.codes[:, -6:] == encode(planted_flaws.TAG)).all(axis=1)
    assert is_tagged[one.test.labels == 1].mean() > 0.6
    assert is_tagged[one.test.labels == 0].mean() < 0.1


def test_best_seeds_are_the_best(world):
    best = planted_flaws.best_seeds(world, np.random.default_rng(2))
    assert best.report.n_seeds == 5
    assert best.report.score >= world.honest.report.score - 0.01


def test_too_few_rows_are_refused(world):
    with pytest.raises(ValueError, match="2300 rows are needed and 10 are there"):
        planted_flaws.make_world(world.test.take(slice(10)), counts, rng=np.random.default_rng(0))


def test_every_flaw_has_a_name_and_a_chapter():
    assert len({flaw.name for flaw in planted_flaws.FLAWS}) == len(planted_flaws.FLAWS) == 16
