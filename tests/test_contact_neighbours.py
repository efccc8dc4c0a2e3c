"""Graphs rewired by hand, and compartments that neighbours give away."""

import numpy as np
import pytest

from hypecheck import contact_neighbours as near


@pytest.fixture(scope="module")
def world():
    return near.made_up_map(np.random.default_rng(0))


def test_rewiring_keeps_degrees_and_makes_no_loops_or_doubles(world):
    edges = near.far_contacts(world[0])
    new = near.rewire(edges, np.random.default_rng(0))
    assert (np.bincount(new.ravel()) == np.bincount(edges.ravel())).all()
    assert (new[:, 0] != new[:, 1]).all()
    assert len(np.unique(np.sort(new, axis=1), axis=0)) == len(new)
    shared = {tuple(pair) for pair in np.sort(new, axis=1)} & {tuple(pair) for pair in edges}
    assert len(shared) < 0.3 * len(edges)


def test_far_contacts_are_far(world):
    found = world[0]
    edges = near.far_contacts(found, apart=10)
    same = found.chromosome[edges[:, 0]] == found.chromosome[edges[:, 1]]
    assert (np.abs(edges[same, 0] - edges[same, 1]) >= 10).all()
    assert (edges[:, 0] < edges[:, 1]).all()


def test_tables_by_hand(world):
    found, records, genes = world
    words, gc, covered = near.bin_tables(found, records, genes)
    first = records["0"][:1000]
    assert gc[0] == pytest.approx(np.isin(first, (1, 2)).mean())
    assert words.sum(axis=1) == pytest.approx(1)
    assert covered[0] == pytest.approx((genes.loc[0, "end"] - genes.loc[0, "start"]) / 1000)


def test_true_neighbours_tell_more_than_rewired_ones(world):
    found, records, genes = world
    words, gc, _ = near.bin_tables(found, records, genes)
    edges = near.far_contacts(found)
    true, wrong = (
        near.held_out_correlations(near.neighbour_mean(words, graph), gc, found.chromosome).mean()
        for graph in (edges, near.rewire(edges, np.random.default_rng(1)))
    )
    assert true > wrong + 0.3
