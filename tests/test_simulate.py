"""Simulated worlds: is the truth that comes with the data true?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from hypecheck.kmers import count_kmers
from hypecheck.motifs import consensus_matrix, draw_words, motif_matrix, mutate
from hypecheck.sequences import LabelledSequences, decode, encode, gc_content, one_hot
from hypecheck.simulate import (
    composition_classes,
    contact_map,
    homologous_families,
    label_noise,
    long_range_pairs,
    markov_background,
    motif_grammar,
    planted_motifs,
)
from hypecheck.worlds import PlantedTruth

Codes = npt.NDArray[np.uint8]


def uniform(n: int, length: int, seed: int = 0) -> Codes:
    return np.random.default_rng(seed).integers(0, 4, (n, length), dtype=np.uint8)


def word_at(codes: Codes, starts: npt.NDArray[np.int64], width: int) -> Codes:
    return codes[np.arange(len(codes))[:, None], starts[:, None] + np.arange(width)]


def plausible(successes: int, trials: int, probability: float) -> bool:
    """Whether a count fits a binomial; fixed seeds, so one chance in ten thousand is never met."""
    return bool(binomtest(int(successes), trials, probability).pvalue > 1e-4)


def largest_z(data: LabelledSequences, k: int) -> float:
    """Largest difference between class means of any k-mer's count, in standard errors."""
    counts = np.asarray(count_kmers(data.codes, k, sparse=False), dtype=float)
    one, zero = counts[data.labels == 1], counts[data.labels == 0]
    error = np.sqrt(one.var(axis=0) / len(one) + zero.var(axis=0) / len(zero))
    return float((abs(one.mean(axis=0) - zero.mean(axis=0)) / np.maximum(error, 1e-12)).max())


def bag_of_kmers_auroc(data: LabelledSequences, k: int) -> float:
    counts = np.asarray(count_kmers(data.codes, k, sparse=False), dtype=float)
    half = len(data) // 2
    model = LogisticRegression(C=0.01, max_iter=200).fit(counts[:half], data.labels[:half])
    return float(roc_auc_score(data.labels[half:], model.decision_function(counts[half:])))


# Words and motifs


def test_matrix_by_hand() -> None:
    assert consensus_matrix("GN").tolist() == [[0, 0, 1, 0], [0.25] * 4]
    assert decode(draw_words(motif_matrix("ACGT"), 2, np.random.default_rng(0))) == ["ACGT"] * 2


def test_drawn_words_follow_their_matrix() -> None:
    matrix = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.0, 0.3, 0.0]])
    words = draw_words(matrix, 4_000, np.random.default_rng(1))
    counts = one_hot(words).sum(axis=0)
    for expected, count in zip(matrix.ravel(), counts.ravel(), strict=True):
        assert plausible(count, 4_000, expected)


@pytest.mark.parametrize(
    ("motif", "message"),
    [
        ("", r"got \(0, 4\)"),
        (np.ones((2, 3)) / 3, r"got \(2, 3\)"),
        (np.ones((1, 4)), r"sums \[4\.0\]"),
        (np.array([[1.5, -0.5, 0, 0]]), "must be probabilities"),
    ],
)
def test_no_motif(motif: str | npt.NDArray[np.float64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        motif_matrix(motif)


@given(rate=st.floats(0, 1), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_mutations_are_where_they_are_said_to_be(rate: float, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 5, (5, 40), dtype=np.uint8)
    changed, mutated = mutate(codes, rate, np.random.default_rng(seed))
    assert np.array_equal(changed != codes, mutated)
    assert not mutated[codes == 4].any()


# Planted motifs


@given(seed=st.integers(0, 200), length=st.integers(15, 40), share=st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_planted_words_stand_where_the_truth_says(seed: int, length: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    background = uniform(9, length, seed)
    world = planted_motifs(background, ["GATTACA", "CGC", "TTAAT"], rng, share=share)
    positive = world.data.labels == 1
    assert positive.sum() == round(9 * share)
    for number, word in enumerate(["GATTACA", "CGC", "TTAAT"]):
        starts = world.truth.positions[positive, number]
        assert decode(word_at(world.data.codes[positive], starts, len(word))) == [word] * len(
            starts
        )
    assert (world.truth.positions[~positive] == -1).all()
    # no overlap, and nothing is changed outside the mask
    assert (world.truth.mask.sum(axis=1) == np.where(positive, 15, 0)).all()
    assert ((world.data.codes == background) | world.truth.mask).all()


def test_mask_by_hand() -> None:
    truth = PlantedTruth(np.array([[1, -1], [0, 3]]), np.array([2, 1]), length=4)
    assert truth.mask.astype(int).tolist() == [[0, 1, 1, 0], [1, 1, 0, 1]]


def test_noise_of_a_planted_consensus_is_measured_again() -> None:
    matrix = consensus_matrix("GATTACA", noise=0.2)
    world = planted_motifs(uniform(600, 30), [matrix], np.random.default_rng(2), share=1)
    words = word_at(world.data.codes, world.truth.positions[:, 0], 7)
    assert plausible((words != encode("GATTACA")).sum(), 600 * 7, 0.2)


def test_places_are_spread_over_the_row() -> None:
    world = planted_motifs(uniform(4_000, 12), ["AAAA"], np.random.default_rng(3), share=1)
    counts = np.bincount(world.truth.positions[:, 0], minlength=9)
    assert len(counts) == 9
    assert ((counts - 4_000 / 9) ** 2 / (4_000 / 9)).sum() < chi2.ppf(0.999, 8)


# Grammar and pairs: k-mer counts say nothing, the rule says everything


@pytest.mark.parametrize("rule", ["order", "spacing"])
def test_grammar_is_what_it_says(rule: str) -> None:
    world = motif_grammar(
        uniform(400, 60),
        "GATTACA",
        "CCGC",
        np.random.default_rng(4),
        rule=rule,  # type: ignore[arg-type]
        gaps=[6, 8],
        other_gaps=[12, 14] if rule == "spacing" else (),
    )
    codes, labels, (first, second) = world.data.codes, world.data.labels, world.truth.positions.T
    assert decode(word_at(codes, first, 7)) == ["GATTACA"] * 400
    assert decode(word_at(codes, second, 4)) == ["CCGC"] * 400
    assert labels.sum() == 200
    gap = np.where(first < second, second - first - 7, first - second - 4)
    if rule == "order":
        assert np.array_equal(first < second, labels == 1)
        assert set(gap) == {6, 8}
    else:
        assert (first < second).all()
        assert set(gap[labels == 1]) == {6, 8}
        assert set(gap[labels == 0]) == {12, 14}
    assert np.minimum(first, second).min() >= 6
    assert np.maximum(first + 7, second + 4).max() <= 60 - 6


@pytest.mark.parametrize("rule", ["order", "spacing"])
def test_a_bag_of_kmers_cannot_see_grammar_and_places_can(rule: str) -> None:
    """Every k-mer count has the same mean in both classes for k <= smallest gap + 1."""
    words = ("GATTAC", "CCGCTT")
    world = motif_grammar(
        uniform(6_000, 50, seed=5),
        *words,
        np.random.default_rng(6),
        rule=rule,  # type: ignore[arg-type]
        gaps=[5, 6, 7],
        other_gaps=[12, 13, 14] if rule == "spacing" else (),
    )
    for k in (1, 3, 5, 6):
        assert largest_z(world.data, k) < 5  # 4,096 comparisons at most: p = .002 under equality
    assert abs(bag_of_kmers_auroc(world.data, 4) - 0.5) < 0.03
    # a reader of places, who knows the words but not the truth
    windows = np.lib.stride_tricks.sliding_window_view(world.data.codes, 6, axis=1)
    first, second = ((windows == encode(word)).sum(axis=2).argmax(axis=1) for word in words)
    score = second - first if rule == "order" else first - second
    assert roc_auc_score(world.data.labels, score) > 0.98


def test_the_mean_is_really_what_tells_a_visible_world() -> None:
    """The check above is able to fail: planted motifs, and windows over the gap, are seen."""
    planted = planted_motifs(uniform(2_000, 50), ["GATTAC"], np.random.default_rng(7))
    assert largest_z(planted.data, 3) > 10
    near = motif_grammar(
        uniform(2_000, 50), "GAT", "CCG", np.random.default_rng(8), rule="order", gaps=[0]
    )
    assert largest_z(near.data, 4) > 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rule": "both", "gaps": [1]}, "got 'both'"),
        ({"rule": "order", "gaps": [1], "other_gaps": [2]}, "'spacing' only"),
        ({"rule": "spacing", "gaps": [1]}, "'spacing' only"),
        ({"rule": "spacing", "gaps": [1], "other_gaps": [1, 2]}, r"gaps \[1\] are in both"),
        ({"rule": "order", "gaps": []}, "one or more numbers"),
        ({"rule": "order", "gaps": [40]}, "lengthen the rows"),
    ],
)
def test_impossible_grammar(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        motif_grammar(
            uniform(2, 40),
            "ACG",
            "TTT",
            np.random.default_rng(0),
            **arguments,  # type: ignore[arg-type]
        )


def test_pairs_are_copies_in_class_one_alone() -> None:
    background = uniform(1_000, 80, seed=9)
    world = long_range_pairs(background, 50, np.random.default_rng(10), width=6)
    first, second = world.truth.positions.T
    assert (second - first == 50).all()
    one, two = word_at(world.data.codes, first, 6), word_at(world.data.codes, second, 6)
    copied = world.data.labels == 1
    assert np.array_equal(one[copied], two[copied])
    assert np.array_equal(one, word_at(background, first, 6))
    assert plausible((one[~copied] == two[~copied]).sum(), 6 * int((~copied).sum()), 0.25)
    assert ((world.data.codes == background) | world.truth.mask).all()


def test_a_bag_of_kmers_cannot_see_pairs() -> None:
    world = long_range_pairs(uniform(6_000, 50, seed=11), 30, np.random.default_rng(12))
    for k in (1, 4, 6):
        assert largest_z(world.data, k) < 5
    assert abs(bag_of_kmers_auroc(world.data, 4) - 0.5) < 0.03
    agreement = (world.data.codes[:, 30:] == world.data.codes[:, :-30]).sum(axis=1)
    assert roc_auc_score(world.data.labels, agreement) > 0.95


def test_noise_and_share_of_pairs() -> None:
    world = long_range_pairs(
        uniform(500, 40), 20, np.random.default_rng(13), width=10, noise=0.15, share=1
    )
    assert (world.data.labels == 1).all()
    first, second = world.truth.positions.T
    differ = word_at(world.data.codes, first, 10) != word_at(world.data.codes, second, 10)
    assert plausible(differ.sum(), 5_000, 0.15)
    with pytest.raises(ValueError, match=r"width must lie in 1-4"):
        long_range_pairs(uniform(4, 40), 4, np.random.default_rng(0), width=5)
    with pytest.raises(ValueError, match="add rows"):
        long_range_pairs(uniform(1, 40), 9, np.random.default_rng(0), share=0)


# Composition, families, noise


def test_bayes_accuracy_by_hand_and_by_counting() -> None:
    # one base: say class 1 for G or C; right with probability .75 in either class
    assert composition_classes(
        2, 1, np.random.default_rng(0), gc=(0.25, 0.75)
    ).truth.best_accuracy == pytest.approx(0.75)
    world = composition_classes(4_000, 50, np.random.default_rng(14), gc=(0.4, 0.55))
    content = gc_content(world.data.codes)
    for label, share in enumerate((0.4, 0.55)):
        bases = int((world.data.labels == label).sum()) * 50
        assert plausible(round(content[world.data.labels == label].sum() * 50), bases, share)
    accuracies = [
        ((content > cut) == world.data.labels).mean() for cut in np.linspace(0.3, 0.7, 41)
    ]
    assert max(accuracies) == pytest.approx(world.truth.best_accuracy, abs=0.02)


def test_composition_of_three_classes() -> None:
    world = composition_classes(3_000, 40, np.random.default_rng(15), gc=(0.3, 0.5, 0.7))
    assert np.bincount(world.data.labels).tolist() == [1_000] * 3
    guess = np.digitize(gc_content(world.data.codes), [0.4, 0.6])
    assert (guess == world.data.labels).mean() == pytest.approx(world.truth.best_accuracy, abs=0.04)


def test_families_mutate_at_the_rate_and_share_a_label() -> None:
    ancestors = uniform(30, 200, seed=16)
    world = homologous_families(ancestors, 4, np.random.default_rng(17), mutation_rate=0.12)
    groups = world.data.groups
    assert groups is not None
    assert len(world.data) == 120
    assert np.array_equal(world.data.codes != ancestors[groups], world.truth.mutated)
    assert plausible(world.truth.mutated.sum(), world.truth.mutated.size, 0.12)
    labels = world.data.labels.reshape(30, 4)
    assert (labels == labels[:, :1]).all()
    assert labels[:, 0].sum() == 15
    members = world.data.codes.reshape(30, 4, 200)
    agree = (members[:, 0] == members[:, 1]).sum()
    assert plausible(agree, 6_000, 0.88**2 + 0.12**2 / 3)


def test_replaced_bases_are_any_of_the_other_three() -> None:
    zeros = np.zeros((10, 3_000), dtype=np.uint8)
    world = homologous_families(zeros, 1, np.random.default_rng(18), mutation_rate=0.5)
    counts = np.bincount(world.data.codes[world.truth.mutated], minlength=4)
    assert counts[0] == 0
    assert all(plausible(count, counts.sum(), 1 / 3) for count in counts[1:])


@pytest.mark.parametrize("n_classes", [2, 5])
def test_label_noise_flips_the_rate(n_classes: int) -> None:
    given_ = np.random.default_rng(19).integers(0, n_classes, 3_000)
    data = LabelledSequences(uniform(3_000, 4), given_, groups=np.arange(3_000))
    world = label_noise(data, 0.3, np.random.default_rng(20))
    assert np.array_equal(world.truth.clean, given_)
    assert np.array_equal(world.data.labels != given_, world.truth.flipped)
    assert plausible(world.truth.flipped.sum(), 3_000, 0.3)
    assert set(world.data.labels) == set(range(n_classes))
    assert np.array_equal(world.data.codes, data.codes)
    assert world.data.groups is not None


def test_label_noise_needs_classes() -> None:
    measured = LabelledSequences(uniform(2, 4), np.array([0.5, 1.5]))
    with pytest.raises(ValueError, match="Gaussian noise"):
        label_noise(measured, 0.1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="rate must lie between 0 and 1, got 2"):
        label_noise(LabelledSequences(uniform(2, 4), np.array([0, 1])), 2, np.random.default_rng(0))


# Backgrounds


def test_markov_background_keeps_short_kmers_alone() -> None:
    """Dinucleotides come out as in the genome; trinucleotides of an order-1 model do not."""
    rng = np.random.default_rng(21)
    codons = encode(["GAT", "TAC", "CCA"])
    genome = codons[rng.integers(0, 3, 20_000)].ravel()  # (60000,)
    world = markov_background(genome, 100, 600, rng, order=1)
    assert world.data.shape == (100, 600)
    assert world.data.dtype == np.uint8

    def shares(codes: Codes, k: int) -> npt.NDArray[np.float64]:
        counts = np.asarray(count_kmers(codes, k, sparse=False), dtype=float).sum(axis=0)
        return counts / counts.sum()

    assert abs(shares(world.data, 2) - shares(genome[None], 2)).max() < 0.01
    assert abs(shares(world.data, 3) - shares(genome[None], 3)).max() > 0.03
    assert world.truth.score(world.data.ravel()) < 2


# Contact maps


def test_decay_of_a_plain_map() -> None:
    """Counts at each distance are Poisson around a power law with the exponent given."""
    world = contact_map(
        200,
        np.random.default_rng(22),
        exponent=1.2,
        domain_gain=1,
        compartment_gain=1,
        n_loops=0,
        n_contacts=500_000,
    )
    distance = np.arange(1, 60)
    means = np.array([np.diagonal(world.data, d).mean() for d in distance])
    slope = np.polyfit(np.log1p(distance), np.log(means), 1)[0]
    assert slope == pytest.approx(-1.2, abs=0.02)
    assert np.triu(world.truth.expected).sum() == pytest.approx(500_000)
    assert np.triu(world.data).sum() == pytest.approx(500_000, abs=5 * 500_000**0.5)


def test_counts_scatter_around_the_truth_as_poisson() -> None:
    world = contact_map(80, np.random.default_rng(23))
    upper = np.triu_indices(80)
    counts, expected = world.data[upper], world.truth.expected[upper]
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert abs(statistic - len(counts)) < 5 * np.sqrt((2 + 1 / expected).sum())
    assert np.array_equal(world.data, world.data.T)
    assert np.allclose(world.truth.expected, world.truth.expected.T)


def test_domains_compartments_and_loops_can_be_read_off() -> None:
    world = contact_map(
        120, np.random.default_rng(24), domain_gain=3, compartment_gain=2, loop_gain=5
    )
    domains, compartments, loops = world.truth.domains, world.truth.compartments, world.truth.loops
    assert np.bincount(domains).min() >= 3
    assert (np.diff(domains) >= 0).all()
    assert domains.max() == 5
    bins = np.arange(120)
    ratio = world.data * (1.0 + abs(bins[:, None] - bins))  # observed over decay
    same = domains[:, None] == domains
    alike = (compartments[:, None] == compartments) & ~same
    looped = np.zeros_like(same)
    looped[tuple(loops.T)] = looped[tuple(loops.T[::-1])] = True
    unit = ratio[~same & ~alike].mean()  # 1 / compartment_gain
    assert ratio[alike].mean() / unit == pytest.approx(4, rel=0.05)
    assert ratio[same & ~looped].mean() / unit == pytest.approx(12, rel=0.05)
    assert ratio[looped].mean() / unit == pytest.approx(60, rel=0.2)
    assert (loops[:, 0] < loops[:, 1]).all()
    assert (domains[loops[:, 0]] == domains[loops[:, 1]]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_domains": 0}, "1 or more"),
        ({"n_domains": 11}, "takes 33 places"),
        ({"n_domains": 2, "n_loops": 3}, "n_loops must lie in 0-2"),
    ],
)
def test_impossible_maps(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        contact_map(30, np.random.default_rng(0), **arguments)  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_world() -> None:
    one, two = (
        motif_grammar(
            uniform(20, 40), "ACG", "TTT", np.random.default_rng(5), rule="order", gaps=[4]
        )
        for _ in range(2)
    )
    assert np.array_equal(one.data.codes, two.data.codes)
    assert np.array_equal(one.truth.positions, two.truth.positions)
