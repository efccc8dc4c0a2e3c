"""A second objective beside masking: tell the place in a codon, and the strand, of every token.

Design choices

- A token is a block of three bases. Its class is 0 outside annotated genes, 1 to 3 for its place in
  a codon of a gene on the strand that is read, 4 to 6 for one on the other strand.
- Masking and the second objective read the same batches and share one body; with weight 0 what is
  left is plain masking, step by step on the same windows and masks.
- The head of the second objective is thrown away: what it did to the body is all that it leaves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from hypecheck.models import Transformer, seeded
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import History, TrainingConfig, optimise
from hypecheck.sequences import UNKNOWN, Codes, reverse_complement

N_CLASSES = 7
BLOCK = 3  # bases of a token
Classes = npt.NDArray[np.int64]


def codon_classes(length: int, genes: Iterable[tuple[int, int, str]]) -> npt.NDArray[np.int8]:
    """Give the class of the three bases that begin at each place of a chromosome.

    Parameters
    ----------
    length : int
        Of the chromosome, in bp.
    genes : iterable of (int, int, str)
        Start and end (0-based, half-open) and strand, "+" or "-"; of genes that overlap the last
        one counts. Introns are not known here: behind one the place in the codon may be wrong.

    Returns
    -------
    classes : ndarray of int8, shape (L,)
        0 to 6; 0 where the three bases do not lie in one gene.

    Examples
    --------
    >>> codon_classes(10, [(1, 7, "+")]).tolist()
    [0, 1, 2, 3, 1, 0, 0, 0, 0, 0]
    >>> codon_classes(8, [(1, 7, "-")]).tolist()
    [0, 4, 6, 5, 4, 0, 0, 0]
    """
    classes = np.zeros(length, dtype=np.int8)
    for start, end, strand in genes:
        place = np.arange(start, end - BLOCK + 1)
        if strand == "+":
            classes[place] = 1 + (place - start) % BLOCK
        else:
            classes[place] = 4 + (end - BLOCK - place) % BLOCK
    return classes


def other_strand(classes: Classes) -> Classes:
    """Turn the classes of windows into those of their reverse complements.

    Parameters
    ----------
    classes : ndarray of int64, shape (N, T)
        One class a token.

    Returns
    -------
    classes : ndarray of int64, shape (N, T)
        In reverse order, strands swapped.

    Examples
    --------
    >>> other_strand(np.array([[0, 1, 6]])).tolist()
    [[3, 4, 0]]
    """
    swapped = np.array([0, 4, 5, 6, 1, 2, 3])
    turned: Classes = swapped[classes][:, ::-1]
    return turned


def annotated_windows(
    records: Mapping[str, Codes],
    classes: Mapping[str, npt.NDArray[np.int8]],
    *,
    length: int,
    n_windows: int,
    rng: np.random.Generator,
) -> tuple[Codes, Classes]:
    """Draw windows of known bases, half of them from the other strand, with a class for each token.

    Parameters
    ----------
    records : mapping of str to ndarray of uint8
        Chromosomes; ``UNKNOWN`` where no window may lie.
    classes : mapping of str to ndarray of int8
        As `codon_classes` gives them, for the same chromosomes.
    length : int
        Of a window in bp, a multiple of three.
    n_windows : int
        How many; they may overlap.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    windows : ndarray of uint8, shape (N, length)
    token_classes : ndarray of int64, shape (N, length / 3)

    Raises
    ------
    ValueError
        If the length is no multiple of three, or no window is free of unknown bases.

    Examples
    --------
    >>> genome, rng = {"c": np.zeros(30, np.uint8)}, np.random.default_rng(0)
    >>> known = {"c": codon_classes(30, [(0, 30, "+")])}
    >>> windows, found = annotated_windows(genome, known, length=6, n_windows=4, rng=rng)
    >>> windows.shape, found.shape, bool((found[1] <= 3).all()), bool((found[0] > 3).all())
    ((4, 6), (4, 2), True, True)
    """
    if length % BLOCK:
        raise ValueError(f"length must be a multiple of {BLOCK}, got {length}")
    gap = np.uint8(UNKNOWN)
    joined = np.concatenate([np.append(codes, gap) for codes in records.values()])
    told = np.concatenate([np.append(classes[name], np.int8(0)) for name in records])
    unknown = np.concatenate([[0], np.cumsum(joined == UNKNOWN)])
    starts = np.flatnonzero(unknown[length:] == unknown[:-length])
    if not starts.size:
        raise ValueError(f"no stretch of {length} known bases; use shorter windows")
    chosen = rng.choice(starts, n_windows)[:, None]
    windows = joined[chosen + np.arange(length)]
    token_classes = told[chosen + np.arange(0, length, BLOCK)].astype(np.int64)
    windows[::2] = reverse_complement(windows[::2])
    token_classes[::2] = other_strand(token_classes[::2])
    return windows, token_classes


@dataclass(frozen=True)
class AuxiliaryRun:
    """What training with a second objective leaves.

    Attributes
    ----------
    head : torch.nn.Linear
        From the vector of a token to the logits of the classes.
    history : History
        Losses are sums of both objectives where the weight is not 0.
    """

    head: nn.Linear
    history: History


def fit_with_auxiliary(
    model: Transformer,
    token_ids: npt.NDArray[np.int64],
    classes: Classes,
    config: TrainingConfig,
    *,
    weight: float = 1.0,
) -> AuxiliaryRun:
    """Train a masked model in place, and let it tell the class of every token beside.

    Parameters
    ----------
    model : Transformer
        Masked; its weights change.
    token_ids : ndarray of int64, shape (N, T)
        Rows without padding.
    classes : ndarray of int64, shape (N, T)
        What the second objective asks for.
    config : TrainingConfig
        How to train; every step draws its rows anew.
    weight : float, default 1
        Of the second loss; at 0 it changes nothing in the body.

    Returns
    -------
    run : AuxiliaryRun

    Raises
    ------
    ValueError
        If rows and classes differ in shape, or the weight is negative.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab_size=7, d_model=8, n_heads=2, d_ff=16))
    >>> ids = np.tile([3, 4], (20, 6))
    >>> run = fit_with_auxiliary(model, ids, ids - 3, TrainingConfig(steps=80, learning_rate=0.02))
    >>> auxiliary_bits(model, run.head, ids, ids - 3) < 0.5
    True
    """
    if token_ids.shape != classes.shape:
        raise ValueError(f"{token_ids.shape} tokens but {classes.shape} classes; give one each")
    if weight < 0:
        raise ValueError(f"weight must be 0 or more, got {weight}")
    with seeded(config.seed):
        head = nn.Linear(model.config.d_model, N_CLASSES)
    objective = MaskedObjective()
    rows, wanted = torch.from_numpy(token_ids), torch.from_numpy(classes)

    def step_loss(step: int) -> tuple[torch.Tensor, int]:
        rng = np.random.default_rng([config.seed, step])
        drawn = torch.from_numpy(rng.integers(len(rows), size=config.batch_size))
        batch = rows[drawn]
        shown, chosen = objective.corrupt(batch, model.config.vocab_size, rng)
        hidden = model.embed(shown)  # (B, T, D)
        loss = F.cross_entropy(model.decode(hidden[chosen]), batch[chosen])
        if weight:
            told = head(hidden).flatten(0, 1)  # (B T, C)
            loss = loss + weight * F.cross_entropy(told, wanted[drawn].flatten())
        return loss, batch.numel()

    parameters = dict(model.named_parameters())
    if weight:
        parameters |= {f"auxiliary.{name}": one for name, one in head.named_parameters()}
    return AuxiliaryRun(head, optimise(parameters, step_loss, config, identity={}))


def auxiliary_bits(
    model: Transformer, head: nn.Linear, token_ids: npt.NDArray[np.int64], classes: Classes
) -> float:
    """Say what a class costs on windows that are shown whole.

    Parameters
    ----------
    model : Transformer
        The body.
    head : torch.nn.Linear
        From `fit_with_auxiliary`.
    token_ids, classes : ndarray of int64, shape (N, T)
        Held-out rows and their classes.

    Returns
    -------
    bits : float
        Mean cross-entropy per token.
    """
    torch.set_num_threads(1)
    with torch.inference_mode():
        told = head(model.embed(torch.from_numpy(token_ids))).flatten(0, 1)
        nats = F.cross_entropy(told, torch.from_numpy(classes).flatten())
    return float(nats) / math.log(2)
