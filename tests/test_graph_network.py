"""Graphs of contacts: built, rewired, averaged over; and a planted answer found."""

import numpy as np
import pytest

from hypecheck import scores
from hypecheck.contact_maps import ContactMap
from hypecheck.graph_network import (
    GC_OF_WORD,
    covered_share,
    neighbour_mean,
    rewire,
    simulated_task,
    strongest_contacts,
    word_shares,
)


def small_map():
    contacts = np.array([[9.0, 3, 1, 0], [3, 9, 2, 5], [1, 2, 9, 0], [0, 5, 0, 9]])
    return ContactMap(("chrI", "chrII"), np.array([0, 0, 0, 1]), np.array([0, 10, 20, 0]), contacts)


def test_strongest_contacts_by_hand():
    assert strongest_contacts(small_map(), n=1).tolist() == [[0, 1], [1, 2], [1, 3]]
    assert strongest_contacts(small_map(), n=1, least=2).tolist() == [[0, 2], [1, 3]]


def test_rewiring_keeps_degrees_and_moves_edges():
    _, found = simulated_task(n_chromosomes=4, n_bins=20)
    edges = strongest_contacts(found, n=4)
    moved = rewire(edges, np.random.default_rng(0))
    assert np.array_equal(np.bincount(moved.ravel()), np.bincount(edges.ravel()))
    assert len(np.unique(moved, axis=0)) == len(edges)
    assert (moved[:, 0] < moved[:, 1]).all()
    shared = set(map(tuple, moved.tolist())) & set(map(tuple, edges.tolist()))
    assert len(shared) < 0.3 * len(edges)


def test_rows_of_the_mean_sum_to_one():
    mean = neighbour_mean([[0, 2]], 4).toarray()
    assert mean.sum(axis=1).tolist() == [1.0] * 4
    assert neighbour_mean([], 3).toarray().tolist() == np.eye(3).tolist()


def test_words_and_cover_by_hand():
    found = ContactMap(("chrI",), np.array([0, 0]), np.array([0, 10]), np.ones((2, 2)))
    codes = {"I": np.array([0] * 10 + [1] * 10, dtype=np.uint8)}
    shares = word_shares(codes, found, 10)
    assert shares[0, 0] == 1.0
    assert shares[1, 16 + 4 + 1] == 1.0
    assert (shares @ GC_OF_WORD).tolist() == [0.0, 1.0]
    assert covered_share({"I": np.array([[5, 12]])}, found, 10).tolist() == [0.5, 0.2]


def test_a_graph_that_holds_the_answer_wins():
    task, found = simulated_task()
    edges = strongest_contacts(found)
    graphs = {"contacts": edges, "none": [], "rewired": rewire(edges, np.random.default_rng(0))}
    r = {
        name: scores.pearson(task.target, task.predict(one, seed=0)) for name, one in graphs.items()
    }
    assert r["contacts"] > max(r["none"], r["rewired"]) + 0.05


def test_held_out_targets_are_not_seen():
    task, _ = simulated_task(n_chromosomes=4, n_bins=10)
    first = task.predict([], seed=0, steps=5)
    changed = task.target.copy()
    changed[task.chromosome == 0] += 100.0
    again = type(task)(task.features, changed, task.chromosome, task.gc, task.provenance)
    held_out = task.chromosome == 0
    assert again.predict([], seed=0, steps=5)[held_out] == pytest.approx(first[held_out])
