"""A head belongs to one version of a model: a fingerprint says which.

Two trainings of one recipe give vectors of the same shape and another meaning, so a head of the
one runs on the other without an error. A fingerprint of the weights, kept with the head, turns the
silent loss into an error.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hypecheck.embeddings import Probe, embed_sequences, linear_probe
from hypecheck.models import Transformer
from hypecheck.sequences import Codes, LabelledSequences
from hypecheck.tokenizers import Tokenizer


class VersionMismatchError(ValueError):
    """A head met a version of its model that it was not trained on."""


def fingerprint(model: Transformer) -> str:
    """Give sixteen characters that change when any weight does.

    Parameters
    ----------
    model : Transformer
        The model.

    Returns
    -------
    digest : str
        Start of the SHA-256 of names and numbers of all weights.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> one, same, other = (Transformer(TransformerConfig(7, d_model=8), seed=s) for s in (0, 0, 1))
    >>> fingerprint(one) == fingerprint(same), fingerprint(one) == fingerprint(other)
    (True, False)
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class VersionedHead:
    """A linear head, and the fingerprint of the model whose vectors it was trained on.

    Parameters
    ----------
    probe : Probe
        The head.
    tokenizer : Tokenizer
        The model's.
    made_for : str
        From `fingerprint`.
    """

    probe: Probe
    tokenizer: Tokenizer
    made_for: str

    def predict(
        self, model: Transformer, codes: Codes, *, check: bool = True
    ) -> npt.NDArray[np.int64]:
        """Predict classes from a model's vectors.

        Parameters
        ----------
        model : Transformer
            The version at hand.
        codes : ndarray of uint8, shape (N, L)
            Sequences.
        check : bool, default True
            Compare the fingerprints first; without it, a wrong version goes unnoticed.

        Returns
        -------
        classes : ndarray of int64, shape (N,)

        Raises
        ------
        VersionMismatchError
            If the model is another one than the head was made for.
        """
        if check and fingerprint(model) != self.made_for:
            raise VersionMismatchError(
                f"the head was made for model {self.made_for}, this one is {fingerprint(model)}; "
                "train the head again, or load the model that it was made for"
            )
        return self.probe.predict(embed_sequences(model, self.tokenizer, codes))


def train_head(
    model: Transformer,
    tokenizer: Tokenizer,
    train: LabelledSequences,
    validation: LabelledSequences,
) -> VersionedHead:
    """Train a head on a model's frozen vectors, and keep the model's fingerprint with it.

    Parameters
    ----------
    model : Transformer
        Frozen.
    tokenizer : Tokenizer
        Its tokenizer.
    train, validation : LabelledSequences
        To learn from, and to choose the penalty by.

    Returns
    -------
    head : VersionedHead

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> from hypecheck.tokenizers import CharTokenizer
    >>> codes = np.repeat([[0], [3]], 20, axis=0).repeat(12, axis=1).astype(np.uint8)
    >>> rows = LabelledSequences(codes, np.repeat([0, 1], 20))
    >>> first, second = (Transformer(TransformerConfig(7, d_model=8), seed=s) for s in (0, 1))
    >>> head = train_head(first, CharTokenizer(), rows, rows)
    >>> head.predict(first, codes[[0, -1]]).tolist()
    [0, 1]
    >>> head.predict(second, codes)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    hypecheck.versions.VersionMismatchError: the head was made for model ...
    """
    vectors = [embed_sequences(model, tokenizer, part.codes) for part in (train, validation)]
    labels = [part.labels.astype(np.int64) for part in (train, validation)]
    fitted = linear_probe(vectors[0], labels[0], vectors[1], labels[1])
    return VersionedHead(fitted, tokenizer, fingerprint(model))
