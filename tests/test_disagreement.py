"""Hand-worked ensembles; agreement with scipy; the split adds up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from hypecheck import disagreement as d


def ensemble(seed, n_members=4, n_tokens=6):
    return np.random.default_rng(seed).dirichlet(np.ones(n_tokens), size=(n_members, 20))


def test_two_directions_from_uniform():
    p = ensemble(0)
    np.testing.assert_allclose(d.entropy_bits(p), entropy(p, base=2, axis=-1))
    uniform = np.full(6, 1 / 6)
    reference = np.apply_along_axis(lambda row: entropy(uniform, row, base=2), -1, p)
    np.testing.assert_allclose(d.kl_from_uniform(p), reference)
    assert not np.allclose(d.kl_from_uniform(p), np.log2(6) - d.entropy_bits(p))


def test_one_impossible_token_dominates_kl_from_uniform():
    assert d.kl_from_uniform([0.0, 0.5, 0.5, 0.0]) > 10 > 2 - d.entropy_bits([0.0, 0.5, 0.5, 0.0])


def test_distances_equal_scipy():
    p = ensemble(1)
    found = d.js_distances(p)
    assert found[1, 2] == pytest.approx(np.mean(jensenshannon(p[1], p[2], base=2, axis=-1)))
    np.testing.assert_array_equal(found, found.T)


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_top_p_is_a_distribution_over_few(seed):
    p = ensemble(seed)
    few, all_of_them = d.top_p(p, 0.4), d.top_p(p, 1.0)
    np.testing.assert_allclose(few.sum(-1), 1)
    np.testing.assert_allclose(all_of_them, p)
    kept = np.where(few > 0, p, 0).sum(-1)
    assert (kept >= 0.4 - 1e-9).all()
    assert ((few > 0).sum(-1) <= (p > 0).sum(-1)).all()


def test_a_small_share_leaves_the_favourite():
    p = ensemble(2)
    np.testing.assert_allclose(d.js_distances(p, share=0.01), d.top1_disagreement(p))
    with pytest.raises(ValueError, match="share"):
        d.top_p(p, 0)


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_split_adds_up_and_information_is_not_negative(seed):
    p = ensemble(seed)
    mean_entropy, information = d.split_entropy(p)
    assert mean_entropy + information == pytest.approx(d.entropy_bits(p.mean(0)).mean())
    assert -1e-12 <= information <= np.log2(len(p))


def test_information_of_equal_and_of_opposite_members():
    assert d.split_entropy(np.repeat(ensemble(3)[:1], 3, axis=0))[1] == pytest.approx(0)
    assert d.split_entropy(np.eye(4)[:, None])[1] == pytest.approx(2)


def test_marginals_of_blocks():
    p = np.random.default_rng(0).dirichlet(np.ones(64), size=3)
    table = p.reshape(3, 4, 4, 4)
    np.testing.assert_allclose(d.base_marginals(p, 4, 1), table.sum(axis=(1, 3)))
    with pytest.raises(ValueError, match="blocks"):
        d.base_marginals(p[:, :60], 4, 0)


def test_without_each():
    p = ensemble(4)
    np.testing.assert_array_equal(d.without_each(p)[0], p[1:])
