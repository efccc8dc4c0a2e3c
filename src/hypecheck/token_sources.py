"""Sources for matched ensembles: text, DNA, proteins, controls, and two worlds of equal entropy.

Design choices

- Every source is brought to the same number of tokens, whatever its letters are: blocks (a letter
  of text out of 64, three bases of DNA) or byte pairs learnt from the training part.
- Letters are dealt out in blocks, every tenth held out, before any vocabulary is fitted.
- A held-out window that shares a long run of tokens with the training part is dropped, and counted.
- The dial replaces a share of the letters of a text by letters drawn at random: the language stays,
  what can be learnt from its context goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from hypecheck.alphabets import sharing
from hypecheck.sequences import Codes
from hypecheck.token_statistics import TextBPE

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
N_TOKENS = 64
BLOCK = 1536  # letters dealt out together, a multiple of three
SHARED = 16  # tokens of a run that may not stand in the training part
_FIRST_CHARACTER = 192  # any letters serve for byte pairs


@dataclass(frozen=True, eq=False)
class TokenSource:
    """Tokens of one source in three parts.

    Attributes
    ----------
    train : ndarray of int64, shape (n_tokens,)
        Numbers below 64.
    validation, test : ndarray of int64, shape (N, length)
        Windows side by side.
    letters_per_token : float
        Mean number of letters (bases, residues) that a token of the test windows stands for.
    n_dropped : int
        Test windows left out because they share a run of tokens with the training part.
    """

    train: Ints
    validation: Ints
    test: Ints
    letters_per_token: float
    n_dropped: int


def common_characters(text: str, size: int = N_TOKENS) -> Codes:
    """Give the most frequent characters of a text numbers; all others share one.

    Parameters
    ----------
    text : str
        Any text.
    size : int, default 64
        Numbers 0 to ``size - 1``, the last for all other characters.

    Returns
    -------
    letters : ndarray of uint8, shape (L,)
        The text.

    Examples
    --------
    >>> common_characters("aabac", 3).tolist()
    [0, 0, 1, 0, 2]
    """
    raw = np.frombuffer(text.encode("latin-1", "replace"), dtype=np.uint8)
    most = np.argsort(-np.bincount(raw, minlength=256), kind="stable")[: size - 1]
    table = np.full(256, size - 1, dtype=np.uint8)
    table[most] = np.arange(size - 1)
    letters: Codes = table[raw]
    return letters


def turn_dial(letters: Codes, share: float, alphabet_size: int, rng: np.random.Generator) -> Codes:
    """Replace a share of the letters by letters drawn at random, all equally likely.

    Parameters
    ----------
    letters : ndarray of uint8, shape (L,)
        Letters below `alphabet_size`.
    share : float
        0 to 1.
    alphabet_size : int
        Number of letters.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    degraded : ndarray of uint8, shape (L,)
        A letter may be replaced by itself.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> degraded = turn_dial(np.zeros(10_000, np.uint8), 0.6, 4, rng)
    >>> round(float((degraded > 0).mean()), 1)
    0.4
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    drawn = rng.integers(alphabet_size, size=letters.shape).astype(np.uint8)
    return np.where(rng.random(letters.shape) < share, drawn, letters)


def block_source(
    letters: Codes, alphabet_size: int, width: int, *, length: int, n_tokens: int
) -> TokenSource:
    """Cut letters into blocks of fixed width, each a token.

    Parameters
    ----------
    letters : ndarray of uint8, shape (L,)
        Letters below `alphabet_size`.
    alphabet_size, width : int
        ``alphabet_size ** width`` is the number of tokens.
    length : int
        Tokens of a window.
    n_tokens : int
        Most training tokens.

    Returns
    -------
    source : TokenSource
        Its tokens count the first letter of a block most.

    Examples
    --------
    >>> letters = np.random.default_rng(0).integers(4, size=60_000).astype(np.uint8)
    >>> source = block_source(letters, 4, 3, length=32, n_tokens=10_000)
    >>> source.train.shape, source.test.shape, source.letters_per_token
    ((10000,), (16, 32), 3.0)
    """
    powers = alphabet_size ** np.arange(width)[::-1]
    dealt = [
        [part[: len(part) // width * width].reshape(-1, width) @ powers for part in some]
        for some in _deal(letters)
    ]
    return _source(dealt, float(width), length, n_tokens)


def pair_source(letters: Codes, *, length: int, n_tokens: int) -> TokenSource:
    """Cut letters by byte pairs that are learnt from the training part.

    Parameters
    ----------
    letters : ndarray of uint8, shape (L,)
        Letters below 64.
    length : int
        Tokens of a window.
    n_tokens : int
        Most training tokens.

    Returns
    -------
    source : TokenSource
        With 64 tokens.

    Raises
    ------
    ValueError
        If the held-out letters hold one that the training part lacks.

    Examples
    --------
    >>> letters = np.random.default_rng(0).integers(4, size=60_000).astype(np.uint8)
    >>> pair_source(letters, length=32, n_tokens=10_000).letters_per_token > 2
    True
    """
    documents = [[_spelled(part) for part in some] for some in _deal(letters)]
    pairs = TextBPE(N_TOKENS + 1).fit(documents[0])  # one id is for unknown letters
    dealt = [[ids - 1 for ids in pairs.encode_batch(some)] for some in documents]
    if min(int(ids.min()) for some in dealt for ids in some) < 0:
        raise ValueError("a held-out letter never stands in the training part; give more letters")
    per_token = sum(map(len, documents[2])) / sum(map(len, dealt[2]))
    return _source(dealt, per_token, length, n_tokens)


def shuffled_source(source: TokenSource, rng: np.random.Generator) -> TokenSource:
    """Shuffle the tokens of each part: their frequencies stay, their context goes.

    Parameters
    ----------
    source : TokenSource
        Any.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    shuffled : TokenSource
        The same tokens in another order.
    """
    train, validation, test = (
        rng.permutation(part.ravel()).reshape(part.shape)
        for part in (source.train, source.validation, source.test)
    )
    return TokenSource(train, validation, test, source.letters_per_token, 0)


@dataclass(frozen=True)
class EqualRate:
    """Rows from one of two worlds with the same entropy rate and the same frequencies.

    In the world of copies all tokens are drawn evenly, but the last ones of a row repeat earlier
    ones exactly. In the diffuse world every token leans a little on the one before it.

    Parameters
    ----------
    length : int, default 32
        Tokens of a row.
    n_copied : int, default 8
        Tokens at the end of a row that are copies, in the world of copies.
    distance : int, default 20
        From a copy back to what it repeats.
    """

    length: int = 32
    n_copied: int = 8
    distance: int = 20

    @property
    def rate(self) -> float:
        """Bits per token after the first of a row, in both worlds."""
        return float(np.log2(N_TOKENS)) * (self.length - 1 - self.n_copied) / (self.length - 1)

    def copies(self, n_rows: int, rng: np.random.Generator) -> Ints:
        """Draw rows that end with exact copies.

        Parameters
        ----------
        n_rows : int
            How many.
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        rows : ndarray of int64, shape (n_rows, length)
            Tokens.

        Raises
        ------
        ValueError
            If the copies reach back beyond the start of the row.

        Examples
        --------
        >>> row = EqualRate(6, 2, 3).copies(1, np.random.default_rng(0))[0]
        >>> bool((row[4:] == row[1:3]).all())
        True
        """
        first = self.length - self.n_copied
        if not self.n_copied <= self.distance <= first:
            raise ValueError(
                f"copies of {self.n_copied} tokens at distance {self.distance} do not fit into "
                f"rows of {self.length}"
            )
        rows = rng.integers(N_TOKENS, size=(n_rows, self.length))
        rows[:, first:] = rows[:, first - self.distance : self.length - self.distance]
        return rows

    def diffuse(self, n_rows: int, rng: np.random.Generator) -> Ints:
        """Draw rows in which every token leans on the one before.

        Parameters
        ----------
        n_rows : int
            How many.
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        rows : ndarray of int64, shape (n_rows, length)
            Tokens.

        Examples
        --------
        >>> EqualRate().diffuse(2, np.random.default_rng(0)).shape
        (2, 32)
        """
        follows = np.random.default_rng(64).permutation(N_TOKENS)  # the world, not the draw
        steps = rng.choice(N_TOKENS, size=(n_rows, self.length), p=_falling(self.rate))
        rows = np.empty((n_rows, self.length), dtype=np.int64)
        rows[:, 0] = rng.integers(N_TOKENS, size=n_rows)
        for place in range(1, self.length):
            rows[:, place] = (follows[rows[:, place - 1]] + steps[:, place]) % N_TOKENS
        return rows


def _falling(bits: float) -> Floats:
    """Probabilities that fall geometrically and have the entropy asked for."""

    def of(steepness: float) -> Floats:
        weights = np.exp(-steepness * np.arange(N_TOKENS))
        return np.asarray(weights / weights.sum())

    def excess(steepness: float) -> float:
        p = of(steepness)
        return float(-(p * np.log2(p)).sum()) - bits

    return of(float(brentq(excess, 1e-6, 5.0)))


def _spelled(letters: Codes) -> str:
    return "".join(map(chr, _FIRST_CHARACTER + letters.astype(np.int64)))


def _deal(letters: Codes) -> tuple[list[Codes], list[Codes], list[Codes]]:
    """Deal blocks out: of every twenty, one for validation and one for the test."""
    rows = letters[: len(letters) // BLOCK * BLOCK].reshape(-1, BLOCK)
    turn = np.arange(len(rows)) % 20
    if len(rows) < 20:
        raise ValueError(f"{len(letters)} letters are too few; give {20 * BLOCK} or more")
    return list(rows[~np.isin(turn, (9, 19))]), list(rows[turn == 9]), list(rows[turn == 19])


def _source(
    dealt: Sequence[Sequence[Ints]], per_token: float, length: int, n_tokens: int
) -> TokenSource:
    train = np.concatenate(dealt[0])[:n_tokens].astype(np.int64)
    validation, test = (
        np.concatenate([ids[: len(ids) // length * length].reshape(-1, length) for ids in some])
        for some in dealt[1:]
    )
    codes = train[None].astype(np.uint8)
    shares = sharing(codes, test.astype(np.uint8), min(SHARED, length))
    return TokenSource(
        train,
        validation.astype(np.int64),
        test[~shares].astype(np.int64),
        per_token,
        int(shares.sum()),
    )
