import numpy as np
import pytest
from benchmarks import bench_audit
from hypothesis import given, settings
from hypothesis import strategies as st

from hypecheck.leakage import Regions, audit, overlapping
from hypecheck.splits import (
    Split,
    group_split,
    homology_clusters,
    homology_split,
    random_split,
    region_split,
    species_split,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def parts(split):
    return [split.train, split.validation, split.test]


def sizes(split):
    return [len(part) for part in parts(split)]


def part_of_item(split, n):
    part = np.full(n, -1)
    for number, items in enumerate(parts(split)):
        part[items] = number
    return part


# --- worked by hand -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "fractions", "expected"),
    [
        (10, (0.8, 0.1, 0.1), [8, 1, 1]),
        (1000, (0.5, 0.25, 0.25), [500, 250, 250]),
        (7, (0.6, 0.2, 0.2), [4, 1, 1]),
        (5, (0.8, 0.0, 0.2), [4, 0, 1]),
    ],
)
def test_random_parts_have_the_sizes_asked_for(n, fractions, expected):
    split = random_split(n, rng=rng(), fractions=fractions)
    assert sum(sizes(split)) == n
    assert np.abs(np.subtract(sizes(split), expected)).max() <= 1
    assert sizes(split)[1] == 0 or fractions[1] > 0


def test_items_across_a_border_of_parts_are_left_out():
    # blocks 0-100 and 100-200 fall into two parts; the item 95-105 lies in both
    places = Regions(np.repeat("chr1", 3), np.array([10, 95, 120]), np.array([20, 105, 130]))
    split = region_split(places, block_size=100, rng=rng(), fractions=(0.5, 0.0, 0.5))
    assert split.left_out.tolist() == [1]
    assert sorted([split.train.tolist(), split.test.tolist()]) == [[0], [2]]


def test_species_are_held_out_whole():
    species = ["yeast", "human", "fly", "human", "yeast"]
    split = species_split(species, validation=["fly"], test=["yeast"])
    assert [part.tolist() for part in parts(split)] == [[1, 3], [2], [0, 4]]
    assert species_split(species, validation=[], test=["fly"]).validation.size == 0


# --- properties -----------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=12, max_size=60), st.integers(0, 10**6))
def test_a_group_is_never_divided(labels, seed):
    groups = np.array([*labels, *range(100, 140)])  # enough single ones to fill every part
    split = group_split(groups, rng=rng(seed))
    part = part_of_item(split, len(groups))
    assert (part >= 0).all()
    for group in set(labels):
        assert len(set(part[groups == group])) == 1
    largest = np.unique(groups, return_counts=True)[1].max()
    goals = np.array([0.8, 0.1, 0.1]) * len(groups)
    assert np.abs(np.array(sizes(split)) - goals).max() <= largest + 1


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_regions_of_two_parts_never_overlap(seed):
    generator = rng(seed)
    starts = generator.integers(0, 20_000, size=400)
    places = Regions(
        generator.choice(["chr1", "chr2"], size=400),
        starts,
        starts + generator.integers(1, 200, size=400),
    )
    split = region_split(places, block_size=500, rng=generator)
    part = part_of_item(split, 400)
    assert sum(sizes(split)) + len(split.left_out) == 400
    for one in range(3):
        inside, others = np.flatnonzero(part == one), np.flatnonzero((part != one) & (part >= 0))
        taken = [
            Regions(places.chromosomes[rows], places.starts[rows], places.ends[rows])
            for rows in (inside, others)
        ]
        assert not overlapping(*taken).any()


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_gives_the_same_split(seed):
    one, other = (random_split(50, rng=rng(seed)) for _ in range(2))
    assert one.test.tolist() == other.test.tolist()


# --- known truth ----------------------------------------------------------------------------------


def test_every_item_has_its_chance_in_every_part():
    times = np.zeros((10, 3))
    for seed in range(2000):
        part = part_of_item(random_split(10, rng=rng(seed), fractions=(0.5, 0.2, 0.3)), 10)
        times[np.arange(10), part] += 1
    assert times / 2000 == pytest.approx(np.tile([0.5, 0.2, 0.3], (10, 1)), abs=0.05)


def test_a_large_group_is_not_always_trained_on():
    groups = np.array([0] * 8 + list(range(1, 93)))
    shares = np.mean([len(split.test) >= 8 and 0 in split.test for split in splits_of(groups)])
    assert 0.05 < shares < 0.16  # a tenth


def splits_of(groups):
    return [group_split(groups, rng=rng(seed)) for seed in range(400)]


def test_families_leak_through_a_random_split_and_not_through_a_homology_split():
    codes, _ = bench_audit.planted(1000)
    leaky, tight = random_split(1000, rng=rng()), homology_split(codes, rng=rng())
    assert audit(codes[leaky.train], codes[leaky.test]).n_near > 5
    assert len(audit(codes[tight.train], codes[tight.test]).clean_test_index) == len(tight.test)
    part = part_of_item(tight, 1000)
    clusters = homology_clusters(codes)
    for cluster in np.flatnonzero(np.bincount(clusters) > 1):
        assert len(set(part[clusters == cluster])) == 1


# --- errors that help -----------------------------------------------------------------------------

PLACE = Regions(np.array(["1"]), np.array([0]), np.array([50]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Split(np.array([0]), np.array([0]), np.array([1])), "item 0 is in two parts"),
        (lambda: random_split(10, rng=rng(), fractions=(0.8, 0.1, 0.2)), "sum to 1"),
        (lambda: random_split(10, rng=rng(), fractions=(1.2, -0.1, -0.1)), "sum to 1"),
        (lambda: random_split(2, rng=rng()), "part is empty"),
        (lambda: group_split([1, 1, 1, 1], rng=rng()), "too few groups"),
        (lambda: group_split([[1, 1]], rng=rng()), "one axis"),
        (lambda: region_split(PLACE, block_size=49, rng=rng()), "make blocks longer"),
        (lambda: species_split(["a", "b"], validation=["c"], test=["a"]), "'c'"),
        (lambda: species_split(["a", "b"], validation=["a"], test=["a"]), "one part"),
        (lambda: species_split(["a", "b"], validation=["a"], test=["b"]), "left to train on"),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()
