"""From letters to token ids: characters, k-mers and byte-pair encoding under one protocol.

Design choices, all of them tested

====================  =======================  ===========================  =======================
case                  characters               k-mers (stride s)            byte-pair encoding (BPE)
====================  =======================  ===========================  =======================
ids                   PAD 0, MASK 1, UNK 2,    the same three, then         the same three, A–T 3–6,
                      A C G T = 3–6            A C G T N = 3–7, then the    then one id per merge; a
                                               4**k k-mers, AA…A first      published file keeps its
                                                                            own ids
number of tokens      length L                 windows that fit, then one   depends on the sequence
                                               per base of the remainder
remainder             –                        bases behind the last        –
                                               window: single-base tokens
round trip (A C G T)  exact                    exact                        exact
ambiguous letter      UNK, read back as N      a window that holds one is   UNK, read back as N;
                                               UNK; a base comes back if    nothing merges across it
                                               some clean window has it,
                                               else N
lower case, U         read as upper case, T    the same                     the same
empty sequence        no tokens                no tokens                    no tokens
one base              one token                its single-base token        one token
                                               (k > 1)
reverse complement    tokens reversed, each    the same, if s divides       other tokens: BPE reads
                      complemented             L − k; else other windows    from the left
MASK or UNK decoded   N                        one window of N              N
PAD decoded           nothing                  nothing                      nothing
letter not in IUPAC   ValueError               ValueError                   ValueError
====================  =======================  ===========================  =======================

No tokenizer adds class or separator tokens. Bits per token of two tokenizers cannot be compared:
divide the summed loss by ``bases_per_token(ids).sum()``.

The BPE encoder and the file format are those of Hugging Face's ``tokenizers``; the trainer is our
:func:`hypecheck.bpe.train_bpe`, which learns the same merges as theirs.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt
import tokenizers as huggingface

from hypecheck.bpe import train_bpe
from hypecheck.sequences import ALPHABET, UNKNOWN, decode, encode, reverse_complement

Ids = npt.NDArray[np.int64]

SPECIAL_TOKENS = ("[PAD]", "[MASK]", "[UNK]")
PAD, MASK, UNK = range(3)
_FIRST = len(SPECIAL_TOKENS)  # id of the letter A
_MAX_TRAINED = 16_384  # the trainer's table of pairs would pass a gigabyte


class Tokenizer(Protocol):
    """What a tokenizer offers; see the module's table for what each one does at the borders.

    Attributes
    ----------
    pad_id, mask_id, unk_id : int
        Ids of the special tokens.
    vocab_size : int
        Number of ids, special ones included.
    """

    @property
    def pad_id(self) -> int:
        """Id that fills short rows."""
        return PAD

    @property
    def mask_id(self) -> int:
        """Id that hides a token from a model."""
        return MASK

    @property
    def unk_id(self) -> int:
        """Id of what cannot be spelt."""
        return UNK

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        ...

    def fit(self, sequences: Sequence[str]) -> Self:  # noqa: ARG002  (most have nothing to learn)
        """Learn the vocabulary from `sequences`, where there is one to learn.

        Parameters
        ----------
        sequences : sequence of str
            Training documents; use the training part of a split only.

        Returns
        -------
        self : Tokenizer
            The same object, fitted.
        """
        return self

    def encode(self, sequence: str) -> Ids:
        """Turn letters into ids.

        Parameters
        ----------
        sequence : str
            DNA letters.

        Returns
        -------
        token_ids : ndarray of int64, shape (T,)
            The tokens, in order.
        """
        ...

    def encode_batch(self, sequences: Sequence[str]) -> list[Ids]:
        """Turn many sequences into ids.

        Parameters
        ----------
        sequences : sequence of str
            DNA letters.

        Returns
        -------
        token_ids : list of ndarray of int64
            One array per sequence; their lengths may differ.
        """
        return [self.encode(sequence) for sequence in sequences]

    def decode(self, token_ids: npt.ArrayLike) -> str:
        """Turn ids back into letters.

        Parameters
        ----------
        token_ids : array_like of int, shape (T,)
            Ids of one sequence.

        Returns
        -------
        sequence : str
            DNA letters; N where the tokens do not say.
        """
        ...

    def bases_per_token(self, token_ids: npt.ArrayLike) -> Ids:
        """Count the bases that each token adds to the sequence.

        Parameters
        ----------
        token_ids : array_like of int, shape (T,)
            Ids of one sequence.

        Returns
        -------
        n_bases : ndarray of int64, shape (T,)
            They sum to the sequence's length, the denominator of bits per base. PAD adds 0.
        """
        ...


def _check_ids(token_ids: npt.ArrayLike, vocab_size: int) -> Ids:
    """Ids as an int64 vector, or a message."""
    ids = np.asarray(token_ids)
    if ids.size == 0:
        return np.zeros(0, dtype=np.int64)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(
            f"token ids must be integers with one axis, got {ids.dtype} of shape {ids.shape}; "
            "decode the rows of a batch one by one"
        )
    if ids.min() < 0 or ids.max() >= vocab_size:
        raise ValueError(
            f"token ids must lie in 0-{vocab_size - 1}, got {ids.min()} to {ids.max()}; "
            "decode with the tokenizer that encoded"
        )
    return ids.astype(np.int64, copy=False)


@dataclass(frozen=True)
class CharTokenizer(Tokenizer):
    """One token per base.

    Examples
    --------
    >>> tokenizer = CharTokenizer()
    >>> tokenizer.encode("ACGTN")
    array([3, 4, 5, 6, 2])
    >>> tokenizer.decode([3, 4, 5, 6, 2, 0])
    'ACGTN'
    """

    @property
    def vocab_size(self) -> int:
        """Three special tokens and four bases."""
        return _FIRST + len(ALPHABET)

    def encode(self, sequence: str) -> Ids:
        """Turn letters into ids; an ambiguous letter is UNK."""
        codes = encode(sequence)
        ids: Ids = np.where(codes == UNKNOWN, UNK, codes.astype(np.int64) + _FIRST)
        return ids

    def decode(self, token_ids: npt.ArrayLike) -> str:
        """Turn ids back into letters; MASK and UNK are N."""
        ids = _check_ids(token_ids, self.vocab_size)
        ids = ids[ids != PAD]
        return str(decode(np.where(ids < _FIRST, UNKNOWN, ids - _FIRST)))

    def bases_per_token(self, token_ids: npt.ArrayLike) -> Ids:
        """Count one base per token, none for PAD."""
        real: npt.NDArray[np.bool_] = _check_ids(token_ids, self.vocab_size) != PAD
        return real.astype(np.int64)


@dataclass(frozen=True)
class KmerTokenizer(Tokenizer):
    """Windows of k bases, one every `stride` bases; the number of tokens depends on length alone.

    ``stride=1`` gives overlapping k-mers (DNABERT), ``stride=k`` blocks. Blocks of the Nucleotide
    Transformer differ in one case: they spell a block that holds an N letter by letter.

    Parameters
    ----------
    k : int, default 6
        Bases per window, 1–12.
    stride : int, default 1
        Step from window to window, 1–k: a longer step would leave bases out.

    Raises
    ------
    ValueError
        If `k` or `stride` is out of range.

    Examples
    --------
    >>> blocks = KmerTokenizer(k=3, stride=3)
    >>> blocks.encode("AAAACGTT")  # AAA, ACG, then T and T by themselves
    array([ 8, 14,  6,  6])
    >>> blocks.decode([8, 14, 6, 6])
    'AAAACGTT'
    >>> KmerTokenizer(k=3, stride=1).encode("AAAAC").tolist()
    [8, 8, 9]
    """

    k: int = 6
    stride: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.k <= 12:
            raise ValueError(f"k must lie in 1-12 (4**12 is 17 million tokens), got {self.k}")
        if not 1 <= self.stride <= self.k:
            raise ValueError(
                f"stride must lie in 1-{self.k}, got {self.stride}; "
                "a step longer than k leaves bases out"
            )

    @property
    def vocab_size(self) -> int:
        """Special tokens, single bases with N, and all k-mers."""
        return self._first_kmer + (1 << 2 * self.k)

    @property
    def _first_kmer(self) -> int:
        return _FIRST + len(ALPHABET) + 1

    def encode(self, sequence: str) -> Ids:
        """Turn letters into ids: the windows, then the bases left over."""
        codes = encode(sequence)
        n_windows = max(0, (len(codes) - self.k) // self.stride + 1)
        starts = np.arange(n_windows) * self.stride
        number, unknown = np.zeros(n_windows, dtype=np.int64), np.zeros(n_windows, dtype=np.bool_)
        for offset in range(self.k):  # Horner: k-mers are numbers in base 4
            bases = codes[starts + offset]
            number = 4 * number + bases
            unknown |= bases == UNKNOWN
        windows = np.where(unknown, UNK, number + self._first_kmer)
        rest = codes[self._span(n_windows) :].astype(np.int64) + _FIRST
        return np.concatenate([windows, rest])

    def decode(self, token_ids: npt.ArrayLike) -> str:
        """Turn ids back into letters, laying the windows over one another."""
        windows, rest = self._split(token_ids)
        codes = np.full(self._span(len(windows)), UNKNOWN, dtype=np.int64)
        starts = np.arange(len(windows)) * self.stride
        clean = windows >= self._first_kmer
        for offset in range(self.k):
            place = self.k - 1 - offset  # its power of 4
            bases = np.where(clean, (windows - self._first_kmer) >> 2 * place & 3, UNKNOWN)
            before = codes[starts + offset]
            clash = (before < UNKNOWN) & (bases < UNKNOWN) & (before != bases)
            if clash.any():
                raise ValueError(
                    f"overlapping tokens disagree about base {starts[clash][0] + offset}; "
                    "ids that were not made by encode may spell no sequence"
                )
            codes[starts + offset] = np.minimum(before, bases)
        return str(decode(np.concatenate([codes, rest - _FIRST])))

    def bases_per_token(self, token_ids: npt.ArrayLike) -> Ids:
        """Count k bases for the first window, `stride` for the others, one per left-over base."""
        ids = _check_ids(token_ids, self.vocab_size)
        windows, _ = self._split(ids)
        n_bases = np.where(ids == PAD, 0, 1)
        window_at = np.flatnonzero(ids != PAD)[: len(windows)]
        n_bases[window_at] = self.stride
        n_bases[window_at[:1]] = self.k
        return n_bases

    def _span(self, n_windows: int) -> int:
        """Bases under so many windows."""
        return (n_windows - 1) * self.stride + self.k if n_windows else 0

    def _split(self, token_ids: npt.ArrayLike) -> tuple[Ids, Ids]:
        """Windows, and the single bases behind them; padding is dropped."""
        ids = _check_ids(token_ids, self.vocab_size)
        ids = ids[ids != PAD]
        single = (ids >= _FIRST) & (ids < self._first_kmer)
        n_windows = len(ids) - int(single.sum())
        if single[:n_windows].any():
            raise ValueError(
                f"token {int(single.argmax())} is a single base before a window; "
                "single bases stand only behind the last window"
            )
        return ids[:n_windows], ids[n_windows:]


class BPETokenizer(Tokenizer):
    """Byte-pair encoding: frequent neighbours become one token, again and again.

    Parameters
    ----------
    vocab_size : int, default 512
        Number of ids wanted, special ones included; fewer if the text runs out of pairs.

    Raises
    ------
    ValueError
        If `vocab_size` leaves no room for the letters, or is beyond the trainer's table.

    References
    ----------
    Sennrich, Haddow and Birch (2016), "Neural machine translation of rare words with subword
    units", ACL, algorithm 1.

    Examples
    --------
    >>> tokenizer = BPETokenizer(vocab_size=9).fit(["TATATATA", "GTATAC"])
    >>> [tokenizer.decode([i]) for i in tokenizer.encode("GTATATAC")]
    ['G', 'TATA', 'TA', 'C']
    >>> tokenizer.bases_per_token(tokenizer.encode("GTATATAC"))
    array([1, 4, 2, 1])
    """

    def __init__(self, vocab_size: int = 512) -> None:
        smallest = _FIRST + len(ALPHABET)
        if not smallest <= vocab_size <= _MAX_TRAINED:
            raise ValueError(
                f"vocab_size must lie in {smallest}-{_MAX_TRAINED}, got {vocab_size}; train larger "
                "vocabularies with tokenizers.trainers.BpeTrainer and load them with from_file"
            )
        self._wanted = vocab_size
        self._model: Any = None
        self._texts: list[str] = []
        self._special = dict(zip(SPECIAL_TOKENS, range(_FIRST), strict=True))

    @property
    def pad_id(self) -> int:
        """Id that fills short rows."""
        return self._special["[PAD]"]

    @property
    def mask_id(self) -> int:
        """Id that hides a token from a model."""
        return self._special["[MASK]"]

    @property
    def unk_id(self) -> int:
        """Id of an ambiguous base."""
        return self._special["[UNK]"]

    @property
    def vocab_size(self) -> int:
        """Number of ids; before training, the number wanted."""
        return len(self._texts) or self._wanted

    def fit(self, sequences: Sequence[str]) -> Self:
        """Learn the merges from documents that are kept apart."""
        merges = train_bpe(sequences, self._wanted - _FIRST - len(ALPHABET))
        tokens = [*SPECIAL_TOKENS, *ALPHABET, *(left + right for left, right in merges)]
        vocabulary = {token: number for number, token in enumerate(tokens)}
        model = huggingface.Tokenizer(
            huggingface.models.BPE(vocab=vocabulary, merges=merges, unk_token="[UNK]")
        )
        model.add_special_tokens(list(SPECIAL_TOKENS))
        self._use(model)
        return self

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Load a vocabulary in Hugging Face's ``tokenizer.json`` format, keeping its ids.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        tokenizer : BPETokenizer
            Ready to encode.

        Raises
        ------
        ValueError
            If the file holds no byte-pair encoding of DNA with the three special tokens.
        """
        text = Path(path).read_text(encoding="utf-8")
        try:
            model = json.loads(text)["model"]
            vocabulary = model["vocab"]
            model["merges"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is no tokenizer.json of a BPE model ({error!r}); "
                "save one with BPETokenizer.save or tokenizers.Tokenizer.save"
            ) from error
        missing = [token for token in (*SPECIAL_TOKENS, *ALPHABET) if token not in vocabulary]
        if missing:
            raise ValueError(
                f"{path} lacks the tokens {missing}; a DNA vocabulary needs the four letters and "
                f"{', '.join(SPECIAL_TOKENS)}"
            )
        tokenizer = cls()
        tokenizer._use(huggingface.Tokenizer.from_str(text))
        return tokenizer

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary as ``tokenizer.json``.

        Parameters
        ----------
        path : path
            The file to write.
        """
        self._trained().save(os.fspath(path))

    def encode(self, sequence: str) -> Ids:
        """Turn letters into ids, applying the merges in the order in which they were learnt."""
        return self.encode_batch([sequence])[0]

    def encode_batch(self, sequences: Sequence[str]) -> list[Ids]:
        """Turn many sequences into ids, in one call of the encoder."""
        letters = [str(decode(encode(sequence))) for sequence in sequences]  # checked, upper case
        encodings = self._trained().encode_batch(letters, add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]

    def decode(self, token_ids: npt.ArrayLike) -> str:
        """Turn ids back into letters; MASK and UNK are N, other special tokens nothing."""
        self._trained()
        return "".join(self._texts[i] for i in _check_ids(token_ids, self.vocab_size))

    def bases_per_token(self, token_ids: npt.ArrayLike) -> Ids:
        """Count the letters of each token; one for MASK and UNK."""
        self._trained()
        lengths = np.array([len(text) for text in self._texts], dtype=np.int64)
        return lengths[_check_ids(token_ids, self.vocab_size)]

    def _use(self, model: Any) -> None:
        """Take over a trained encoder, and note the letters that each id stands for."""
        model.no_truncation()
        model.no_padding()
        vocabulary = model.get_vocab()
        self._special = {token: vocabulary[token] for token in SPECIAL_TOKENS}
        self._texts = [""] * (max(vocabulary.values()) + 1)
        for token, number in vocabulary.items():
            if set(token) <= set(ALPHABET):
                self._texts[number] = token
        self._texts[self.mask_id] = self._texts[self.unk_id] = "N"
        self._model = model

    def _trained(self) -> Any:
        if self._model is None:
            raise ValueError("this BPETokenizer has no merges yet; call fit(sequences) first")
        return self._model


def share_changed(
    before: npt.ArrayLike, after: npt.ArrayLike, *, by: Literal["position", "bag"]
) -> float:
    """Share of tokens that an edit changed.

    Parameters
    ----------
    before, after : array_like of int or str, shape (T,) and (T',)
        Tokens of a sequence before and after the edit.
    by : {"position", "bag"}
        Compare token i with token i, or as multisets, regardless of place.

    Returns
    -------
    share : float
        Changed tokens over the number in the longer of the two; 0 if both are empty.

    Raises
    ------
    ValueError
        If `by` is another word.

    Examples
    --------
    >>> share_changed([5, 6, 7], [9, 5, 6, 7], by="position")
    1.0
    >>> share_changed([5, 6, 7], [9, 5, 6, 7], by="bag")
    0.25
    """
    first, second = np.asarray(before).tolist(), np.asarray(after).tolist()
    if by == "position":
        n_kept = sum(x == y for x, y in zip(first, second, strict=False))
    elif by == "bag":
        n_kept = (Counter(first) & Counter(second)).total()
    else:
        raise ValueError(f"by must be 'position' or 'bag', got {by!r}")
    longer = max(len(first), len(second))
    return 1 - n_kept / longer if longer else 0.0


def strand_changed(tokenizer: Tokenizer, sequence: str) -> float:
    """Share of tokens that the other strand does not have.

    The tokens of the reverse complement are compared, as a bag, with the reverse complements of the
    tokens: 0 means that both strands are cut at the same places.

    Parameters
    ----------
    tokenizer : Tokenizer
        Fitted.
    sequence : str
        DNA letters.

    Returns
    -------
    share : float
        Changed tokens over the number on the strand that has more; 0 if there are none.

    Examples
    --------
    >>> strand_changed(KmerTokenizer(k=3, stride=3), "AAACCC")
    0.0
    >>> strand_changed(KmerTokenizer(k=3, stride=3), "AAACCCG")  # the frame moves by one base
    1.0
    """
    other = _flip(sequence)
    expected = [_flip(tokenizer.decode([i])) for i in tokenizer.encode(sequence)]
    return share_changed(
        expected, [tokenizer.decode([i]) for i in tokenizer.encode(other)], by="bag"
    )


def _flip(sequence: str) -> str:
    """Reverse complement of letters."""
    return str(decode(reverse_complement(encode(sequence))))
