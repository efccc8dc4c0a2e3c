"""Nothing changes under a rotation; chance gives what chance gives; one hand-worked case."""

import numpy as np
import pytest

from hypecheck import embedding_stability as es


@pytest.fixture
def table():
    return np.random.default_rng(0).normal(size=(40, 6))


def test_rotation_and_scale_change_nothing(table):
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    turned = 3 * table @ turn
    assert es.neighbour_overlap(table, turned, 5) == 1
    assert es.local_spearman(table, turned, 5) == pytest.approx(1)
    assert es.linear_cka(table, turned) == pytest.approx(1)
    assert es.procrustes_disparity(table, turned) == pytest.approx(0, abs=1e-12)


def test_by_hand():
    a = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]
    b = [[1.0, 0.0], [0.0, 1.0], [0.9, 0.1]]
    # nearest in a: 1, 0, 1; in b: 2, 2, 0
    assert es.neighbour_overlap(a, b, 1) == 0
    assert es.neighbour_overlap(a, b, 2) == 1


def test_chance(table):
    other = np.random.default_rng(2).normal(size=table.shape)
    k = 10
    assert es.neighbour_overlap(table, other, k) == pytest.approx(k / (2 * 39 - k), abs=0.06)
    assert abs(es.local_spearman(table, other, k)) < 0.25
    assert es.linear_cka(table, other) < 0.4
    assert es.procrustes_disparity(table, other) > 0.5


def test_cka_equals_its_definition(table):
    other = np.random.default_rng(3).normal(size=(40, 4))
    k, m = (x @ x.T for x in (table - table.mean(0), other - other.mean(0)))
    assert es.linear_cka(table, other) == pytest.approx(
        (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    )


def test_too_many_neighbours(table):
    with pytest.raises(ValueError, match="between 1 and 39"):
        es.neighbour_overlap(table, table, 40)
