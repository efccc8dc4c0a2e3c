"""Explanations of a transformer, attention among them, against what was planted.

Design choices

- Two worlds. In one a word makes the class: the plainest mechanism there is. In the other both
  classes hold the same two words and only their order tells them apart: a rule, not a word.
- The same four explanations are asked of the trained model and of its untrained twin, which shows
  what geometry alone gives.
- A model that does not know the answer cannot explain it, so its accuracy belongs to every score.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import roc_auc_score

from hypecheck.attention_maps import attention_weights, received, rollout
from hypecheck.interpret import perturbation, token_gradients
from hypecheck.models import Classifier
from hypecheck.sequences import Codes, LabelledSequences
from hypecheck.simulate import motif_grammar, planted_motifs
from hypecheck.tokenizers import CharTokenizer
from hypecheck.training import tokenise
from hypecheck.worlds import PlantedTruth, World

Floats = npt.NDArray[np.float64]
Kind = Literal["motif", "grammar"]
METHODS = ("integrated gradients", "perturbation", "attention", "roll-out")
WORDS = ("TGACTCA", "GATAAGC")  # like the sites of AP-1 and of GATA factors
GAPS = (4, 5, 6, 7, 8)


def planted_world(
    kind: Kind, n: int, rng: np.random.Generator, *, length: int = 48
) -> World[LabelledSequences, PlantedTruth]:
    """Make sequences whose class is decided by a word, or by the order of two.

    Parameters
    ----------
    kind : {"motif", "grammar"}
        What decides.
    n, length : int
        Sequences, and bases of each.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    world : World
        With the planted places as its truth.

    Raises
    ------
    ValueError
        If `kind` is neither.

    Examples
    --------
    >>> world = planted_world("grammar", 6, np.random.default_rng(0))
    >>> world.truth.mask.sum(axis=1).tolist()
    [14, 14, 14, 14, 14, 14]
    """
    background = rng.integers(4, size=(n, length)).astype(np.uint8)
    if kind == "motif":
        return planted_motifs(background, WORDS[:1], rng)
    if kind == "grammar":
        return motif_grammar(background, *WORDS, rng, rule="order", gaps=GAPS)
    raise ValueError(f"kind must be motif or grammar, got {kind!r}")


def explain(model: Classifier, codes: Codes) -> dict[str, Floats]:
    """Ask four explanations of a two-class transformer that reads single bases.

    Parameters
    ----------
    model : Classifier
        The model.
    codes : ndarray of uint8, shape (N, L)
        Sequences of known bases.

    Returns
    -------
    explanations : dict of str to ndarray of float64, shape (N, L)
        By method of `METHODS`: integrated gradients from a row of MASK, the effect of exchanging
        a base, the attention that a base receives, and the same after roll-out.

    Examples
    --------
    >>> from hypecheck.models import ClassifierConfig, TransformerConfig
    >>> model = Classifier(ClassifierConfig(TransformerConfig(vocab_size=7, n_layers=1)))
    >>> found = explain(model, np.zeros((2, 12), np.uint8))
    >>> [found[name].shape for name in METHODS]
    [(2, 12), (2, 12), (2, 12), (2, 12)]
    """
    tokens = tokenise(CharTokenizer(), codes)
    weights = attention_weights(model, tokens)
    found = (
        token_gradients(model, tokens),
        perturbation(lambda rows: log_odds(model, rows), codes),
        received(weights),
        received(rollout(weights)),
    )
    return {name: np.asarray(one, np.float64) for name, one in zip(METHODS, found, strict=True)}


def log_odds(model: Classifier, codes: Codes, *, batch_size: int = 512) -> Floats:
    """Give the logit of class 1 minus that of class 0.

    Parameters
    ----------
    model : Classifier
        Of two classes; it reads single bases.
    codes : ndarray of uint8, shape (N, L)
        Sequences.
    batch_size : int, default 512
        Sequences at a time.

    Returns
    -------
    log_odds : ndarray of float64, shape (N,)

    Examples
    --------
    >>> from hypecheck.models import ClassifierConfig, TransformerConfig
    >>> model = Classifier(ClassifierConfig(TransformerConfig(vocab_size=7, n_layers=1)))
    >>> log_odds(model, np.zeros((3, 12), np.uint8)).shape
    (3,)
    """
    torch.set_num_threads(1)
    with torch.inference_mode():
        parts = [model(rows) for rows in torch.split(tokenise(CharTokenizer(), codes), batch_size)]
    logits = torch.cat(parts).double().numpy()
    return np.asarray(logits[:, 1] - logits[:, 0])


def recovery_of_each(explanation: npt.ArrayLike, truth: npt.ArrayLike) -> Floats:
    """Measure for each sequence whether the planted places have the largest sizes.

    Parameters
    ----------
    explanation : array_like, shape (N, L)
        One number a base; its sign does not count.
    truth : array_like of bool, shape (N, L)
        True where something was planted.

    Returns
    -------
    auroc : ndarray of float64, shape (M,)
        For the sequences in which something was planted.

    See Also
    --------
    hypecheck.interpret.motif_recovery : their mean.

    Examples
    --------
    >>> recovery_of_each([[0, -3, 1], [1, 0, 2], [5, 5, 5]], [[0, 1, 0], [0, 1, 0], [0, 0, 0]])
    array([1., 0.])
    """
    sizes, planted = np.abs(np.asarray(explanation)), np.asarray(truth, dtype=np.bool_)
    rows = np.flatnonzero(planted.any(axis=1) & ~planted.all(axis=1))
    return np.array([roc_auc_score(planted[row], sizes[row]) for row in rows])
