"""Windows are cut in reading direction, and a planted place is found."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypecheck.long_windows import (
    LongReader,
    gene_contexts,
    most_agreeing_place,
    piecewise_vectors,
)
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.sequences import reverse_complement
from hypecheck.tokenizers import KmerTokenizer


@given(st.integers(0, 99), st.integers(3, 40))
def test_a_gene_and_its_mirror_image_give_one_window(start, size):
    genome = np.random.default_rng(0).integers(0, 4, 200, dtype=np.uint8)
    info = pd.DataFrame(
        {"start": [start, 200 - start - size], "stop": [start + size, 200 - start],
         "strand": ["+", "-"]}, ["gene", "mirror"],
    )  # fmt: skip
    forward = gene_contexts(genome, info, ["gene"], before=12, after=9)
    turned = gene_contexts(reverse_complement(genome), info, ["mirror"], before=12, after=9)
    assert np.array_equal(forward, turned)


def test_a_window_goes_on_round_the_circle():
    genome = np.arange(4, dtype=np.uint8)
    info = pd.DataFrame({"start": [0], "stop": [3], "strand": ["+"]}, ["gene"])
    assert gene_contexts(genome, info, ["gene"], before=2, after=1).tolist() == [[2, 3, 0]]


def test_pieces_are_what_the_model_says_of_each():
    model = Transformer(TransformerConfig(KmerTokenizer(3, 3).vocab_size, d_model=8, n_heads=2))
    windows = np.random.default_rng(0).integers(0, 4, (3, 60), dtype=np.uint8)
    both = piecewise_vectors(model, KmerTokenizer(3, 3), windows, piece=30)
    second = piecewise_vectors(model, KmerTokenizer(3, 3), windows[:, 30:], piece=30)
    assert both.shape == (3, 16)
    assert np.allclose(both[:, 8:], second, atol=1e-6)
    with pytest.raises(ValueError, match="do not fill"):
        piecewise_vectors(model, KmerTokenizer(3, 3), windows, piece=40)


def test_the_network_sees_the_whole_window():
    windows = torch.zeros(5, 256, dtype=torch.uint8)
    for row in range(4):  # each of the four places in turn
        windows[row, 64 * row + 20 : 64 * row + 40] = 2
    with torch.no_grad():
        read = LongReader(256, 16, seed=0)(windows).squeeze(1)
    assert len(torch.unique(read)) == 5


def test_unknown_bases_and_seeds():
    unknown = torch.full((1, 64), 4, dtype=torch.uint8)
    first, second = LongReader(64, seed=3), LongReader(64, seed=3)
    assert torch.equal(first(unknown), second(unknown))
    with pytest.raises(ValueError, match="no place"):
        LongReader(30)


def test_the_planted_place_is_found_and_scored():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 50, (200, 30))
    rows[:, -1] = rows[:, 7]
    place, accuracy = most_agreeing_place(rows[:100], rows[100:])
    assert (place, accuracy) == (7, 1.0)
