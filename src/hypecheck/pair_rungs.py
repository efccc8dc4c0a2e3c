"""The rungs for a substitution: each sequence is a reference window followed by the altered one.

Design choices

- A bag over both windows could not tell which is which, so that the counting rungs get the
  difference: words of the altered window minus words of the reference.
- A frozen model's vectors are treated alike: altered minus reference, and the reference beside it.
- The CNN and the fine-tuned model read both windows, one after the other, as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hypecheck.baselines import Composition, KmerLogistic
from hypecheck.embeddings import embed_sequences
from hypecheck.kmers import KmerCounts
from hypecheck.ladder import Configuration, Predict, Rung
from hypecheck.models import random_twin
from hypecheck.rungs import FROZEN_GRID, ModelOfSeed, baseline_rung
from hypecheck.sequences import Codes, Task
from hypecheck.tokenizers import Tokenizer

Features = Callable[[Codes], Any]


def pair_rungs(
    rungs: tuple[Rung, ...], language_model: ModelOfSeed, tokenizer: Tokenizer
) -> tuple[Rung, ...]:
    """Replace the rungs that would not see a difference between two windows.

    Parameters
    ----------
    rungs : tuple of Rung
        From `hypecheck.rungs.standard_rungs`.
    language_model : callable
        ``language_model(seed)`` gives the pretrained model.
    tokenizer : Tokenizer
        Its tokenizer.

    Returns
    -------
    rungs : tuple of Rung
        In the same order, with as many configurations each.

    Examples
    --------
    >>> from hypecheck.models import Transformer, TransformerConfig
    >>> from hypecheck.rungs import standard_rungs
    >>> from hypecheck.tokenizers import CharTokenizer
    >>> def language_model(seed):
    ...     return Transformer(TransformerConfig(vocab_size=7, d_model=8, n_heads=2), seed=seed)
    >>> rungs = standard_rungs(language_model, CharTokenizer())
    >>> [len(rung.configurations) for rung in pair_rungs(rungs, language_model, CharTokenizer())]
    [1, 6, 6, 6, 6, 6, 6]
    """

    def vectors(model_of_seed: ModelOfSeed) -> Callable[[Task, Configuration, int], Predict]:
        def fit(task: Task, configuration: Configuration, seed: int) -> Predict:
            model, pool = model_of_seed(seed), configuration["pool"]

            def features(codes: Codes) -> npt.NDArray[np.float32]:
                reference, altered = (
                    np.asarray(embed_sequences(model, tokenizer, half, pool=pool))
                    for half in np.split(codes, 2, axis=1)
                )
                return np.concatenate([altered - reference, reference], axis=1)

            scaled = make_pipeline(
                StandardScaler(), LogisticRegression(C=configuration["C"], max_iter=2000)
            )
            scaled.fit(features(task.train.codes), task.train.labels)
            return lambda codes: scaled.predict(features(codes))

        return fit

    instead = {
        "composition": counted_rung("composition", 1, Composition.configurations()),
        "kmer_linear": counted_rung("kmer_linear", 6, KmerLogistic.configurations()),
        "random_frozen": Rung(
            "random_frozen",
            FROZEN_GRID,
            vectors(lambda seed: random_twin(language_model(seed), seed)),
        ),
        "pretrained_frozen": Rung("pretrained_frozen", FROZEN_GRID, vectors(language_model)),
    }
    return tuple(
        replace(instead.get(rung.name, rung), pretraining_seconds=rung.pretraining_seconds)
        for rung in rungs
    )


def counted_rung(name: str, longest: int, configurations: list[dict[str, Any]]) -> Rung:
    """Make a rung of a logistic regression on how word counts change.

    Parameters
    ----------
    name : str
        Name of the rung.
    longest : int
        Words have one base up to this many.
    configurations : list of dict
        Strengths of the penalty, "C".

    Returns
    -------
    rung : Rung
        Deterministic.
    """

    def estimator(C: float) -> Any:
        return _Changes(longest, C)

    return baseline_rung(name, estimator, configurations)


class _Changes:
    """Logistic regression on the words that a substitution makes and destroys."""

    def __init__(self, longest: int, C: float) -> None:
        self._counts = KmerCounts((1, longest), scaling="count")
        self._model = LogisticRegression(C=C, max_iter=2000)

    def _features(self, codes: Codes) -> csr_array:
        reference, altered = np.split(codes, 2, axis=1)
        difference: csr_array = self._counts.fit_transform(altered) - self._counts.fit_transform(
            reference
        )
        return difference

    def fit(self, codes: Codes, labels: npt.NDArray[np.int64]) -> _Changes:
        self._model.fit(self._features(codes), labels)
        return self

    def predict(self, codes: Codes) -> npt.NDArray[np.int64]:
        predicted: npt.NDArray[np.int64] = self._model.predict(self._features(codes))
        return predicted
