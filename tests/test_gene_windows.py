"""Windows inside and outside genes: places, strands, blocks."""

import numpy as np
import pytest

from hypecheck.gene_windows import gene_windows, open_frames, spectrum_distance
from hypecheck.sequences import UNKNOWN, decode, encode, reverse_complement


def marked_genome(n_genes=60, gene=120, gap=120):
    """Genes of C and G, gaps of A and T: a window's letters tell where it lay."""
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(n_genes):
        parts += [rng.choice([1, 2], gene), rng.choice([0, 3], gap)]
    starts = np.arange(n_genes) * (gene + gap)
    return np.concatenate(parts).astype(np.uint8), [("c", int(s), int(s) + gene) for s in starts]


def draw(**changes):
    codes, genes = marked_genome()
    settings = {"length": 20, "sizes": (40, 10, 20), "rng": np.random.default_rng(1), "block": 480}
    return codes, gene_windows({"c": codes}, genes, genes, **settings | changes)


def test_labels_follow_the_genes():
    _, drawn = draw()
    for part in drawn.parts.values():
        inside = np.isin(part.codes, (1, 2)).all(axis=1)
        assert np.array_equal(inside, part.labels == 1)
        assert part.labels.mean() == 0.5


def test_parts_share_no_block():
    _, drawn = draw()
    blocks = [set(part.groups.tolist()) for part in drawn.parts.values()]
    assert len(set.union(*blocks)) == sum(map(len, blocks))


def test_blind_genome_lacks_the_test_blocks_and_nothing_else():
    codes, drawn = draw()
    blind = drawn.blind["c"]
    hidden = blind == UNKNOWN
    assert np.array_equal(blind[~hidden], codes[~hidden])
    assert set((np.flatnonzero(hidden) // 480).tolist()) >= set(drawn.parts["test"].groups.tolist())


def test_too_few_places_say_how_many_there_are():
    with pytest.raises(ValueError, match=r"places outside and inside genes for 5000 windows"):
        draw(sizes=(10_000, 10, 10))


def test_open_frames_against_a_slow_search():
    codes = np.random.default_rng(3).integers(4, size=400).astype(np.uint8)
    text, other = decode(codes), decode(reverse_complement(codes))
    expected = set()
    for strand, row in ((1, text), (-1, other)):
        for frame in range(3):
            words = [row[i : i + 3] for i in range(frame, len(row) - 2, 3)]
            start = 0
            for number, word in enumerate([*words, "TAA"]):
                if word in ("TAA", "TAG", "TGA"):
                    if 3 * (number - start) >= 45:
                        a, b = frame + 3 * start, frame + 3 * number
                        expected.add((a, b) if strand == 1 else (len(row) - b, len(row) - a))
                    start = number + 1
    assert set(open_frames(codes, least=45)) == expected


def test_spectrum_distance_is_zero_for_the_other_strand_and_one_without_a_common_word():
    codes = np.random.default_rng(0).integers(4, size=(30, 50)).astype(np.uint8)
    assert spectrum_distance(codes, reverse_complement(codes)) == pytest.approx(0.0, abs=1e-6)
    assert spectrum_distance(encode(["AAAAA"]), encode(["CCCCC"])) == pytest.approx(1.0)
