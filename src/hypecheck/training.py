"""Training of tiny models: language models, classifiers from scratch, fine-tuning.

Design choices

- `fit_language_model` trains in place; `fit_classifier` trains a copy, so that one pretrained model
  can be fine-tuned many times.
- A classifier over a frozen body is trained on vectors that are computed once.
- Losses are told in bits per predicted token or label, so that they compare with log2 of the
  vocabulary and with Markov models.
- Rows are shuffled anew in every epoch; windows of a corpus are drawn anew for every batch.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from sklearn.metrics import matthews_corrcoef
from torch import Tensor, nn

from hypecheck.models import (
    Classifier,
    ClassifierConfig,
    ConvNet,
    Transformer,
    check_token_ids,
    check_vocabulary,
    padding_mask,
    pool_tokens,
)
from hypecheck.objectives import CausalObjective, MaskedObjective, Objective
from hypecheck.optimisation import (
    CheckpointMismatchError,
    History,
    TrainingConfig,
    TrainingDivergedError,
    optimise,
)
from hypecheck.sequences import Codes, LabelledSequences, decode
from hypecheck.tokenizers import PAD, Tokenizer

__all__ = [
    "CLASSIFIER_TRAINING",
    "CausalObjective",
    "CheckpointMismatchError",
    "FittedClassifier",
    "History",
    "LabelError",
    "MaskedObjective",
    "Objective",
    "TrainingConfig",
    "TrainingDivergedError",
    "evaluate_language_model",
    "fit_classifier",
    "fit_language_model",
    "tokenise",
]

CLASSIFIER_TRAINING = TrainingConfig(steps=1000, batch_size=128, evaluate_every=100)


class LabelError(ValueError):
    """Labels that a classifier cannot learn from: one class only, not class numbers, too many."""


def fit_language_model(
    model: Transformer,
    token_ids: npt.ArrayLike | Tensor,
    config: TrainingConfig,
    objective: Objective,
    *,
    validation: npt.ArrayLike | Tensor | None = None,
    progress: bool = False,
    checkpoint_path: str | os.PathLike[str] | None = None,
) -> History:
    """Train a language model in place.

    Parameters
    ----------
    model : Transformer
        The model; its weights change.
    token_ids : array_like of int64, shape (n_tokens,) or (N, T)
        A corpus, from which windows of ``config.length`` tokens are drawn, or rows, padded with 0.
    config : TrainingConfig
        How to train.
    objective : MaskedObjective or CausalObjective
        What to predict.
    validation : array_like of int64, optional
        Held-out tokens, same shape rules; the weights with the least loss here are kept.
    progress : bool, default False
        Show a bar with loss, tokens per second and time left.
    checkpoint_path : path, optional
        Where to keep the state; if it is there already, the run goes on from it and ends with the
        same weights, bit for bit, as one that was never interrupted.

    Returns
    -------
    history : History
        Losses in bits per predicted token.

    Raises
    ------
    VocabularyMismatchError
        If a token id is not below the model's ``vocab_size``.
    TrainingDivergedError
        If the loss explodes or is not a number.
    CheckpointMismatchError
        If the checkpoint belongs to another run.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab_size=5, d_model=8, n_heads=2, d_ff=16))
    >>> config = TrainingConfig(steps=60, length=16, learning_rate=0.02)
    >>> history = fit_language_model(model, [3, 4] * 100, config, MaskedObjective())
    >>> history.losses[0] > 1 > history.losses[-1]
    True
    """
    corpus = _as_tokens(model, token_ids, config.length)
    validate = None
    if validation is not None:
        held_out = _as_tokens(model, validation, config.length)

        def validate() -> float:
            return -evaluate_language_model(model, held_out, objective, length=config.length)

    def step_loss(step: int) -> tuple[Tensor, int]:
        rng = np.random.default_rng([config.seed, step])
        batch = _draw_windows(corpus, config, rng)
        return objective.losses(model, batch, rng).mean(), batch.numel()

    identity = {
        "objective": repr(objective),
        "model": f"{model.config!r}, seed {model.seed}",
        "data": _digest(corpus),
    }
    return optimise(
        dict(model.named_parameters()),
        step_loss,
        config,
        identity=identity,
        validate=validate,
        progress=progress,
        checkpoint_path=checkpoint_path,
    )


def evaluate_language_model(
    model: Transformer,
    token_ids: npt.ArrayLike | Tensor,
    objective: Objective,
    *,
    length: int = 64,
    batch_size: int = 64,
    seed: int = 0,
) -> float:
    """Measure the loss on held-out tokens, each window once.

    Parameters
    ----------
    model : Transformer
        The model.
    token_ids : array_like of int64, shape (n_tokens,) or (N, T)
        Held-out corpus, cut into windows side by side, or rows, padded with 0.
    objective : MaskedObjective or CausalObjective
        What to predict; a masked objective then hides every predicted token behind MASK.
    length : int, default 64
        Tokens per window of a corpus.
    batch_size : int, default 64
        Windows at a time.
    seed : int, default 0
        Chooses the masks; the same seed hides the same tokens from every model.

    Returns
    -------
    bits : float
        Mean loss in bits per predicted token.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab_size=7))
    >>> bits = evaluate_language_model(model, [3, 4, 5, 6] * 64, MaskedObjective())
    >>> 1.5 < bits < 5
    True
    """
    objective = objective.for_evaluation()
    rows = _side_by_side(_as_tokens(model, token_ids, length), length)
    torch.set_num_threads(1)
    total, count = 0.0, 0
    with torch.inference_mode():
        for number, batch in enumerate(torch.split(rows, batch_size)):
            losses = objective.losses(model, batch, np.random.default_rng([seed, number]))
            total, count = total + losses.double().sum().item(), count + len(losses)
    return total / count / math.log(2)


def tokenise(tokenizer: Tokenizer, sequences: Codes | Sequence[str]) -> Tensor:
    """Turn sequences into one padded array of token ids.

    Parameters
    ----------
    tokenizer : Tokenizer
        The tokenizer.
    sequences : ndarray of uint8, shape (N, L), or sequence of str
        Codes, or letters. Unknown bases at the right end of codes count as padding.

    Returns
    -------
    token_ids : Tensor of int64, shape (N, T)
        Padded on the right with 0.

    Raises
    ------
    ValueError
        If there is no sequence, or one has no tokens.

    Examples
    --------
    >>> from hypecheck.tokenizers import CharTokenizer
    >>> tokenise(CharTokenizer(), ["ACGT", "AC"])
    tensor([[3, 4, 5, 6],
            [3, 4, 0, 0]])
    """
    if isinstance(sequences, np.ndarray):
        sequences = [row.rstrip("N") for row in decode(np.atleast_2d(sequences))]
    ids = tokenizer.encode_batch(list(sequences))
    short = [number for number, row in enumerate(ids) if len(row) == 0]
    if short or not ids:
        where = f"sequence {short[0]} has no known base" if short else "there are no sequences"
        raise ValueError(f"{where}, so there is nothing to tokenise; drop empty sequences first")
    rows = np.full((len(ids), max(map(len, ids))), PAD, dtype=np.int64)
    for row, tokens in zip(rows, ids, strict=True):
        row[: len(tokens)] = tokens
    return torch.from_numpy(rows)


@dataclass(frozen=True)
class FittedClassifier:
    """A trained classifier that takes codes.

    Parameters
    ----------
    model : ConvNet or Classifier
        The trained model.
    history : History
        How the training went.
    tokenizer : Tokenizer, optional
        Turns letters into the token ids that a `Classifier` needs.
    """

    model: ConvNet | Classifier
    history: History
    tokenizer: Tokenizer | None = None

    def predict_proba(self, codes: Codes, *, batch_size: int = 256) -> npt.NDArray[np.float32]:
        """Probability of every class.

        Parameters
        ----------
        codes : ndarray of uint8, shape (N, L)
            Sequences.
        batch_size : int, default 256
            Sequences at a time.

        Returns
        -------
        probabilities : ndarray of float32, shape (N, C)
            Rows sum to 1.
        """
        torch.set_num_threads(1)
        inputs = _as_inputs(self.model, self.tokenizer, codes)
        return _logits(_forward(self.model), inputs, batch_size).softmax(-1).numpy()

    def predict(self, codes: Codes) -> npt.NDArray[np.int64]:
        """Most probable class.

        Parameters
        ----------
        codes : ndarray of uint8, shape (N, L)
            Sequences.

        Returns
        -------
        classes : ndarray of int64, shape (N,)
            Class numbers.
        """
        classes: npt.NDArray[np.int64] = self.predict_proba(codes).argmax(1)
        return classes


def fit_classifier(
    model: ConvNet | Classifier | Transformer,
    train: LabelledSequences,
    validation: LabelledSequences | None = None,
    config: TrainingConfig = CLASSIFIER_TRAINING,
    *,
    tokenizer: Tokenizer | None = None,
    freeze_body: bool = False,
    progress: bool = False,
    checkpoint_path: str | os.PathLike[str] | None = None,
) -> FittedClassifier:
    """Train a copy of a model to tell classes apart; the given model stays as it was.

    Parameters
    ----------
    model : ConvNet, Classifier or Transformer
        Where to start. A transformer gets a linear head over its pooled token vectors, for as many
        classes as `train` has.
    train : LabelledSequences
        Examples with class numbers 0, 1, ….
    validation : LabelledSequences, optional
        If given, the weights that are kept are those with the best Matthews correlation here,
        among those seen every ``config.evaluate_every`` steps.
    config : TrainingConfig, default 1000 steps of 128 sequences, validation every 100
        How to train.
    tokenizer : Tokenizer, optional
        The tokenizer of the transformer; a `ConvNet` reads bases and needs none.
    freeze_body : bool, default False
        Train only the head of a transformer; its pooled vectors are then computed once.
    progress : bool, default False
        Show a bar.
    checkpoint_path : path, optional
        As in `fit_language_model`.

    Returns
    -------
    fitted : FittedClassifier
        The trained copy, with ``predict`` and ``predict_proba``.

    Raises
    ------
    LabelError
        If labels are not class numbers, or all the same, or too many for the model.
    VocabularyMismatchError
        If the tokenizer is not the one of the model.
    TrainingDivergedError, CheckpointMismatchError
        As in `fit_language_model`.

    Examples
    --------
    >>> from hypecheck.models import ConvNetConfig
    >>> from hypecheck.sequences import encode
    >>> train = LabelledSequences(encode(["GGGGCCCC", "AAAATTTT"] * 8), np.array([1, 0] * 8))
    >>> config = TrainingConfig(steps=20, batch_size=8)
    >>> fit_classifier(ConvNet(ConvNetConfig()), train, config=config).predict(train.codes[:4])
    array([1, 0, 1, 0])
    """
    n_classes = _count_classes(train.labels)
    start = _with_head(model, n_classes, config.seed)
    fitted = FittedClassifier(copy.deepcopy(start), History(), tokenizer)
    forward, parameters, prepare = _trainable(fitted, freeze_body=freeze_body)
    inputs, labels = prepare(train.codes), torch.from_numpy(train.labels)

    def step_loss(step: int) -> tuple[Tensor, int]:
        rows = _shuffled_rows(len(labels), config, step)
        return F.cross_entropy(forward(inputs[rows]), labels[rows]), inputs[rows].numel()

    validate = None
    if validation is not None:
        held_out = prepare(validation.codes)

        def validate() -> float:
            predicted = _logits(forward, held_out, 256).argmax(1).numpy()
            return float(matthews_corrcoef(validation.labels, predicted))

    identity = {
        "model": f"{start.config!r}, weights {_digest(*start.state_dict().values())}",
        "data": _digest(inputs, labels),
        "frozen body": str(freeze_body),
    }
    history = optimise(
        parameters,
        step_loss,
        config,
        identity=identity,
        validate=validate,
        progress=progress,
        checkpoint_path=checkpoint_path,
    )
    return dataclasses.replace(fitted, history=history)


def _as_tokens(model: Transformer, token_ids: npt.ArrayLike | Tensor, length: int) -> Tensor:
    tokens = torch.as_tensor(np.asarray(token_ids), dtype=torch.int64)
    check_token_ids(model, tokens)
    if tokens.ndim == 1 and len(tokens) < length:
        raise ValueError(
            f"a corpus of {len(tokens)} tokens has no window of {length}; "
            f"give more tokens, or length={len(tokens)}"
        )
    if tokens.ndim > 2:
        raise ValueError(f"token ids need one or two axes, got shape {tuple(tokens.shape)}")
    return tokens


def _draw_windows(tokens: Tensor, config: TrainingConfig, rng: np.random.Generator) -> Tensor:
    if tokens.ndim == 2:
        return tokens[torch.from_numpy(rng.integers(len(tokens), size=config.batch_size))]
    starts = torch.from_numpy(rng.integers(len(tokens) - config.length + 1, size=config.batch_size))
    return tokens[starts[:, None] + torch.arange(config.length)]  # (B, T)


def _side_by_side(tokens: Tensor, length: int) -> Tensor:
    if tokens.ndim == 2:
        return tokens
    return tokens[: len(tokens) // length * length].view(-1, length)  # (n_windows, T)


def _shuffled_rows(n_rows: int, config: TrainingConfig, step: int) -> Tensor:
    """Rows of one batch: each epoch passes once over all rows in an order of its own."""
    places = np.arange(step * config.batch_size, (step + 1) * config.batch_size)
    rows = np.empty_like(places)
    for epoch in np.unique(places // n_rows):
        here = places // n_rows == epoch
        order = np.random.default_rng([config.seed, epoch]).permutation(n_rows)
        rows[here] = order[places[here] % n_rows]
    return torch.from_numpy(rows)


def _count_classes(labels: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> int:
    if labels.size == 0:
        raise LabelError("no training examples; give at least one of each class")
    if labels.dtype.kind != "i" or labels.min() < 0:
        raise LabelError(
            "labels must be class numbers 0, 1, ...; number the classes with "
            "numpy.unique(labels, return_inverse=True)"
        )
    if labels.min() == labels.max():
        raise LabelError(
            f"all {labels.size} training examples are of class {labels.min()}, so there is nothing "
            "to tell apart; give examples of two classes or more"
        )
    return int(labels.max()) + 1


def _with_head(
    model: ConvNet | Classifier | Transformer, n_classes: int, seed: int
) -> ConvNet | Classifier:
    if isinstance(model, Transformer):
        classifier = Classifier(ClassifierConfig(model.config, n_classes), seed=seed)
        classifier.body.load_state_dict(model.state_dict())
        return classifier
    if n_classes > model.config.n_classes:
        raise LabelError(
            f"labels go up to {n_classes - 1}, but the model has {model.config.n_classes} classes; "
            f"build it with n_classes={n_classes}"
        )
    return model


Forward = Callable[[Tensor], Tensor]


def _forward(model: ConvNet | Classifier) -> Forward:
    if isinstance(model, ConvNet):
        return model
    return lambda token_ids: model(token_ids, padding_mask(token_ids))


def _as_inputs(model: ConvNet | Classifier, tokenizer: Tokenizer | None, codes: Codes) -> Tensor:
    if isinstance(model, ConvNet):
        return torch.from_numpy(codes)
    if tokenizer is None:
        raise ValueError("a transformer reads tokens; give tokenizer=, the one it was trained with")
    check_vocabulary(model.body, tokenizer)
    return tokenise(tokenizer, codes)


def _trainable(
    fitted: FittedClassifier, *, freeze_body: bool
) -> tuple[Forward, dict[str, nn.Parameter], Callable[[Codes], Tensor]]:
    """Say what to call, what to change, and how to prepare codes, for all the model or its head."""
    model, tokenizer = fitted.model, fitted.tokenizer

    def as_inputs(codes: Codes) -> Tensor:
        return _as_inputs(model, tokenizer, codes)

    if not freeze_body:
        return _forward(model), dict(model.named_parameters()), as_inputs
    if isinstance(model, ConvNet):
        raise ValueError("a ConvNet has no pretrained body to freeze; leave freeze_body out")

    def pooled(token_ids: Tensor) -> Tensor:
        mask = padding_mask(token_ids)
        return pool_tokens(model.body.embed(token_ids, mask), mask)

    parameters = {f"head.{name}": p for name, p in model.head.named_parameters()}
    return model.head, parameters, lambda codes: _logits(pooled, as_inputs(codes), 256)


def _logits(forward: Forward, inputs: Tensor, batch_size: int) -> Tensor:
    with torch.no_grad():
        return torch.cat([forward(batch) for batch in torch.split(inputs, batch_size)])


def _digest(*tensors: Tensor) -> str:
    """Short fingerprint, to notice that a checkpoint belongs to other data."""
    digest = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        digest.update(np.ascontiguousarray(tensor.numpy()).tobytes())
    return digest.hexdigest()
