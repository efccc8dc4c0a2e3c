"""Which bases does a classifier look at? Gradients, perturbation, attention, and a known truth.

Design choices

- Attributions are shown per base: the part of the base that is there, ``(N, L)``; the part of all
  four bases stays available.
- Gradients ask a `ConvNet` base by base and a transformer token by token; perturbation asks any
  model that gives a score. Attention is read by `attention_maps`.
- The same answer is asked of every method: do its largest values lie on the motif that was planted?
  (`motif_recovery`). A method that fails there explains nothing elsewhere.

References
----------
Simonyan, Vedaldi and Zisserman 2013, Deep inside convolutional networks, arXiv:1312.6034.
Sundararajan, Taly and Yan 2017, Axiomatic attribution for deep networks, arXiv:1703.01365,
equations 1 and 3 and section 5 (completeness).
Majdandzic et al. 2023, Correcting gradient-based interpretations of deep neural networks for
genomics, https://doi.org/10.1186/s13059-023-02956-3 (gradients off the simplex are noise).
Zhou and Troyanskaya 2015, Predicting effects of noncoding variants with deep learning,
https://doi.org/10.1038/nmeth.3547 (in-silico mutagenesis).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from hypecheck.baselines import KmerLogistic
from hypecheck.models import Classifier, ConvNet
from hypecheck.sequences import UNKNOWN, Codes, check_codes, one_hot
from hypecheck.tokenizers import MASK

Attributions = npt.NDArray[np.float32]


def gradients(
    model: ConvNet, codes: Codes, *, target: int = 1, batch_size: int = 64
) -> Attributions:
    """Slope of a class's log-odds along each of the four bases, centred at each position.

    Only differences between the bases mean something, since exactly one of them is there; so the
    mean over the four is taken away (Majdandzic et al. 2023).

    Parameters
    ----------
    model : ConvNet
        The classifier.
    codes : ndarray of uint8, shape (N, L)
        Sequences.
    target : int, default 1
        Class whose logit, above the mean of the other logits, is explained.
    batch_size : int, default 64
        Sequences at a time.

    Returns
    -------
    attributions : ndarray of float32, shape (N, L, 4)
        Slopes; `at_bases` picks those of the bases that are there.

    Examples
    --------
    >>> from hypecheck.models import ConvNetConfig
    >>> from hypecheck.sequences import encode
    >>> gradients(ConvNet(ConvNetConfig()), encode(["ACGTACGT"])).shape
    (1, 8, 4)
    """
    return _by_batch(codes, batch_size, lambda batch: _centred(_slopes(model, batch, target)))


def integrated_gradients(
    model: ConvNet, codes: Codes, *, target: int = 1, n_steps: int = 32, batch_size: int = 64
) -> Attributions:
    """Mean slope on the way from all bases at one quarter to the sequence, times the way.

    By completeness the attributions of a sequence add up to its log-odds minus those of the
    starting point (up to the error of `n_steps` midpoints).

    Parameters
    ----------
    model : ConvNet
        The classifier.
    codes : ndarray of uint8, shape (N, L)
        Sequences.
    target : int, default 1
        Class whose logit, above the mean of the other logits, is explained.
    n_steps : int, default 32
        Points on the way.
    batch_size : int, default 64
        Sequences at a time.

    Returns
    -------
    attributions : ndarray of float32, shape (N, L, 4)
        Parts of the log-odds.

    References
    ----------
    Sundararajan, Taly and Yan 2017, equation 3; midpoints instead of right ends.

    Examples
    --------
    >>> from hypecheck.models import ConvNetConfig
    >>> from hypecheck.sequences import encode
    >>> integrated_gradients(ConvNet(ConvNetConfig()), encode(["ACGTACGT"])).shape
    (1, 8, 4)
    """

    def explain(batch: Tensor) -> Tensor:
        start = torch.full_like(batch, 0.25)
        way = batch - start
        shares = (torch.arange(n_steps) + 0.5) / n_steps
        slopes = [_slopes(model, start + share * way, target) for share in shares]
        return way * torch.stack(slopes).mean(0)

    return _by_batch(codes, batch_size, explain)


def at_bases(attributions: Attributions, codes: Codes) -> Attributions:
    """Pick the attribution of the base that is there.

    Parameters
    ----------
    attributions : ndarray of float32, shape (N, L, 4)
        One number for each base at each position.
    codes : ndarray of uint8, shape (N, L)
        Sequences.

    Returns
    -------
    per_position : ndarray of float32, shape (N, L)
        Zero at unknown bases.

    Examples
    --------
    >>> at_bases(np.array([[[1, 2, 3, 4], [5, 6, 7, 8]]], np.float32), np.array([[2, 4]], np.uint8))
    array([[3., 0.]], dtype=float32)
    """
    picked: Attributions = (attributions * one_hot(codes)).sum(-1, dtype=np.float32)
    return picked


def word_attributions(model: KmerLogistic, codes: Codes) -> npt.NDArray[np.float64]:
    """Give every position the weights of the words that cover it.

    Parameters
    ----------
    model : KmerLogistic
        Fitted on two classes, without joining the strands.
    codes : ndarray of uint8, shape (N, L)
        Sequences.

    Returns
    -------
    attributions : ndarray of float64, shape (N, L)
        Positive where the words speak for the second class. A word with an unknown base says
        nothing.

    Raises
    ------
    ValueError
        If the model joins a word with its reverse complement, or has more than two classes.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> rows = encode(["AAGATAAA", "CAGATACC", "AACCTAAA", "CCATTCCC"])
    >>> model = KmerLogistic(C=10, k=4).fit(rows, [1, 1, 0, 0])
    >>> word_attributions(model, rows[:1]).argmax(axis=1).tolist()
    [3]
    """
    if model.canonical:
        raise ValueError("a canonical word has no one place on a strand; fit with canonical=False")
    weights = model.weights()
    first, last = (model.k, model.k) if isinstance(model.k, int) else model.k
    found = np.zeros(check_codes(codes, ndim=2).shape)
    for k in range(first, last + 1):
        table = np.array([weights["".join(word)] for word in product("ACGT", repeat=k)])
        windows = np.lib.stride_tricks.sliding_window_view(codes, k, axis=1)  # (N, L - k + 1, k)
        known = (windows < UNKNOWN).all(axis=2)
        index = np.minimum(windows, UNKNOWN - 1) @ 4 ** np.arange(k - 1, -1, -1)
        said = np.where(known, table[index], 0.0)
        for shift in range(k):
            found[:, shift : shift + said.shape[1]] += said
    return found


def token_gradients(
    model: Classifier,
    token_ids: Tensor,
    *,
    target: int = 1,
    n_steps: int = 16,
    batch_size: int = 64,
) -> npt.NDArray[np.float32]:
    """Integrated gradients of a transformer, from a row of MASK tokens to the sequence.

    By completeness the numbers of a row add up to its log-odds minus those of the row of MASK
    (up to the error of `n_steps` midpoints).

    Parameters
    ----------
    model : Classifier
        A transformer body and its head.
    token_ids : Tensor of int64, shape (N, T)
        Token ids, without padding.
    target : int, default 1
        Class whose logit, above the mean of the other logits, is explained.
    n_steps : int, default 16
        Points on the way.
    batch_size : int, default 64
        Rows at a time.

    Returns
    -------
    attributions : ndarray of float32, shape (N, T)
        Parts of the log-odds, token by token.

    References
    ----------
    Sundararajan, Taly and Yan 2017, equation 3, with the token vectors as the input.

    Examples
    --------
    >>> from hypecheck.models import ClassifierConfig, TransformerConfig
    >>> model = Classifier(ClassifierConfig(TransformerConfig(vocab_size=7)))
    >>> token_gradients(model, torch.tensor([[3, 4, 5, 6]])).shape
    (1, 4)
    """
    torch.set_num_threads(1)
    table = model.body.token_embedding
    rows = []
    for batch in torch.split(token_ids, batch_size):
        with torch.no_grad():
            start, way = table(torch.full_like(batch, MASK)), table(batch)
        way = way - start
        slopes = torch.zeros_like(way)
        for step in range(n_steps):
            point = start + (step + 0.5) / n_steps * way
            slopes += _token_slopes(model, batch, point, target) / n_steps
        rows.append((way * slopes).sum(-1))  # (B, T)
    attributions: npt.NDArray[np.float32] = torch.cat(rows).numpy()
    return attributions


def perturbation(score: Callable[[Codes], npt.ArrayLike], codes: Codes) -> npt.NDArray[np.float64]:
    """Exchange every base for each of the three others, and see how far the score moves.

    Parameters
    ----------
    score : callable
        Codes of shape (N, L) to N scores, such as log-odds; any model will do.
    codes : ndarray of uint8, shape (N, L)
        Sequences of known bases.

    Returns
    -------
    effects : ndarray of float64, shape (N, L)
        Score of the sequence minus the mean of its three mutants at that place.

    Raises
    ------
    ValueError
        If there are unknown bases.

    References
    ----------
    Zhou and Troyanskaya 2015, in-silico mutagenesis.

    Examples
    --------
    >>> count_a = lambda codes: (codes == 0).sum(axis=1)
    >>> perturbation(count_a, np.array([[0, 3]], np.uint8)).round(2).tolist()
    [[1.0, -0.33]]
    """
    if (check_codes(codes, ndim=2) >= UNKNOWN).any():
        raise ValueError("an unknown base has no three others; cut the sequences to known bases")
    whole = np.asarray(score(codes), dtype=np.float64)
    effects = np.empty(codes.shape)
    for place in range(codes.shape[1]):
        mutants = np.repeat(codes, 3, axis=0)  # (3 N, L)
        mutants[:, place] = (mutants[:, place] + np.tile([1, 2, 3], len(codes))) % 4
        moved = np.asarray(score(mutants), dtype=np.float64).reshape(len(codes), 3)
        effects[:, place] = whole - moved.mean(axis=1)
    return effects


def motif_recovery(attributions: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Measure by AUROC whether the planted motif has the largest absolute attributions.

    Parameters
    ----------
    attributions : array_like, shape (N, L)
        One number per position.
    truth : array_like of bool, shape (N, L)
        True where the motif was planted.

    Returns
    -------
    auroc : float
        Mean over the sequences that have a motif: 1 if all its positions come first, .5 by chance.

    Raises
    ------
    ValueError
        If shapes differ, or no sequence has positions both inside and outside a motif.

    Examples
    --------
    >>> motif_recovery([[0.1, -0.9, 0.8, 0.2]], [[False, True, True, False]])
    1.0
    """
    sizes, inside = np.abs(np.asarray(attributions)), np.asarray(truth, dtype=bool)
    if sizes.shape != inside.shape or sizes.ndim != 2:
        raise ValueError(
            f"attributions {sizes.shape} and truth {inside.shape} must both have shape (N, L); "
            "at_bases() brings (N, L, 4) there"
        )
    planted = inside.any(1) & ~inside.all(1)
    if not planted.any():
        raise ValueError("no sequence has positions both inside and outside a motif")
    areas = [roc_auc_score(inside[row], sizes[row]) for row in np.flatnonzero(planted)]
    return float(np.mean(areas))


def _slopes(model: ConvNet, inputs: Tensor, target: int) -> Tensor:
    inputs = inputs.detach().requires_grad_()
    with torch.enable_grad():
        logits = model.from_one_hot(inputs)  # (B, C)
        others = (logits.sum(1) - logits[:, target]) / (logits.shape[1] - 1)
        (slopes,) = torch.autograd.grad((logits[:, target] - others).sum(), inputs)
    return slopes  # (B, L, 4)


def _token_slopes(model: Classifier, token_ids: Tensor, vectors: Tensor, target: int) -> Tensor:
    """Slope of the log-odds along the token vectors, put in the place of the embedding's output."""
    vectors = vectors.detach().requires_grad_()
    hook = model.body.token_embedding.register_forward_hook(lambda *_: vectors)
    try:
        with torch.enable_grad():
            logits = model(token_ids)  # (B, C)
            others = (logits.sum(1) - logits[:, target]) / (logits.shape[1] - 1)
            (slopes,) = torch.autograd.grad((logits[:, target] - others).sum(), vectors)
    finally:
        hook.remove()
    return slopes  # (B, T, D)


def _centred(slopes: Tensor) -> Tensor:
    return slopes - slopes.mean(-1, keepdim=True)


def _by_batch(codes: Codes, batch_size: int, explain: Callable[[Tensor], Tensor]) -> Attributions:
    torch.set_num_threads(1)
    inputs = torch.from_numpy(one_hot(check_codes(codes, ndim=2)))
    attributions: Attributions = torch.cat(
        [explain(batch) for batch in torch.split(inputs, batch_size)]
    ).numpy()
    return attributions
