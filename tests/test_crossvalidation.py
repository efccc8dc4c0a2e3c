"""Grouped cross-validation: relatives stay together, copies go, and it finds what is there."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from hypecheck import crossvalidation
from hypecheck.baselines import KmerLogistic
from hypecheck.sequences import LabelledSequences
from hypecheck.simulate import homologous_families, markov_background


class Nearest(BaseEstimator):
    """Remembers the training part, and answers with the label of the most alike sequence."""

    def fit(self, codes, labels):
        self.codes, self.labels = codes, labels
        return self

    def predict(self, codes):
        alike = (codes[:, None] == self.codes[None]).sum(axis=2)
        return self.labels[alike.argmax(axis=1)]


def family_world(rng):
    ancestors = rng.integers(0, 4, (150, 80)).astype(np.uint8)
    return homologous_families(ancestors, 4, rng, mutation_rate=0.01).data


def test_families_help_a_memoriser_only_when_split_at_random():
    rng = np.random.default_rng(0)
    data = family_world(rng)
    each = np.arange(len(data))
    apart = crossvalidation.grouped(data, Nearest(), rng=rng, groups=each)
    together = crossvalidation.grouped(data, Nearest(), rng=rng)
    assert apart.accuracy.estimate > 0.95
    assert abs(together.mcc.estimate) < 0.35
    assert together.n_groups == pytest.approx(150, abs=8)


def test_copies_are_removed_and_counted():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, (50, 40)).astype(np.uint8)
    labels = np.arange(50) % 2
    data = LabelledSequences(np.concatenate([codes, codes[:7]]), np.append(labels, labels[:7]))
    result = crossvalidation.grouped(data, KmerLogistic(k=2), rng=rng)
    assert (result.n, result.n_copies) == (50, 7)
    assert "Without 7 copies, 50 sequences" in result.sentence()


def test_same_seed_same_result():
    data = family_world(np.random.default_rng(2))
    runs = [
        crossvalidation.grouped(data, KmerLogistic(k=3), rng=np.random.default_rng(3))
        for _ in range(2)
    ]
    assert np.array_equal(runs[0].predictions, runs[1].predictions)
    assert str(runs[0].mcc) == str(runs[1].mcc)


def test_too_few_groups_are_named():
    rng = np.random.default_rng(4)
    genome = rng.integers(0, 4, 500).astype(np.uint8)
    codes = markov_background(genome, 10, 30, rng).data
    data = LabelledSequences(codes, np.arange(10) % 2)
    with pytest.raises(ValueError, match="3 groups of relatives cannot fill 5 folds"):
        crossvalidation.grouped(data, KmerLogistic(k=2), rng=rng, groups=np.arange(10) % 3)
