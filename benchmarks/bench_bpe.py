"""Training byte-pair encoding on DNA: ours against Hugging Face's, with identical merges.

Documents of 1,000 bases are kept apart: Hugging Face's trainer takes each as one "word", and so
does ours. The peer trains on one thread, as ours does; its merges are read out untimed.
The text is made here, repeats included, so that the comparison runs anywhere.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import cast

import numpy as np
import tokenizers

from benchmarks.harness import Benchmark
from hypecheck.bpe import train_bpe
from hypecheck.sequences import decode

DOCUMENT = 1_000  # bases


@cache
def documents(megabases: int) -> list[str]:
    """Bases with the shares of a genome; a tenth of the documents are mutated copies of ten."""
    rng = np.random.default_rng(0)
    n = megabases * 1_000_000 // DOCUMENT
    codes = rng.choice(4, size=(n, DOCUMENT), p=[0.29, 0.21, 0.21, 0.29]).astype(np.uint8)
    copies = rng.choice(n, size=n // 10, replace=False)
    codes[copies] = codes[rng.integers(0, 10, n // 10)]
    mutated = rng.random((n // 10, DOCUMENT)) < 0.1
    codes[copies] = np.where(mutated, rng.integers(0, 4, mutated.shape), codes[copies])
    return list(decode(codes))


def train_huggingface(texts: list[str], n_merges: int) -> tokenizers.Tokenizer:
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=4 + n_merges, show_progress=False, initial_alphabet=list("ACGT")
    )
    model.train_from_iterator(texts, trainer)
    return model


def same_merges(ours: object, peer: object) -> None:
    """Raise unless both learnt the same merges in the same order."""
    content = json.loads(cast(tokenizers.Tokenizer, peer).to_str())
    theirs = [tuple(merge) for merge in content["model"]["merges"]]
    if ours != theirs:
        raise ValueError(f"merges differ: {ours!r:.300} against {theirs!r:.300}")


def one_thread() -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def benchmark(megabases: int, vocab_size: int, must_reach: float) -> Benchmark:
    n_merges = vocab_size - 4
    return Benchmark(
        name=f"BPE training, {megabases} MB, {vocab_size} tokens",
        ours=lambda: train_bpe(documents(megabases), n_merges),
        peer=lambda: train_huggingface(documents(megabases), n_merges),
        must_reach=must_reach,
        equal=same_merges,
        setup=one_thread,
        packages=("tokenizers",),
    )


BENCHMARKS = [
    benchmark(1, 512, must_reach=1.5),
    benchmark(5, 512, must_reach=1.5),
    benchmark(1, 4096, must_reach=1.5),
]
