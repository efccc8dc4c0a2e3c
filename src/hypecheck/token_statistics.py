"""What a choice of tokens does: masks that hide little, edits, strands, code lengths, ranks.

Design choices

- Everything is counted on the tokens that a tokenizer really makes, never by a formula.
- Windows keep their length under an edit, as the input of a model does: an inserted base pushes the
  last one out.
- Code lengths are bits per letter: a code over tokens is fitted on one part and pays for another,
  so that tokenizers with different tokens can be compared.
- Counts of a rank curve are kept by window, so that windows can be resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import tokenizers as huggingface

from hypecheck.sequences import Codes, decode
from hypecheck.tokenizers import Ids, KmerTokenizer, Tokenizer, share_changed

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]


class TextBPE:
    """Byte-pair encoding of any letters, by Hugging Face's trainer: no words, no normalisation.

    Parameters
    ----------
    vocab_size : int, default 512
        Number of ids wanted, the letters included.

    Examples
    --------
    >>> tokens = TextBPE(vocab_size=6).fit(["to be or", "not to be"])
    >>> [len(ids) for ids in tokens.encode_batch(["to be"])]
    [5]
    """

    def __init__(self, vocab_size: int = 512) -> None:
        self.vocab_size = vocab_size
        self._model: Any = huggingface.Tokenizer(huggingface.models.BPE(unk_token="[UNK]"))

    def fit(self, documents: Sequence[str]) -> Self:
        """Learn letters and merges.

        Parameters
        ----------
        documents : sequence of str
            Text; nothing is merged across the border of a document.

        Returns
        -------
        self : TextBPE
            Fitted; a letter that it never saw will be one unknown token.
        """
        trainer = huggingface.trainers.BpeTrainer(
            vocab_size=self.vocab_size, special_tokens=["[UNK]"], show_progress=False
        )
        self._model.train_from_iterator(documents, trainer)
        self.vocab_size = self._model.get_vocab_size()
        return self

    def encode_batch(self, documents: Sequence[str]) -> list[Ids]:
        """Turn texts into ids.

        Parameters
        ----------
        documents : sequence of str
            Text.

        Returns
        -------
        token_ids : list of ndarray of int64
            One array for each document.
        """
        return [np.array(one.ids, dtype=np.int64) for one in self._model.encode_batch(documents)]


def windows_of(codes: Codes, length: int) -> list[str]:
    """Cut a chromosome into windows that touch but do not overlap; those with unknown bases go.

    Parameters
    ----------
    codes : ndarray of uint8, shape (L,)
        Bases.
    length : int
        Bases of a window; a shorter rest is dropped.

    Returns
    -------
    windows : list of str
        DNA letters.

    Examples
    --------
    >>> windows_of(np.array([0, 1, 2, 3, 4, 0, 0], dtype=np.uint8), 2)
    ['AC', 'GT']
    """
    rows = codes[: len(codes) // length * length].reshape(-1, length)
    return list(decode(rows[(rows < 4).all(axis=1)]))


def given_away(tokenizer: KmerTokenizer, sequence: str, masked: Flags) -> Flags:
    """Tell which masked k-mers their visible neighbours spell out completely.

    Parameters
    ----------
    tokenizer : KmerTokenizer
        Overlapping or not.
    sequence : str
        DNA letters.
    masked : ndarray of bool, shape (T,)
        Which tokens are hidden.

    Returns
    -------
    known : ndarray of bool, shape (number of masked tokens,)
        Whether the letters under the visible tokens determine each hidden one.

    Examples
    --------
    >>> hidden = np.array([False, True, False])
    >>> given_away(KmerTokenizer(3, stride=1), "ACGTA", hidden)
    array([ True])
    >>> given_away(KmerTokenizer(3, stride=3), "ACGTAACCC", hidden)
    array([False])
    """
    ids = tokenizer.encode(sequence)
    seen = tokenizer.encode(tokenizer.decode(np.where(masked, tokenizer.mask_id, ids)))
    known: Flags = seen[masked] == ids[masked]
    return known


def hidden_bases(tokenizer: KmerTokenizer, sequence: str, first: int, n_masked: int) -> int:
    """Count the bases that nothing visible tells, under a run of masked tokens.

    Parameters
    ----------
    tokenizer : KmerTokenizer
        Overlapping or not.
    sequence : str
        DNA letters without N.
    first, n_masked : int
        First masked token, and how many stand in a row.

    Returns
    -------
    n_hidden : int
        Bases that cannot be read off the visible tokens.

    Examples
    --------
    >>> [hidden_bases(KmerTokenizer(3), "ACGTACGTACGT", 4, n) for n in (1, 2, 3, 4)]
    [0, 0, 1, 2]
    """
    ids = tokenizer.encode(sequence)
    ids[first : first + n_masked] = tokenizer.mask_id
    return tokenizer.decode(ids).count("N")


def insert_base(sequence: str, place: int, base: str) -> str:
    """Insert a base and drop the last one, so that the window keeps its length.

    Parameters
    ----------
    sequence : str
        DNA letters.
    place : int
        Number of letters before the new one.
    base : str
        The new letter.

    Returns
    -------
    edited : str
        As long as before.

    Examples
    --------
    >>> insert_base("AACC", 2, "G")
    'AAGC'
    """
    return sequence[:place] + base + sequence[place : len(sequence) - 1]


def insertion_changed(
    tokenizer: Tokenizer,
    windows: Sequence[str],
    rng: np.random.Generator,
    *,
    by: Literal["position", "bag"],
) -> Floats:
    """Measure, window by window, what one inserted base near the start changes.

    Parameters
    ----------
    tokenizer : Tokenizer
        Fitted.
    windows : sequence of str
        DNA letters, twenty or more a window.
    rng : numpy.random.Generator
        Draws the place, among the second ten bases, and the new base; give each tokenizer a
        generator of the same seed and they get the same edits.
    by : {"position", "bag"}
        As in `hypecheck.tokenizers.share_changed`.

    Returns
    -------
    changed : ndarray, shape (N,)
        Share of the tokens that changed.

    Examples
    --------
    >>> blocks = KmerTokenizer(k=6, stride=6)
    >>> insertion_changed(blocks, ["ACGTTGCAGT" * 6], np.random.default_rng(0), by="position")
    array([0.7])
    """
    places = rng.integers(10, 20, len(windows)).tolist()
    bases = rng.choice(list("ACGT"), len(windows)).tolist()
    edited = [insert_base(*edit) for edit in zip(windows, places, bases, strict=True)]
    pairs = zip(tokenizer.encode_batch(windows), tokenizer.encode_batch(edited), strict=True)
    return np.array([share_changed(before, after, by=by) for before, after in pairs])


def token_costs(documents: Sequence[Ids], vocab_size: int) -> Floats:
    """Fit the code that knows how often each token occurs, and nothing of its neighbours.

    Parameters
    ----------
    documents : sequence of ndarray of int
        Training tokens.
    vocab_size : int
        Number of ids; each is counted half a time more than it occurs.

    Returns
    -------
    bits : ndarray, shape (vocab_size,)
        Length of the code word of each token.

    Examples
    --------
    >>> token_costs([np.array([0, 0, 0, 1])], vocab_size=2).round(2)
    array([0.51, 1.74])
    """
    counts = np.bincount(np.concatenate(documents), minlength=vocab_size) + 0.5
    bits: Floats = -np.log2(counts / counts.sum())
    return bits


def bits_per_letter(costs: Floats, documents: Sequence[Ids], lengths: Sequence[int]) -> Floats:
    """Pay for tokens by a code, and share the bill among the letters.

    Parameters
    ----------
    costs : ndarray, shape (vocab_size,)
        From `token_costs`, fitted to other documents.
    documents : sequence of ndarray of int
        Tokens to be paid for.
    lengths : sequence of int
        Letters of each document.

    Returns
    -------
    bits : ndarray, shape (N,)
        Bits per letter of each document; of windows of one length, the mean is that of all.

    Examples
    --------
    >>> bits_per_letter(np.array([1.0, 3.0]), [np.array([0, 1]), np.array([0])], [4, 2])
    array([1. , 0.5])
    """
    paid = [costs[ids].sum() / n for ids, n in zip(documents, lengths, strict=True)]
    return np.array(paid)


def token_counts(documents: Sequence[Ids], vocab_size: int) -> Ids:
    """Count each token in each document.

    Parameters
    ----------
    documents : sequence of ndarray of int
        Tokens.
    vocab_size : int
        Number of ids.

    Returns
    -------
    counts : ndarray of int, shape (N, vocab_size)

    Examples
    --------
    >>> token_counts([np.array([0, 2, 2]), np.array([1])], vocab_size=3).tolist()
    [[1, 0, 2], [0, 1, 0]]
    """
    return np.stack([np.bincount(ids, minlength=vocab_size) for ids in documents])


def rank_slope(counts: npt.ArrayLike, *, first: int = 5) -> float:
    """Slope of log count on log rank: what is called Zipf's exponent, with its sign.

    Parameters
    ----------
    counts : array_like, shape (V,) or (N, V)
        How often each token occurs; rows are added up.
    first : int, default 5
        First rank of the fit; the last one is half the number of tokens that occur.

    Returns
    -------
    slope : float
        About -1 where count times rank is constant.

    Raises
    ------
    ValueError
        If fewer than four ranks are left.

    Examples
    --------
    >>> round(rank_slope(1 / np.arange(1, 101)), 3)
    -1.0
    """
    total = np.atleast_2d(counts).sum(axis=0)
    total = np.sort(total[total > 0])[::-1]
    last = len(total) // 2
    if last - first < 3:
        raise ValueError(f"{len(total)} tokens occur: too few for ranks {first} to {last}")
    ranks = np.arange(first, last + 1)
    return float(np.polyfit(np.log(ranks), np.log(total[first - 1 : last]), 1)[0])
