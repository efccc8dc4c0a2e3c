"""Sequence embeddings, from models, published checkpoints or files; and linear probes of them.

Design choices

- One row per sequence, float32, whatever the source, so that every probe and plot takes them all.
- A probe is standardisation and logistic regression; its penalty is chosen on validation data among
  as many values as any other rung of a comparison gets.
- A probe's score says something about the embedding only next to its score on a control task.

References
----------
Hewitt and Liang 2019, Designing and interpreting probes with control tasks, arXiv:1909.03368.
Alain and Bengio 2016, Understanding intermediate layers using linear classifier probes,
arXiv:1610.01644.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from hypecheck.models import Transformer, check_vocabulary, padding_mask, pool_tokens
from hypecheck.sequences import Codes, decode
from hypecheck.tokenizers import Tokenizer
from hypecheck.training import LabelError, tokenise

Embeddings = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of the logistic regression: its C


class EmbeddingFileError(ValueError):
    """A file of embeddings that cannot be used as it is; the message names it and the fix."""


def embed_sequences(
    model: Transformer | str | os.PathLike[str],
    tokenizer: Tokenizer | None,
    sequences: Codes | Sequence[str],
    pool: str = "mean+max",
    batch_size: int = 64,
) -> Embeddings:
    """Give every sequence one vector.

    Parameters
    ----------
    model : Transformer or path
        One of our models, or the folder of a checkpoint that ``transformers`` can read.
    tokenizer : Tokenizer or None
        The tokenizer of our model; None for a checkpoint folder, which holds its own.
    sequences : ndarray of uint8, shape (N, L), or sequence of str
        Codes, or letters.
    pool : {"mean", "max", "mean+max"}, default "mean+max"
        How token vectors become one; padding and special tokens do not count.
    batch_size : int, default 64
        Sequences at a time.

    Returns
    -------
    embeddings : ndarray of float32, shape (N, D) or (N, 2 D)
        One row per sequence.

    Raises
    ------
    ValueError
        If there is no sequence, or one has no tokens.
    VocabularyMismatchError
        If the tokenizer is not the one of the model.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> from hypecheck.tokenizers import CharTokenizer
    >>> model = Transformer(TransformerConfig(vocab_size=7, d_model=8))
    >>> embed_sequences(model, CharTokenizer(), ["ACGT", "AC"], pool="mean").shape
    (2, 8)
    """
    if len(sequences) == 0:
        raise ValueError("there are no sequences to embed; give at least one")
    torch.set_num_threads(1)
    if not isinstance(model, Transformer):
        return _embed_with_checkpoint(Path(model), sequences, pool, batch_size)
    if tokenizer is None:
        raise ValueError("give the tokenizer that the model was trained with")
    check_vocabulary(model, tokenizer)
    rows = []
    with torch.inference_mode():
        for ids in torch.split(tokenise(tokenizer, sequences), batch_size):
            mask = padding_mask(ids)
            rows.append(pool_tokens(model.embed(ids, mask), mask, pool))
    embeddings: Embeddings = torch.cat(rows).numpy()
    return embeddings


def _embed_with_checkpoint(
    folder: Path, sequences: Codes | Sequence[str], pool: str, batch_size: int
) -> Embeddings:
    transformers = _import_transformers()
    if not (folder / "config.json").is_file():
        raise ValueError(f"{folder} holds no config.json; give the folder of a saved checkpoint")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()
    letters = decode(sequences) if isinstance(sequences, np.ndarray) else sequences
    rows = []
    with torch.inference_mode():
        for start in range(0, len(letters), batch_size):
            batch = tokenizer(
                list(letters[start : start + batch_size]),
                padding=True,
                return_tensors="pt",
                return_special_tokens_mask=True,
            )
            ordinary = batch.pop("special_tokens_mask") == 0
            hidden = model(**batch).last_hidden_state.float()  # (B, T, D)
            rows.append(pool_tokens(hidden, ordinary & (batch["attention_mask"] == 1), pool))
    embeddings: Embeddings = torch.cat(rows).numpy()
    return embeddings


def _import_transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise ImportError(
            "reading a published checkpoint needs transformers; pip install transformers"
        ) from error
    return transformers


def read_embeddings(path: str | os.PathLike[str]) -> Embeddings:
    """Read embeddings that were computed elsewhere.

    Parameters
    ----------
    path : path
        A ``.npy`` or ``.npz`` array ``(N, D)``, or a ``.csv`` or ``.parquet`` table of which the
        numeric columns are taken, in their order. An ``.npz`` holds one array, or one that is
        called ``embeddings``.

    Returns
    -------
    embeddings : ndarray of float32, shape (N, D)
        One row per sequence.

    Raises
    ------
    EmbeddingFileError
        If the file is of another kind, cannot be read, or holds no finite numbers ``(N, D)``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder) / "e.npy", np.eye(3))
    ...     read_embeddings(Path(folder) / "e.npy").shape
    (3, 3)
    """
    path = Path(path)
    readers = {".npy": _read_npy, ".npz": _read_npz, ".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix not in readers:
        raise EmbeddingFileError(f"{path}: expected one of {', '.join(readers)}")
    try:
        array = np.asarray(readers[path.suffix](path))
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise EmbeddingFileError(f"{path} cannot be read: {error}") from error
    if array.ndim != 2 or array.dtype.kind not in "fiu" or 0 in array.shape:
        raise EmbeddingFileError(
            f"{path} holds {array.dtype} of shape {array.shape}; expected numbers, one row per "
            "sequence and one column per dimension"
        )
    bad = int((~np.isfinite(array)).any(axis=1).sum())
    if bad:
        raise EmbeddingFileError(f"{path}: {bad} of {len(array)} rows hold NaN; drop or mend them")
    return array.astype(np.float32)


def _read_npy(path: Path) -> npt.NDArray[Any]:
    return np.load(path, allow_pickle=False)


def _read_npz(path: Path) -> npt.NDArray[Any]:
    with np.load(path, allow_pickle=False) as arrays:
        names = arrays.files
        if len(names) != 1 and "embeddings" not in names:
            raise EmbeddingFileError(f"it holds {names}; call the one to use 'embeddings'")
        return arrays[names[0] if len(names) == 1 else "embeddings"]


def _read_csv(path: Path) -> npt.NDArray[Any]:
    return pd.read_csv(path).select_dtypes("number").to_numpy()


def _read_parquet(path: Path) -> npt.NDArray[Any]:
    try:
        return pd.read_parquet(path).select_dtypes("number").to_numpy()
    except ImportError as error:
        raise EmbeddingFileError(
            "pandas needs pyarrow for parquet; pip install pyarrow, or save it as .npz"
        ) from error


@dataclass(frozen=True)
class Probe:
    """A fitted linear probe.

    Parameters
    ----------
    model : sklearn Pipeline
        Standardisation and logistic regression.
    penalty : float
        The C that was chosen.
    validation_scores : dict of float to float
        Matthews correlation on validation data for every C that was tried.
    """

    model: Pipeline
    penalty: float
    validation_scores: dict[float, float]

    @property
    def validation_score(self) -> float:
        """Best Matthews correlation on validation data; optimistic, because it chose."""
        return self.validation_scores[self.penalty]

    def predict(self, features: npt.NDArray[Any]) -> Labels:
        """Most probable class.

        Parameters
        ----------
        features : ndarray, shape (N, D)
            Embeddings.

        Returns
        -------
        classes : ndarray of int64, shape (N,)
            Class numbers.
        """
        classes: Labels = self.model.predict(features)
        return classes

    def predict_proba(self, features: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Probability of every class.

        Parameters
        ----------
        features : ndarray, shape (N, D)
            Embeddings.

        Returns
        -------
        probabilities : ndarray of float64, shape (N, C)
            Rows sum to 1.
        """
        probabilities: npt.NDArray[np.float64] = self.model.predict_proba(features)
        return probabilities


def linear_probe(
    train_features: npt.NDArray[Any],
    train_labels: Labels,
    validation_features: npt.NDArray[Any],
    validation_labels: Labels,
    *,
    penalties: Sequence[float] = PENALTIES,
) -> Probe:
    """Fit a linear probe, its penalty chosen on validation data.

    Parameters
    ----------
    train_features, validation_features : ndarray, shape (N, D)
        Embeddings.
    train_labels, validation_labels : ndarray of int64, shape (N,)
        Class numbers.
    penalties : sequence of float, default six from 1e-4 to 10
        Values of C to choose from; the smallest of the best is taken.

    Returns
    -------
    probe : Probe
        The probe with the best Matthews correlation on validation data.

    Raises
    ------
    LabelError
        If the training labels are all the same, or not as many as the features.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(60) % 2
    >>> features = rng.normal(size=(60, 3)) + 3 * labels[:, None]
    >>> linear_probe(features[:40], labels[:40], features[40:], labels[40:]).validation_score
    1.0
    """
    _check_labels(train_features, train_labels)
    _check_labels(validation_features, validation_labels, several=False)
    fitted, scores = {}, {}
    for penalty in sorted(penalties):
        classifier = LogisticRegression(C=penalty, solver="newton-cholesky", max_iter=1000)
        model = make_pipeline(StandardScaler(), classifier)
        fitted[penalty] = model.fit(train_features, train_labels)
        predicted = model.predict(validation_features)
        is_one_class = len(np.unique(np.concatenate([validation_labels, predicted]))) == 1
        scores[penalty] = (  # a control task may deal one class alone: nothing to tell apart
            0.0 if is_one_class else float(matthews_corrcoef(validation_labels, predicted))
        )
    best = max(scores, key=lambda penalty: scores[penalty])
    return Probe(fitted[best], best, scores)


def _check_labels(features: npt.NDArray[Any], labels: Labels, *, several: bool = True) -> None:
    if len(features) != len(labels) or len(labels) == 0:
        raise LabelError(f"{len(features)} rows of features but {len(labels)} labels")
    if several and len(np.unique(labels)) < 2:
        raise LabelError(
            f"all {len(labels)} training examples are of class {labels[0]}, so there is nothing "
            "to tell apart; give examples of two classes or more"
        )


@dataclass(frozen=True)
class ControlTask:
    """A probe's score next to what the same probe does with labels that mean nothing.

    Parameters
    ----------
    score : float
        Matthews correlation on validation data with the true labels.
    control_score : float
        The same with random labels.
    control_train_score : float
        Matthews correlation on the training data with random labels: what the probe can memorise.
    """

    score: float
    control_score: float
    control_train_score: float

    @property
    def selectivity(self) -> float:
        """Score minus control score (Hewitt and Liang 2019, section 2)."""
        return self.score - self.control_score


def control_task(
    train_features: npt.NDArray[Any],
    train_labels: Labels,
    validation_features: npt.NDArray[Any],
    validation_labels: Labels,
    *,
    rng: np.random.Generator,
    types: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None,
) -> ControlTask:
    """Probe for the true labels, and for random ones.

    Parameters
    ----------
    train_features, train_labels, validation_features, validation_labels : ndarray
        As in `linear_probe`.
    rng : numpy.random.Generator
        Draws the random labels, with the frequencies of the true training labels.
    types : pair of ndarray, shapes (N_train,) and (N_validation,), optional
        A kind for each row (a first word, a homology cluster, …). Rows of one kind get the same
        random label, as in the paper, so that memorising kinds scores on validation data too.
        Without it every row is its own kind: the labels are shuffled.

    Returns
    -------
    control : ControlTask
        Both scores; their difference is the selectivity.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(200) % 2
    >>> features = rng.normal(size=(200, 3)) + 3 * labels[:, None]
    >>> parts = features[:100], labels[:100], features[100:], labels[100:]
    >>> control_task(*parts, rng=rng).selectivity > 0.5
    True
    """
    probe = linear_probe(train_features, train_labels, validation_features, validation_labels)
    if types is None:
        random_train = rng.permutation(train_labels)
        random_validation = rng.permutation(validation_labels)
    else:
        random_train, random_validation = control_labels(types, train_labels, rng=rng)
    control = linear_probe(train_features, random_train, validation_features, random_validation)
    memorised = matthews_corrcoef(random_train, control.predict(train_features))
    return ControlTask(probe.validation_score, control.validation_score, float(memorised))


def control_labels(
    types: Sequence[npt.NDArray[Any]], labels: Labels, *, rng: np.random.Generator
) -> list[Labels]:
    """Give every kind of row a random label, the same in all parts of a data set.

    Parameters
    ----------
    types : sequence of ndarray, shapes (N_1,), (N_2,), …
        A kind for each row of each part: training, validation, test.
    labels : ndarray of int64, shape (N,)
        Labels whose frequencies are kept, usually those of the training part.
    rng : numpy.random.Generator
        Draws the labels.

    Returns
    -------
    parts : list of ndarray of int64
        As many labels as rows, for each part.

    Examples
    --------
    >>> parts = np.array(["a", "b"]), np.array(["b", "a", "b"])
    >>> train, test = control_labels(parts, np.array([0, 1]), rng=np.random.default_rng(0))
    >>> bool(train[0] == test[1]), bool(train[1] == test[0])
    (True, True)
    """
    kinds, number = np.unique(np.concatenate(types), return_inverse=True)
    drawn: Labels = rng.choice(labels, size=len(kinds))[number]
    return np.split(drawn, np.cumsum([len(part) for part in types])[:-1])
