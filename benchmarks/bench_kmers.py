"""k-mer counting against scikit-learn's CountVectorizer and tangermeme.

Each side starts from what it takes: CountVectorizer from strings (and so do we, for a fair race:
encoding is timed), tangermeme from one-hot tensors or its packed sequences, we from codes.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from sklearn.feature_extraction.text import CountVectorizer
from tangermeme.kmers import kmers as tangermeme_kmers
from tangermeme.utils import PackedSequence

from benchmarks.harness import Benchmark
from hypecheck.kmers import count_kmers, count_kmers_upto, kmer_names
from hypecheck.sequences import Codes, decode, encode, one_hot

N_SEQUENCES, LENGTH, K = 10_000, 300, 6


@functools.cache
def codes() -> Codes:
    return np.random.default_rng(0).integers(0, 4, (N_SEQUENCES, LENGTH), dtype=np.uint8)


@functools.cache
def strings() -> list[str]:
    return list(decode(codes()))


@functools.cache
def tensor() -> torch.Tensor:
    return torch.from_numpy(one_hot(codes(), dtype=np.int8).transpose(0, 2, 1).copy())  # (N, 4, L)


@functools.cache
def packed() -> PackedSequence:
    return PackedSequence.from_one_hot(tensor())


def vectorizer(k_min: int, k_max: int) -> CountVectorizer:
    words = [name for k in range(k_min, k_max + 1) for name in kmer_names(k)]
    return CountVectorizer(
        analyzer="char", ngram_range=(k_min, k_max), lowercase=False, vocabulary=words
    )


def equal_csr(ours: Any, peer: Any) -> None:
    peer = peer.sorted_indices()
    np.testing.assert_array_equal(ours.indptr, peer.indptr)
    np.testing.assert_array_equal(ours.indices, peer.indices)
    np.testing.assert_array_equal(ours.data, peer.data)


def equal_tangermeme(ours: Any, peer: Any) -> None:
    # its first base is the least significant digit: turn the digits around
    n_rows, k = peer.shape[0], round(np.log(peer.shape[1]) / np.log(4))
    turned = peer.numpy().reshape((n_rows, *[4] * k)).transpose(0, *range(k, 0, -1))
    np.testing.assert_array_equal(ours.toarray(), turned.reshape(n_rows, -1))


BENCHMARKS = [
    Benchmark(
        "6-mers, against CountVectorizer",
        ours=lambda: count_kmers(encode(strings()), K),
        peer=lambda: vectorizer(K, K).transform(strings()),
        must_reach=25,
        equal=equal_csr,
        packages=("scikit-learn", "scipy"),
    ),
    Benchmark(
        "6-mers, against tangermeme, one-hot",
        ours=lambda: count_kmers(codes(), K),
        peer=lambda: tangermeme_kmers(tensor(), K),
        must_reach=20,
        equal=equal_tangermeme,
        setup=lambda: torch.set_num_threads(1),
        memory_below=1.3,
        packages=("tangermeme", "torch"),
    ),
    Benchmark(
        "6-mers, against tangermeme, packed",
        ours=lambda: count_kmers(codes(), K),
        peer=lambda: tangermeme_kmers(packed(), K),
        must_reach=1,
        equal=equal_tangermeme,
        setup=lambda: torch.set_num_threads(1),
        packages=("tangermeme", "torch"),
    ),
    Benchmark(
        "1- to 6-mers, against CountVectorizer",
        ours=lambda: count_kmers_upto(encode(strings()), K),
        peer=lambda: vectorizer(1, K).transform(strings()),
        must_reach=50,
        equal=equal_csr,
        packages=("scikit-learn", "scipy"),
    ),
]
