"""Small causal language models of any alphabet: what they save, and what their vectors hold.

Design choices

- A model reads from left to right, as a Markov model does, and both pay for the same symbols of the
  same windows: their bits can be compared, window by window.
- What is chosen (the order of a Markov model, the penalty of a probe) is chosen on validation data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hypecheck.alphabets import Windows
from hypecheck.markov import MarkovModel
from hypecheck.models import Transformer, TransformerConfig, pool_tokens
from hypecheck.objectives import CausalObjective
from hypecheck.optimisation import History, TrainingConfig
from hypecheck.resampling import Interval, paired_seeds_and_items, seeds_and_items_interval
from hypecheck.sequences import Codes
from hypecheck.training import fit_language_model

FIRST = 3  # ids below are for padding, mask and unknown
PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
Floats = npt.NDArray[np.float64]


def shape(alphabet_size: int) -> TransformerConfig:
    """Give the one design that every kind of sequence gets.

    Parameters
    ----------
    alphabet_size : int
        Number of symbols; nothing else differs.

    Returns
    -------
    config : TransformerConfig
        Causal, two layers, 64 wide.

    Examples
    --------
    >>> shape(4).causal, shape(4).vocab_size
    (True, 7)
    """
    return TransformerConfig(alphabet_size + FIRST, causal=True)


def learn(model: Transformer, windows: Windows, config: TrainingConfig) -> History:
    """Train a causal model on the training windows, in place.

    Parameters
    ----------
    model : Transformer
        E.g. ``Transformer(shape(4))``.
    windows : Windows
        Its training part is read.
    config : TrainingConfig
        How to train.

    Returns
    -------
    history : History
        Losses in bits per symbol.

    Examples
    --------
    >>> rows = np.tile(np.array([0, 1], np.uint8), (8, 8))
    >>> windows = Windows(2, rows, rows, rows, np.arange(8), 0)
    >>> learn(Transformer(shape(2)), windows, TrainingConfig(steps=30)).losses[-1] < 0.5
    True
    """
    return fit_language_model(model, _ids(windows.train), config, CausalObjective())


def symbol_bits(model: Transformer, codes: Codes, *, batch_size: int = 64) -> Floats:
    """Say what every symbol but the first of each window costs.

    Parameters
    ----------
    model : Transformer
        A causal model.
    codes : ndarray of uint8, shape (N, length)
        Windows.
    batch_size : int, default 64
        Windows at a time.

    Returns
    -------
    bits : ndarray of float64, shape (N, length - 1)
        Minus log2 of the probability given what stands to the left in the window.

    Examples
    --------
    >>> symbol_bits(Transformer(shape(4)), np.zeros((2, 5), np.uint8)).shape
    (2, 4)
    """
    torch.set_num_threads(1)
    rows = []
    with torch.inference_mode():
        for ids in torch.split(_ids(codes), batch_size):
            logits = model.decode(model.embed(ids)[:, :-1])  # (B, T - 1, V)
            nats = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
            rows.append(nats.view(len(ids), -1).double())
    bits: Floats = torch.cat(rows).numpy() / math.log(2)
    return bits


def markov_baseline(windows: Windows, orders: Iterable[int]) -> MarkovModel:
    """Fit Markov models to the training windows, and choose the order on the validation windows.

    Parameters
    ----------
    windows : Windows
        Training and validation part are read.
    orders : iterable of int
        To choose among.

    Returns
    -------
    model : MarkovModel
        The best one; every order leans on the shorter ones.

    Examples
    --------
    >>> rows = np.tile(np.array([0, 1], np.uint8), (8, 8))
    >>> markov_baseline(Windows(2, rows, rows, rows, np.arange(8), 0), [0, 1]).order
    1
    """
    fitted = [MarkovModel(order, windows.alphabet_size).fit(windows.train) for order in orders]
    return min(fitted, key=lambda model: markov_bits(model, windows.validation).mean())


def markov_bits(model: MarkovModel, codes: Codes) -> Floats:
    """Say what a Markov model pays for the symbols that `symbol_bits` counts.

    Parameters
    ----------
    model : MarkovModel
        Fitted.
    codes : ndarray of uint8, shape (N, length)
        Windows.

    Returns
    -------
    bits : ndarray of float64, shape (N, length - 1)
        Minus log2 of the probability.

    Examples
    --------
    >>> rows = np.zeros((2, 4), np.uint8)
    >>> markov_bits(MarkovModel(0).fit(rows), rows).round(2).tolist()[0]
    [0.13, 0.13, 0.13]
    """
    return -model.log2_probabilities(codes)[:, 1:]


def share_saved(unigram: npt.ArrayLike, bits: npt.ArrayLike) -> float:
    """Give the share of the symbol-frequency loss that a model saves.

    Parameters
    ----------
    unigram, bits : array_like, shape (N,)
        Loss of the frequencies and of the model, window by window.

    Returns
    -------
    share : float
        1 - mean(bits) / mean(unigram); 0 for a model that knows frequencies only.

    Examples
    --------
    >>> share_saved([2.0, 2.0], [1.0, 2.0])
    0.25
    """
    return float(1 - np.asarray(bits).mean() / np.asarray(unigram).mean())


def saving(
    unigram: npt.ArrayLike, bits: npt.ArrayLike, groups: npt.ArrayLike | None = None
) -> Interval:
    """Give the share saved with its interval over trainings and windows.

    Parameters
    ----------
    unigram : array_like, shape (N,)
        Loss of the frequencies by window.
    bits : array_like, shape (S, N)
        Loss of each training run by window; S = 1 for a model without randomness.
    groups : array_like, shape (N,), optional
        Neighbouring windows, to be resampled together.

    Returns
    -------
    share : Interval
        See `share_saved`.

    Examples
    --------
    >>> print(saving(np.full(40, 2.0), np.full((1, 40), 1.5)))
    .250 [.250, .250]
    """
    rng = np.random.default_rng(0)
    return seeds_and_items_interval(
        share_saved, unigram, bits, rng=rng, groups=groups, n_resamples=300
    )


def bits_saved(
    costly: npt.ArrayLike, cheap: npt.ArrayLike, groups: npt.ArrayLike | None = None
) -> Interval:
    """Give the bits per symbol that one model saves against another, seeds paired.

    Parameters
    ----------
    costly, cheap : array_like, shape (S, N)
        Loss of the trainings of both models, window by window.
    groups : array_like, shape (N,), optional
        Neighbouring windows.

    Returns
    -------
    difference : Interval
        Positive where `cheap` pays less.

    Examples
    --------
    >>> print(bits_saved(np.full((1, 9), 2.0), np.full((1, 9), 1.9)))
    .100 [.100, .100]
    """
    costly = np.asarray(costly)
    nothing = np.zeros(costly.shape[1])
    rng = np.random.default_rng(0)
    return paired_seeds_and_items(
        _mean_score, nothing, costly, cheap, rng=rng, groups=groups, n_resamples=300
    )


def _mean_score(_nothing: npt.NDArray[np.float64], bits: npt.NDArray[np.float64]) -> float:
    return float(bits.mean())


def vectors(model: Transformer, codes: Codes, *, batch_size: int = 128) -> npt.NDArray[np.float32]:
    """Give one vector a window: mean and maximum over its symbols.

    Parameters
    ----------
    model : Transformer
        As it is.
    codes : ndarray of uint8, shape (N, length)
        Windows.
    batch_size : int, default 128
        Windows at a time.

    Returns
    -------
    vectors : ndarray of float32, shape (N, 2 D)
        Of the last layer.

    Examples
    --------
    >>> vectors(Transformer(shape(4)), np.zeros((3, 5), np.uint8)).shape
    (3, 128)
    """
    torch.set_num_threads(1)
    with torch.inference_mode():
        rows = [pool_tokens(model.embed(ids)) for ids in torch.split(_ids(codes), batch_size)]
    pooled: npt.NDArray[np.float32] = torch.cat(rows).numpy()
    return pooled


def probe(
    features: dict[str, npt.NDArray[np.float32]], labels: dict[str, npt.NDArray[np.int64]]
) -> npt.NDArray[np.int64]:
    """Fit a logistic regression and predict the test part.

    Parameters
    ----------
    features : dict of str to ndarray, shape (N, D)
        Parts "train", "validation" and "test".
    labels : dict of str to ndarray of int64, shape (N,)
        Parts "train" and "validation"; another part is not read.

    Returns
    -------
    predictions : ndarray of int64, shape (N_test,)
        Classes, by the one of six penalties with the best Matthews correlation on validation.

    Examples
    --------
    >>> x, y = np.array([[0.0], [1.0]] * 9, np.float32), np.array([0, 1] * 9)
    >>> probe({"train": x, "validation": x, "test": x[:4]}, {"train": y, "validation": y})
    array([0, 1, 0, 1])
    """
    tried = []
    for penalty in PENALTIES:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=2000))
        model.fit(features["train"], labels["train"])
        score = matthews_corrcoef(labels["validation"], model.predict(features["validation"]))
        tried.append((float(score), -penalty, model))
    best = max(tried, key=lambda one: one[:2])[2]
    predictions: npt.NDArray[np.int64] = best.predict(features["test"])
    return predictions


def word_counts(codes: Codes, alphabet_size: int, longest: int) -> npt.NDArray[np.float32]:
    """Count all words of one to so many symbols, as square roots of frequencies.

    Parameters
    ----------
    codes : ndarray of uint8, shape (N, length)
        Windows.
    alphabet_size : int
        Number of symbols.
    longest : int
        Longest words that are counted.

    Returns
    -------
    counts : ndarray of float32, shape (N, A + A**2 + ...)
        All lengths side by side.

    Examples
    --------
    >>> word_counts(np.array([[0, 0, 1, 1]], np.uint8), 2, 1).tolist()
    [[0.7071067690849304, 0.7071067690849304]]
    """
    columns = []
    rows = np.arange(len(codes))[:, None]
    for length in range(1, longest + 1):
        places = codes.shape[1] - length + 1
        words = np.zeros((len(codes), places), dtype=np.int64)
        for offset in range(length):
            words = words * alphabet_size + codes[:, offset : offset + places]
        size = alphabet_size**length
        counts = np.bincount((words + rows * size).ravel(), minlength=len(codes) * size)
        columns.append(np.sqrt(counts.reshape(-1, size) / places).astype(np.float32))
    return np.concatenate(columns, axis=1)


def _ids(codes: Codes) -> torch.Tensor:
    return torch.from_numpy(codes.astype(np.int64) + FIRST)
