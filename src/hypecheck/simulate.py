"""Worlds with known truth: data made by a rule, returned together with that rule's traces.

Design choices

- Every simulator returns a :class:`~hypecheck.worlds.World`: the data as a model would see them,
  and the truth.
- Things are planted into a `background` that the caller brings, codes ``(N, L)``: windows of a
  genome, :func:`markov_background`, or ``rng.integers(0, 4, (N, L))``. Classes are dealt to rows
  at random, so that nothing about the background can tell them apart.
- Where a world is meant to blind a class of models, the docstring says exactly which, and a test
  measures it: in :func:`motif_grammar` and :func:`long_range_pairs` the expected count of every
  short k-mer is the same in all classes.
- Where the best possible score is known, the truth holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.stats import binom

from hypecheck.markov import MarkovModel
from hypecheck.motifs import (
    Motif,
    check_probability,
    consensus_matrix,
    draw_words,
    motif_matrix,
    mutate,
    write_words,
)
from hypecheck.sequences import Codes, LabelledSequences, check_codes
from hypecheck.worlds import (
    ABSENT,
    CompositionTruth,
    ContactTruth,
    FamilyTruth,
    Floats,
    Ints,
    NoiseTruth,
    PlantedTruth,
    World,
)

__all__ = [
    "World",
    "composition_classes",
    "consensus_matrix",
    "contact_map",
    "homologous_families",
    "label_noise",
    "long_range_pairs",
    "markov_background",
    "motif_grammar",
    "planted_motifs",
]


def markov_background(
    genome: Codes, n_sequences: int, length: int, rng: np.random.Generator, *, order: int = 3
) -> World[Codes, MarkovModel]:
    """Draw sequences with the k-mer statistics of a genome up to ``order + 1``, and nothing more.

    Parameters
    ----------
    genome : ndarray of uint8, shape (G,) or (R, G)
        What the model is fitted to.
    n_sequences, length : int
        Rows to draw, and bases in each.
    rng : numpy.random.Generator
        Source of randomness.
    order : int, default 3
        Bases of context.

    Returns
    -------
    world : World
        Data: codes, shape (N, L), cut from one long walk. Truth: the fitted model.

    Examples
    --------
    >>> genome = np.tile(np.arange(4, dtype=np.uint8), 50)
    >>> markov_background(genome, 2, 30, np.random.default_rng(0), order=1).data.shape
    (2, 30)
    """
    model = MarkovModel(order).fit(genome)
    codes = model.sample(n_sequences * length, rng).reshape(n_sequences, length)  # (N, L)
    return World(codes, model)


def planted_motifs(
    background: Codes, motifs: Sequence[Motif], rng: np.random.Generator, *, share: float = 0.5
) -> World[LabelledSequences, PlantedTruth]:
    """Plant every motif once into each row of class 1, in random order, without overlap.

    The background may hold a short motif by chance, in both classes.

    Parameters
    ----------
    background : ndarray of uint8, shape (N, L)
        Rows to plant into; they are copied.
    motifs : sequence of str or ndarray of shape (W, 4)
        Words, or base probabilities (see :func:`hypecheck.motifs.consensus_matrix`).
    rng : numpy.random.Generator
        Source of randomness.
    share : float, default 0.5
        Share of rows in class 1.

    Returns
    -------
    world : World
        Label 1: all motifs are there. Truth: their positions.

    Raises
    ------
    ValueError
        If the motifs do not fit into a row, or are no probabilities.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> world = planted_motifs(np.zeros((2, 12), np.uint8), ["GATTACA"], rng)
    >>> world.data.labels.tolist(), world.truth.positions.ravel().tolist()
    ([1, 0], [3, -1])
    """
    codes = check_codes(background, ndim=2).copy()
    matrices = [motif_matrix(motif) for motif in motifs]
    widths = np.array([len(matrix) for matrix in matrices], dtype=np.int64)
    free = _room(codes.shape[1], int(widths.sum()))
    labels = _deal_labels(len(codes), share, rng)
    rows = np.flatnonzero(labels)
    order = rng.permuted(np.tile(np.arange(len(widths)), (len(rows), 1)), axis=1)  # (n, M)
    before = np.cumsum(widths[order], axis=1) - widths[order]
    slots = np.sort(rng.integers(0, free + 1, order.shape), axis=1) + before
    positions = np.full((len(codes), len(widths)), ABSENT, dtype=np.int64)
    positions[rows[:, None], order] = slots
    for number, matrix in enumerate(matrices):
        write_words(codes, rows, positions[rows, number], draw_words(matrix, len(rows), rng))
    return World(LabelledSequences(codes, labels), PlantedTruth(positions, widths, codes.shape[1]))


def motif_grammar(
    background: Codes,
    first: Motif,
    second: Motif,
    rng: np.random.Generator,
    *,
    rule: Literal["order", "spacing"],
    gaps: Sequence[int],
    other_gaps: Sequence[int] = (),
) -> World[LabelledSequences, PlantedTruth]:
    """Plant two motifs into every row; only their order, or their distance, tells the classes.

    Let g be the smallest gap. On a stationary background the expected count of each k-mer is the
    same in both classes for all k up to g + 1: no window touches both motifs, and both stay g
    bases away from the ends. A linear model on such counts must fail; one that sees where the
    motifs stand need not.

    Parameters
    ----------
    background : ndarray of uint8, shape (N, L)
        Rows to plant into; they are copied.
    first, second : str or ndarray of shape (W, 4)
        Words, or base probabilities.
    rng : numpy.random.Generator
        Source of randomness.
    rule : {"order", "spacing"}
        "order": `first` stands left in class 1, right in class 0, with `gaps` in both.
        "spacing": `first` always stands left, with `gaps` in class 1, `other_gaps` in class 0.
    gaps, other_gaps : sequence of int
        Numbers of bases between the motifs to draw from.

    Returns
    -------
    world : World
        Half of the rows in each class. Truth: positions of `first` and `second`, shape (N, 2).

    Raises
    ------
    ValueError
        If the rule and the gaps do not fit together, or the motifs do not fit into a row.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> background = np.zeros((2, 14), np.uint8)
    >>> world = motif_grammar(background, "CCC", "GGG", rng, rule="order", gaps=[2])
    >>> world.data.labels.tolist(), world.truth.positions.tolist()
    ([1, 0], [[3, 8], [8, 3]])
    """
    codes = check_codes(background, ndim=2).copy()
    gap_sets = _gap_sets(rule, gaps, other_gaps)
    matrices = motif_matrix(first), motif_matrix(second)
    widths = np.array([len(matrix) for matrix in matrices], dtype=np.int64)
    margin = int(min(gap_sets[0].min(), gap_sets[1].min()))
    longest = int(max(gap_sets[0].max(), gap_sets[1].max()))
    free = _room(codes.shape[1], int(widths.sum()) + longest + 2 * margin)
    labels, rows = _deal_labels(len(codes), 0.5, rng), np.arange(len(codes))
    left = margin + rng.integers(0, free + 1, len(codes))
    gap = np.where(labels == 1, *(rng.choice(gap_sets[label], len(codes)) for label in (1, 0)))
    swapped = (labels == 0) & (rule == "order")
    ahead = np.where(swapped, widths[1], widths[0])  # width of the left motif
    right = left + ahead + gap
    positions = np.column_stack([np.where(swapped, right, left), np.where(swapped, left, right)])
    for number, matrix in enumerate(matrices):
        write_words(codes, rows, positions[:, number], draw_words(matrix, len(codes), rng))
    return World(LabelledSequences(codes, labels), PlantedTruth(positions, widths, codes.shape[1]))


def long_range_pairs(
    background: Codes,
    distance: int,
    rng: np.random.Generator,
    *,
    width: int = 8,
    noise: float = 0.0,
    share: float = 0.5,
) -> World[LabelledSequences, PlantedTruth]:
    """Let a word come back `distance` bases later: in class 1 the row's own, in class 0 another's.

    The words are what the background holds, so that only comparing the two places tells the
    classes. On a stationary background without memory over `distance`, the expected count of each
    k-mer is the same in both for k up to ``distance - width + 1``, so that a model linear in them
    must fail (one that asks whether any count is 2 need not). For a language model take
    ``share=1``: past the first word the second one is known, up to `noise`.

    Parameters
    ----------
    background : ndarray of uint8, shape (N, L)
        Rows to write into; they are copied.
    distance : int
        Bases from the start of the first word to the start of the second, at least `width`.
    rng : numpy.random.Generator
        Source of randomness.
    width : int, default 8
        Bases of the word.
    noise : float, default 0
        Probability that a copied base is another one.
    share : float, default 0.5
        Share of rows in class 1.

    Returns
    -------
    world : World
        Label 1: the second word is a copy. Truth: positions of both words, shape (N, 2).

    Raises
    ------
    ValueError
        If the two words overlap or do not fit into a row.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> background = rng.integers(0, 4, (1, 10), dtype=np.uint8)
    >>> world = long_range_pairs(background, 5, rng, width=3, share=1)
    >>> a, b = world.truth.positions[0]
    >>> bool((world.data.codes[0, a : a + 3] == world.data.codes[0, b : b + 3]).all())
    True
    """
    codes = check_codes(background, ndim=2).copy()
    if not 1 <= width <= distance:
        raise ValueError(f"width must lie in 1-{distance} (the distance), got {width}")
    n, length = len(codes), int(codes.shape[1])
    starts: Ints = rng.integers(0, _room(length, distance + width) + 1, n)
    labels, rows = _deal_labels(n, share, rng), np.arange(n)
    words = codes[rows[:, None], starts[:, None] + np.arange(width)]  # (N, W)
    if n == 1 and labels[0] == 0:
        raise ValueError("class 0 takes its words from other rows, but there is one row; add rows")
    ring = rng.permutation(n)
    donor = np.empty_like(ring)
    donor[ring] = np.roll(ring, 1)  # nobody's donor is himself
    source = np.where(labels == 1, rows, donor)
    write_words(codes, rows, starts + distance, mutate(words[source], noise, rng)[0])
    positions = np.column_stack([starts, starts + distance])
    truth = PlantedTruth(positions, np.array([width, width], dtype=np.int64), length)
    return World(LabelledSequences(codes, labels), truth)


def composition_classes(
    n_sequences: int, length: int, rng: np.random.Generator, *, gc: Sequence[float] = (0.45, 0.55)
) -> World[LabelledSequences, CompositionTruth]:
    """Draw independent bases; the classes differ in their share of G and C alone.

    Parameters
    ----------
    n_sequences, length : int
        Rows over all classes, and bases in each.
    rng : numpy.random.Generator
        Source of randomness.
    gc : sequence of float, default (0.45, 0.55)
        Probability of G or C in each class.

    Returns
    -------
    world : World
        Classes as equal in size as can be. Truth: also the Bayes classifier's accuracy.

    Raises
    ------
    ValueError
        If `gc` holds no probabilities.

    Examples
    --------
    >>> world = composition_classes(4, 100, np.random.default_rng(0))
    >>> round(world.truth.best_accuracy, 3)
    0.841
    """
    for probability in gc:
        check_probability("gc", probability)
    shares = np.asarray(gc, dtype=np.float64)
    labels = rng.permutation(np.arange(n_sequences, dtype=np.int64) % len(shares))
    strong = rng.random((n_sequences, length)) < shares[labels, None]  # G or C
    coin = rng.integers(0, 2, (n_sequences, length))
    codes = np.where(strong, 1 + coin, 3 * coin).astype(np.uint8)
    likelihoods = binom.pmf(np.arange(length + 1), length, shares[:, None])  # (C, L + 1)
    best = float(likelihoods.max(axis=0).sum() / len(shares))
    return World(LabelledSequences(codes, labels), CompositionTruth(shares, best))


def homologous_families(
    ancestors: Codes, n_members: int, rng: np.random.Generator, *, mutation_rate: float = 0.1
) -> World[LabelledSequences, FamilyTruth]:
    """Let each ancestor have mutated descendants, who share a label that means nothing.

    Labels are dealt to families at random, so that a model can only know a family again: skill on
    new families is chance, and any skill across a random split is leakage. Two members of a family
    agree at a share (1 - m)**2 + m**2 / 3 of their bases, for mutation rate m.

    Parameters
    ----------
    ancestors : ndarray of uint8, shape (F, L)
        One per family.
    n_members : int
        Descendants of each.
    rng : numpy.random.Generator
        Source of randomness.
    mutation_rate : float, default 0.1
        Probability that a base is replaced by another one.

    Returns
    -------
    world : World
        F times `n_members` rows, family by family; ``data.groups`` holds the family.

    Raises
    ------
    ValueError
        If `mutation_rate` is no probability.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> world = homologous_families(np.zeros((2, 8), np.uint8), 2, rng)
    >>> world.data.groups.tolist(), world.data.labels.tolist()
    ([0, 0, 1, 1], [1, 1, 0, 0])
    """
    checked = check_codes(ancestors, ndim=2)
    families = np.repeat(np.arange(len(checked)), n_members)
    labels = _deal_labels(len(checked), 0.5, rng)[families]
    codes, mutated = mutate(checked[families], mutation_rate, rng)
    return World(LabelledSequences(codes, labels, groups=families), FamilyTruth(checked, mutated))


def label_noise(
    data: LabelledSequences, rate: float, rng: np.random.Generator
) -> World[LabelledSequences, NoiseTruth]:
    """Replace a share of the labels by other classes, each of them alike.

    Parameters
    ----------
    data : LabelledSequences
        With class numbers as labels.
    rate : float
        Probability that a label is replaced.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    world : World
        The same sequences with noisy labels. Truth: the labels that were given.

    Raises
    ------
    ValueError
        If there are fewer than two classes, labels are measured values, or `rate` is no
        probability.

    Examples
    --------
    >>> data = LabelledSequences(np.zeros((4, 9), np.uint8), np.array([0, 1, 0, 1]))
    >>> label_noise(data, 1.0, np.random.default_rng(0)).data.labels.tolist()
    [1, 0, 1, 0]
    """
    check_probability("rate", rate)
    classes, number = np.unique(data.labels, return_inverse=True)
    if data.labels.dtype.kind != "i" or len(classes) < 2:
        raise ValueError(
            f"label noise needs class numbers of two or more classes, got {len(classes)} values of "
            f"type {data.labels.dtype}; add Gaussian noise to measured values instead"
        )
    flipped = rng.random(len(data)) < rate
    shift = rng.integers(1, len(classes), len(data)) * flipped
    labels = classes[(number + shift) % len(classes)]
    noisy = LabelledSequences(data.codes, labels, names=data.names, groups=data.groups)
    return World(noisy, NoiseTruth(data.labels.astype(np.int64), flipped))


def contact_map(
    n_bins: int,
    rng: np.random.Generator,
    *,
    exponent: float = 1.0,
    n_domains: int = 6,
    n_loops: int = 3,
    domain_gain: float = 2.0,
    compartment_gain: float = 1.5,
    loop_gain: float = 4.0,
    n_contacts: int = 200_000,
) -> World[Ints, ContactTruth]:
    """Draw a chromosome's contact counts: decay with distance, domains, compartments, loops.

    The mean of bins i, j is proportional to (1 + ``|i - j|``)**-exponent, times `domain_gain`
    within a domain, times or over `compartment_gain` for equal or unequal compartments, times
    `loop_gain` at a loop. Counts are Poisson. A gain of 1 switches its part off.

    Parameters
    ----------
    n_bins : int
        Bins along the chromosome.
    rng : numpy.random.Generator
        Source of randomness.
    exponent : float, default 1
        Steepness of the decay; about 1 in human Hi-C.
    n_domains : int, default 6
        Domains, cut at random places at least three bins apart.
    n_loops : int, default 3
        Domains whose two ends touch.
    domain_gain, compartment_gain, loop_gain : float
        Factors on the mean.
    n_contacts : int, default 200,000
        Expected contacts over all pairs i <= j.

    Returns
    -------
    world : World
        Data: counts, symmetric, shape (B, B).

    Raises
    ------
    ValueError
        If the domains do not fit, or there are more loops than domains.

    References
    ----------
    Lieberman-Aiden et al. (2009), "Comprehensive mapping of long-range interactions reveals folding
    principles of the human genome", Science 326, 289–293: exponent near 1, two compartments.

    Examples
    --------
    >>> world = contact_map(30, np.random.default_rng(0), n_domains=3, n_loops=1)
    >>> world.data.shape, world.truth.loops.tolist()
    ((30, 30), [[17, 23]])
    """
    if n_domains < 1:
        raise ValueError(f"n_domains must be 1 or more, got {n_domains}; 1 means no borders")
    domains = _cut_domains(n_bins, n_domains, rng)
    if not 0 <= n_loops <= n_domains:
        raise ValueError(f"n_loops must lie in 0-{n_domains} (one per domain), got {n_loops}")
    compartments = 1 - 2 * (domains % 2)
    looped = np.sort(rng.choice(n_domains, n_loops, replace=False))
    loops = np.column_stack([np.searchsorted(domains, looped, side) for side in ("left", "right")])
    loops[:, 1] -= 1  # last bin of the domain
    bins = np.arange(n_bins)
    apart = abs(bins[:, None] - bins).astype(np.float64)
    expected: Floats = np.power(1.0 + apart, -exponent)  # (B, B)
    expected *= np.where(domains[:, None] == domains, domain_gain, 1.0)
    expected *= float(compartment_gain) ** (compartments[:, None] * compartments)
    for first, last in loops:
        expected[[first, last], [last, first]] *= loop_gain
    expected *= n_contacts / np.triu(expected).sum()
    upper = np.triu(rng.poisson(expected))
    counts = upper + np.triu(upper, 1).T  # each pair is drawn once
    return World(counts, ContactTruth(expected, domains, compartments, loops))


def _cut_domains(n_bins: int, n_domains: int, rng: np.random.Generator) -> Ints:
    """Assign each bin to a domain; every domain has at least three bins."""
    free = _room(n_bins, 3 * n_domains)
    cuts = np.sort(rng.integers(0, free + 1, n_domains - 1)) + 3 * np.arange(1, n_domains)
    return np.searchsorted(cuts, np.arange(n_bins), side="right").astype(np.int64)


def _deal_labels(n: int, share: float, rng: np.random.Generator) -> Ints:
    """Labels 0 and 1 in random order, with a share of ones that is as near as can be."""
    check_probability("share", share)
    return rng.permutation((np.arange(n) < round(n * share)).astype(np.int64))


def _gap_sets(rule: str, gaps: Sequence[int], other_gaps: Sequence[int]) -> tuple[Ints, Ints]:
    """Gaps of class 0 and of class 1."""
    if rule not in ("order", "spacing"):
        raise ValueError(f"rule must be 'order' or 'spacing', got {rule!r}")
    if bool(other_gaps) != (rule == "spacing"):
        raise ValueError(
            f"rule {rule!r} got other_gaps {list(other_gaps)}; "
            "give them with the rule 'spacing' only: they are the gaps of class 0"
        )
    ones = np.array(gaps, dtype=np.int64)
    zeros = np.array(other_gaps, dtype=np.int64) if other_gaps else ones
    if not len(ones) or ones.min() < 0 or zeros.min() < 0:
        raise ValueError(f"gaps must be one or more numbers from 0 on, got {list(gaps)}")
    if set(gaps) & set(other_gaps):
        raise ValueError(f"gaps {sorted(set(gaps) & set(other_gaps))} are in both classes")
    return zeros, ones


def _room(length: int, needed: int) -> int:
    """Places left over, or a message."""
    if needed > length:
        raise ValueError(
            f"what is planted takes {needed} places, a row has {length}; "
            "lengthen the rows, or shorten motifs, gaps and distances"
        )
    return length - needed
