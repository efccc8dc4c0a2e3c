"""Heads on fixed features: a small neural one, and what can be read off a linear one.

Design choices

- The neural head chooses among as many penalties as `hypecheck.embeddings.linear_probe` does, by
  the same score on the same validation data, so that the two heads differ in depth alone.
- A linear head on the mean of token vectors is a sum over tokens: its output can be split exactly
  into what each position contributed. So can a linear model of word counts.
- Contributions keep their sign: positive ones speak for the second class.

References
----------
Hewitt and Liang 2019, Designing and interpreting probes with control tasks, arXiv:1909.03368
(linear probes against small networks).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import matthews_corrcoef
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hypecheck.baselines import KmerLogistic
from hypecheck.embeddings import Labels, Probe
from hypecheck.models import Transformer, padding_mask
from hypecheck.sequences import Codes, check_codes
from hypecheck.tokenizers import Tokenizer
from hypecheck.training import tokenise

Contributions = npt.NDArray[np.float64]

DECAYS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)  # of the neural head: its weight decay


def neural_probe(
    train_features: npt.NDArray[Any],
    train_labels: Labels,
    validation_features: npt.NDArray[Any],
    validation_labels: Labels,
    *,
    seed: int,
    decays: Sequence[float] = DECAYS,
    hidden: int = 32,
    passes: int = 20,
) -> Probe:
    """Fit a head with one hidden layer, its weight decay chosen on validation data.

    Parameters
    ----------
    train_features, validation_features : ndarray, shape (N, D)
        Embeddings.
    train_labels, validation_labels : ndarray of int64, shape (N,)
        Class numbers.
    seed : int
        Of the initial weights and the order of the rows.
    decays : sequence of float, default six from .001 to 100
        Values of the weight decay to choose from; the smallest of the best is taken.
    hidden : int, default 32
        Units in the hidden layer.
    passes : int, default 20
        Times that training goes over all rows, a fixed number.

    Returns
    -------
    probe : Probe
        The head with the best Matthews correlation on validation data; its ``penalty`` is the
        decay.

    Raises
    ------
    ValueError
        If `decays` is empty, or features and labels differ in length.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(200) % 2
    >>> features = np.where(labels, 3.0, 1.0)[:, None] * rng.choice([-1, 1], (200, 1))
    >>> parts = features[:100], labels[:100], features[100:], labels[100:]
    >>> neural_probe(*parts, seed=0, decays=[1e-3], passes=100).validation_score
    1.0
    """
    if not decays:
        raise ValueError("decays is empty; give at least one weight decay to choose from")
    fitted, scores = {}, {}
    for decay in sorted(decays):
        network = MLPClassifier(
            (hidden,),
            alpha=decay,
            batch_size=min(64, len(train_labels)),
            max_iter=passes,
            random_state=seed,
        )
        model = make_pipeline(StandardScaler(), network)
        with warnings.catch_warnings():  # a fixed number of passes is meant
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted[decay] = model.fit(train_features, train_labels)
        predicted = model.predict(validation_features)
        scores[decay] = float(matthews_corrcoef(validation_labels, predicted))
    best = max(scores, key=lambda decay: scores[decay])
    return Probe(fitted[best], best, scores)


def token_contributions(
    probe: Probe, model: Transformer, tokenizer: Tokenizer, codes: Codes, *, batch_size: int = 256
) -> Contributions:
    """Split the output of a linear head on mean-pooled vectors into what each base contributed.

    Parameters
    ----------
    probe : Probe
        From `hypecheck.embeddings.linear_probe` for two classes, fitted on
        ``embed_sequences(..., pool="mean")``.
    model : Transformer
        The model that gave the embeddings.
    tokenizer : Tokenizer
        Its tokenizer; all tokens must have as many bases.
    codes : ndarray of uint8, shape (N, L)
        Sequences, without unknown bases.
    batch_size : int, default 256
        Sequences at a time.

    Returns
    -------
    contributions : ndarray of float64, shape (N, L)
        The mean over positions is the head's log-odds without its intercept. The bases of a token
        share its number.

    Raises
    ------
    ValueError
        If tokens differ in length, or the probe was fitted on vectors of another width.

    Examples
    --------
    >>> from hypecheck.embeddings import embed_sequences, linear_probe
    >>> from hypecheck.models import TransformerConfig
    >>> from hypecheck.tokenizers import CharTokenizer
    >>> model, cut = Transformer(TransformerConfig(vocab_size=7, d_model=8)), CharTokenizer()
    >>> codes = np.random.default_rng(0).integers(0, 4, (20, 9)).astype(np.uint8)
    >>> vectors, labels = embed_sequences(model, cut, codes, pool="mean"), np.arange(20) % 2
    >>> token_contributions(linear_probe(vectors, labels, vectors, labels), model, cut, codes).shape
    (20, 9)
    """
    scaler, head = probe.model[0], probe.model[-1]
    if head.coef_.shape != (1, model.config.d_model):
        raise ValueError(
            f"the head's weights have shape {head.coef_.shape}, but the model gives vectors of "
            f"{model.config.d_model}; fit the probe on two classes and pool='mean'"
        )
    token_ids = tokenise(tokenizer, codes)
    length, n_tokens = codes.shape[1], token_ids.shape[1]
    if length % n_tokens or padding_mask(token_ids) is not None:
        raise ValueError(
            f"{length} bases do not make {n_tokens} tokens of one length; use single letters or "
            "blocks that divide the length"
        )
    torch.set_num_threads(1)
    rows = []
    with torch.inference_mode():
        for batch in torch.split(token_ids, batch_size):
            vectors = model.embed(batch).double().numpy()  # (B, T, D)
            rows.append((vectors - scaler.mean_) / scaler.scale_ @ head.coef_[0])
    return np.repeat(np.concatenate(rows), length // n_tokens, axis=1)  # (N, L)


def word_contributions(model: KmerLogistic, codes: Codes) -> Contributions:
    """Spread the weight of each word of a k-mer model over the bases on which it stands.

    Parameters
    ----------
    model : KmerLogistic
        Fitted, for two classes, not canonical.
    codes : ndarray of uint8, shape (N, L)
        Sequences, without unknown bases.

    Returns
    -------
    contributions : ndarray of float64, shape (N, L)
        Sum over the words that cover a base, of each word's weight divided by its length.

    Raises
    ------
    ValueError
        If the model is canonical, or a base is unknown.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> codes = encode(["CGAACG", "CGCGCG", "GCAAGC", "GCGCGC"])
    >>> model = KmerLogistic(C=10, k=2).fit(codes, [1, 0, 1, 0])
    >>> int(word_contributions(model, codes[:1]).argmax()) in (2, 3)  # where AA stands
    True
    """
    checked = check_codes(codes, ndim=2)
    if model.canonical or (checked > 3).any():
        raise ValueError("give a model that is not canonical, and sequences without unknown bases")
    smallest, largest = (model.k, model.k) if isinstance(model.k, int) else model.k
    n_rows, length = checked.shape
    found = np.zeros((n_rows, length))
    weights, first = model.model_.coef_[0], 0
    for k in range(smallest, largest + 1):
        places = 4 ** np.arange(k - 1, -1, -1, dtype=np.int64)
        words = sliding_window_view(checked.astype(np.int64), k, axis=1) @ places  # (N, L - k + 1)
        shares = weights[first : first + 4**k][words] / k
        for shift in range(k):
            found[:, shift : shift + words.shape[1]] += shares
        first += 4**k
    return found
