"""Contact maps and networks of regulation: hand-made ones, and the simulated stand-ins."""

import h5py
import numpy as np
import pandas as pd
import pytest

from hypecheck import interactions
from hypecheck.contact_maps import ContactMap, bin_windows, cis_pairs, read_cooler
from hypecheck.interactions import contact_task, network_task
from hypecheck.regulation import bilinear, read_network, rewired


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.delenv("HYPECHECK_DATA", raising=False)
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("hypecheck.downloads.cache_folder", lambda: tmp_path)


def clustered(n=4, size=12, centre=5):
    """Chromosomes that touch each other at their centromeres."""
    chromosome = np.repeat(np.arange(n), size)
    place = np.tile(np.arange(size), n)
    cis = 1.0 / (1 + np.abs(place[:, None] - place))
    trans = 0.2 * np.exp(-(np.abs(place - centre)[:, None] + np.abs(place - centre)))
    contacts = np.where(chromosome[:, None] == chromosome, cis, trans)
    names = tuple(f"chr{number}" for number in range(n))
    return ContactMap(names, chromosome, place * 10_000, contacts)


def test_centromeres_are_found_where_chromosomes_meet():
    found = clustered()
    assert (found.start[found.centromeres()] == 50_000).all()


def test_a_cooler_file_is_read_and_balanced(tmp_path):
    with h5py.File(tmp_path / "map.cool", "w") as file:
        file["chroms/name"] = np.array([b"chrI", b"chrM"])
        file["bins/chrom"], file["bins/start"] = [0, 0, 1], [0, 10_000, 0]
        file["bins/weight"] = [0.5, 2.0, 1.0]
        file["pixels/bin1_id"], file["pixels/bin2_id"] = [0, 0, 1], [0, 1, 2]
        file["pixels/count"] = [4, 3, 7]
    found = read_cooler(tmp_path / "map.cool", leave_out=("chrM",))
    assert found.chromosomes == ("chrI",)
    assert found.contacts.tolist() == [[1.0, 3.0], [3.0, 0.0]]


def test_what_distance_explains_is_taken_out():
    pairs = cis_pairs(clustered(n=3, size=40))
    assert (pairs.first < pairs.second).all()
    assert np.abs(pairs.enrichment).max() < 0.1  # pure 1 / (1 + distance): a cubic is close


def test_windows_lie_in_their_bin():
    found = clustered(n=2, size=2)
    genome = {str(k): (np.arange(20_000) // 10_000 + 2 * k).astype(np.uint8) for k in range(2)}
    rows = bin_windows(found, genome, size=10_000, n_windows=3, length=50)
    assert rows.shape == (4, 3, 50)
    assert [set(np.unique(row)) for row in rows] == [{0}, {1}, {2}, {3}]


def network():
    genes = pd.DataFrame(
        {
            "start": [101, 301, 501, 701],
            "stop": [200, 400, 600, 800],
            "strand": ["+", "+", "-", "-"],
            "gene_name": ["tfA", "b", "c", "d"],
            "operon": ["one", "one", "two", "three"],
        },
        index=["g1", "g2", "g3", "g4"],
    )
    edges = pd.DataFrame({"regulator": ["tfA"] * 3 + ["gone"], "gene_id": ["g2", "g3", "g4", "g1"]})
    return read_network(edges, genes, least=1)


def test_genes_become_operons():
    found = network()
    assert found.regulators == ("tfA",)
    assert found.operons == ("one", "three", "two")
    assert found.place.tolist() == [100, 800, 600]
    assert sorted(found.edges[:, 1].tolist()) == [0, 1, 2]
    own = found.distances(found.edges, 1000)[:, 2]
    assert own.tolist() == [1.0 if operon == 0 else 0.0 for operon in found.edges[:, 1]]


def test_promoters_are_read_in_the_direction_of_the_operon():
    genome = np.random.default_rng(0).integers(4, size=1000).astype(np.uint8)
    rows = network().promoters(genome, 5)
    assert np.array_equal(rows[0], genome[95:100])
    assert np.array_equal(rows[1], 3 - genome[800:805][::-1])


def test_rewiring_keeps_partners_and_no_true_edge():
    rng = np.random.default_rng(0)
    edges = np.argwhere(rng.random((8, 60)) < 0.2)
    null = rewired(edges, rng)
    true = {tuple(pair) for pair in edges.tolist()}
    assert not true & {tuple(pair) for pair in null.tolist()}
    assert 0.9 * len(edges) < len({tuple(pair) for pair in null.tolist()}) == len(null)
    for side in (0, 1):  # a pair that could not be moved off a true edge is left out
        n = edges[:, side].max() + 1
        kept, had = (np.bincount(one[:, side], minlength=n) for one in (null, edges))
        assert (kept <= had).all()


def test_every_regulator_has_its_own_columns():
    features = bilinear(np.ones((2, 3)), [[1, 0]], 2)
    assert features.tolist() == [[0, 0, 0, 1, 1, 1]]


@pytest.mark.parametrize("make", [contact_task, network_task])
def test_letters_of_a_stand_in_say_nothing(make, offline):
    task = make()
    assert task.provenance.is_stand_in
    gc = np.isin(task.codes, (1, 2)).mean(axis=(1, 2))[:, None]
    gain = task.gain([gc], n_resamples=100)
    assert gain.low < 0.05
    assert interactions.SIMULATED in task.provenance.note
