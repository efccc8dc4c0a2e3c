"""Markov models of any order with interpolated back-off: the floor under every language model.

Design choices

- Each symbol is predicted from the ``order`` symbols before it, and each order leans on the one
  below as much as its contexts are rich in followers (Witten and Bell 1991). No constant is tuned.
- A symbol with a shorter past (at a start, or after an unknown base) is predicted from what is
  there, so that nothing has to be thrown away.
- All sequences are one stream with a separator before each, which counts as an unknown symbol: a
  context never reaches over it, and thousands of short rows cost no more than one long one.
- Windows are numbers in base ``alphabet_size``. Counts of all orders come from one pass: every
  position is counted at its longest context, and sums over the oldest symbol give the rest.
- Small tables are dense. Where there would be more than `DENSE_CELLS` cells (long contexts, text,
  proteins), only the windows that occur are kept.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Symbols: TypeAlias = npt.NDArray[np.uint8]
Numbers: TypeAlias = npt.NDArray[np.int64]
Unsigned: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]
Floats: TypeAlias = npt.NDArray[np.float64]

DENSE_CELLS = 2**22
_CHUNK = 2**17  # symbols at a time, so that the numbers of a chunk stay in the cache
_SEPARATOR = 255


class MarkovModel:
    """Predict each symbol from the ones before it, with interpolated back-off.

    Parameters
    ----------
    order : int, default 3
        Symbols of context.
    alphabet_size : int, default 4
        Symbols are 0 … ``alphabet_size`` - 1; larger codes are unknown and are skipped.
    strength : float, default 1
        How much each order leans on the one below; 1 is Witten and Bell's. On DNA, where every
        long context is followed by all four bases, about 4 does better beyond order 8.

    Attributes
    ----------
    n_symbols_ : int
        Known symbols that the model was fitted to.

    Raises
    ------
    ValueError
        If the order is negative or too long for windows to be numbered in 63 bits.

    Notes
    -----
    With c(w) the count of a context w, c(wb) of w followed by b, and T(w) the number of different
    symbols seen after w,

        P(b | w) = (c(wb) + s T(w) P(b | w')) / (c(w) + s T(w)),

    where s is the strength and w' is w without its oldest symbol; below order 0 stands 1 / A.

    References
    ----------
    Witten and Bell (1991), "The zero-frequency problem", IEEE Transactions on Information Theory
    37, 1085–1094, method C; interpolated as in Chen and Goodman (1999), section 2.5.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> model = MarkovModel(order=1).fit(encode("ACACACAC"))
    >>> round(model.score(encode("ACAC")), 2), round(model.score(encode("AAAA")), 2)
    (0.43, 2.89)
    """

    def __init__(self, order: int = 3, alphabet_size: int = 4, *, strength: float = 1.0) -> None:
        if order < 0 or not 2 <= alphabet_size <= _SEPARATOR:
            raise ValueError(
                f"order must be 0 or more and the alphabet 2 to {_SEPARATOR} symbols, "
                f"got order {order} and {alphabet_size} symbols"
            )
        if (order + 1) * np.log2(alphabet_size) >= 63:
            raise ValueError(
                f"order {order} over {alphabet_size} symbols needs numbers beyond 63 bits; "
                f"choose an order below {int(63 / np.log2(alphabet_size)) - 1}"
            )
        self.order = order
        self.alphabet_size = alphabet_size
        self.strength = strength

    def fit(self, codes: npt.ArrayLike | Sequence[npt.ArrayLike]) -> MarkovModel:
        """Count the windows of every order.

        Parameters
        ----------
        codes : array_like of int, shape (L,) or (N, L), or a sequence of shapes (L,)
            Symbols; rows and list items are separate sequences.

        Returns
        -------
        self : MarkovModel
            Fitted.

        Raises
        ------
        ValueError
            If no known symbol is there.
        """
        most = [_Counts(self.alphabet_size, order) for order in range(self.order + 1)]
        for windows, depths in self._windows(_stream(codes)):
            if depths is None:
                most[self.order].add(windows)
                continue
            for order in range(self.order + 1):
                ended = windows[depths == order].astype(np.int64)
                most[order].add(ended % self.alphabet_size ** (order + 1))
        for order in range(self.order, 0, -1):
            most[order - 1].absorb(most[order])
        if not most[0].total:
            raise ValueError("no known symbol to learn from; pass codes of at least one known base")
        self.n_symbols_ = most[0].total
        self._orders = most
        self.__dict__.pop("_table", None)
        return self

    def log2_probabilities(self, codes: npt.ArrayLike) -> Floats:
        """Predict every symbol of each sequence.

        Parameters
        ----------
        codes : array_like of int, shape (L,) or (N, L)
            Symbols.

        Returns
        -------
        log2_probs : ndarray, shape of `codes`
            log2 of the probability of each symbol (minus bits); NaN where it is unknown.
        """
        array = np.asarray(codes)
        stream = _stream(array)
        out = np.empty(stream.size)
        for number, (windows, depths) in enumerate(self._windows(stream)):
            place = number * _CHUNK
            out[place : place + len(windows)] = self._look_up(windows, depths)
        by_row = out.reshape(-1, array.shape[-1] + 1)  # one separator before each row
        return by_row[:, 1:].reshape(array.shape)

    def score(self, codes: npt.ArrayLike | Sequence[npt.ArrayLike]) -> float:
        """Return the mean loss.

        Parameters
        ----------
        codes : array_like of int, shape (L,) or (N, L), or a sequence of shapes (L,)
            Symbols.

        Returns
        -------
        bits : float
            Mean of -log2 P over the known symbols: bits per symbol (per base for DNA).

        Raises
        ------
        ValueError
            If no known symbol is there.
        """
        total, n = 0.0, 0
        for windows, depths in self._windows(_stream(codes)):
            if depths is not None:
                windows, depths = windows[depths >= 0], depths[depths >= 0]
            total -= float(self._look_up(windows, depths).sum())
            n += len(windows)
        if not n:
            raise ValueError("no known symbol to score; pass codes of at least one known base")
        return total / n

    def sample(self, length: int, rng: np.random.Generator) -> Symbols:
        """Draw one sequence.

        Parameters
        ----------
        length : int
            Number of symbols.
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        codes : ndarray of uint8, shape (length,)
            Symbols; the first ones from the shorter contexts that they have.
        """
        size, n_contexts = self.alphabet_size, self.alphabet_size**self.order
        rows: dict[tuple[int, int], list[float]] = {}
        drawn, context = np.empty(length, dtype=np.uint8), 0
        for place, chance in enumerate(rng.random(length).tolist()):
            key = (min(place, self.order), context)
            row = rows.get(key)
            if row is None:
                row = rows[key] = self._cumulative(*key)
            symbol = bisect_right(row, chance, 0, size - 1)
            drawn[place] = symbol
            context = (context * size + symbol) % n_contexts
        return drawn

    def _cumulative(self, depth: int, context: int) -> list[float]:
        windows = np.arange(self.alphabet_size, dtype=np.int64) + context * self.alphabet_size
        depths = np.full(self.alphabet_size, depth)
        cumulative: list[float] = np.cumsum(np.exp2(self._look_up(windows, depths))).tolist()
        return cumulative

    def _look_up(
        self, windows: Unsigned | Numbers, depths: npt.NDArray[np.integer[Any]] | None
    ) -> Floats:
        """Return log2 P of the last symbol of each window of ``depths + 1`` symbols."""
        size = self.alphabet_size
        dense = size ** (self.order + 1) <= DENSE_CELLS
        if dense and depths is None:
            return self._table[self.order].take(windows)
        windows = windows.astype(np.int64)
        if depths is None:
            depths = np.full(len(windows), self.order)
        if dense:
            probabilities = np.full(len(windows), np.nan)
            for order, table in enumerate(self._table):
                at = np.flatnonzero(depths == order)
                probabilities[at] = table[windows[at] % size ** (order + 1)]
            return probabilities
        probabilities = np.where(depths >= 0, 1.0 / size, np.nan)
        for order, counts in enumerate(self._orders):
            at = np.flatnonzero(depths >= order)
            shorter = windows[at] % size ** (order + 1)
            probabilities[at] = counts.interpolate(shorter, probabilities[at], self.strength)
        return np.log2(probabilities)

    @functools.cached_property
    def _table(self) -> list[Floats]:
        """Hold log2 P of every window, order by order."""
        tables, below = [], np.full(self.alphabet_size, 1.0 / self.alphabet_size)
        for order, counts in enumerate(self._orders):
            windows = np.arange(self.alphabet_size ** (order + 1))
            below = counts.interpolate(windows, below[windows % len(below)], self.strength)
            tables.append(np.log2(below))
        return tables

    def _windows(self, stream: Symbols) -> Iterator[tuple[Unsigned, npt.NDArray[np.int32] | None]]:
        """Yield, chunk by chunk, the window that ends at each symbol and its context's depth.

        Depth -1 marks an unknown symbol; None stands for full depth throughout.
        """
        for start in range(0, len(stream), _CHUNK):
            first = max(0, start - self.order)
            piece = stream[first : start + _CHUNK]
            windows, depths = self._number(piece), self._depths(piece)
            yield windows[start - first :], None if depths is None else depths[start - first :]

    def _number(self, piece: Symbols) -> Unsigned:
        """Give the windows numbers, in the narrowest type that holds their length."""
        size = self.alphabet_size
        digits = np.where(piece >= size, np.uint8(0), piece)
        windows: Unsigned = digits
        for length in range(2, self.order + 2):
            kind = np.min_scalar_type(size**length - 1).type
            longer = np.zeros(len(piece), dtype=kind)
            np.multiply(windows[:-1], kind(size), out=longer[1:])
            longer += digits
            windows = longer
        return windows

    def _depths(self, piece: Symbols) -> npt.NDArray[np.int32] | None:
        """Count the known symbols just before each symbol, `order` at most."""
        unknown = piece >= self.alphabet_size
        if not unknown.any():
            return None
        positions = np.arange(len(piece), dtype=np.int32)
        last = np.maximum.accumulate(np.where(unknown, positions, np.int32(-1)))
        return np.minimum(positions - last - np.int32(1), np.int32(self.order))


class _Counts:
    """Counts of the windows of one order, dense or only those that occur."""

    def __init__(self, alphabet_size: int, order: int) -> None:
        self.alphabet_size = alphabet_size
        self.cells = alphabet_size ** (order + 1)
        self.dense = self.cells <= DENSE_CELLS
        self.total = 0
        self.counts: Numbers = np.zeros(self.cells if self.dense else 0, dtype=np.int64)
        self.windows: Numbers = np.zeros(0, dtype=np.int64)
        self._waiting: list[Numbers] = []

    def add(self, windows: Unsigned | Numbers) -> None:
        self.total += len(windows)
        if self.dense:
            if self.cells > len(windows) * 8:
                np.add.at(self.counts, windows, 1)
            else:
                self.counts += np.bincount(windows, minlength=self.cells)
        else:
            self._waiting.append(windows.astype(np.int64))

    def absorb(self, longer: _Counts) -> None:
        """Add the windows of the next order, each without its oldest symbol."""
        longer.settle()
        self.total += longer.total
        if self.dense and longer.dense:
            self.counts += longer.counts.reshape(self.alphabet_size, self.cells).sum(axis=0)
            return
        shorter = longer.windows % self.cells
        if self.dense:
            np.add.at(self.counts, shorter, longer.counts)
            return
        self._merge(np.concatenate([*self._waiting, shorter]), longer.counts)

    def settle(self) -> None:
        """Count what was added to a sparse table, once."""
        if not self.dense and self._waiting:
            self._merge(np.concatenate(self._waiting), np.zeros(0, dtype=np.int64))

    def _merge(self, windows: Numbers, tail_counts: Numbers) -> None:
        """Make the table from single windows, the last of which bring counts of their own."""
        weights = np.ones(len(windows), dtype=np.int64)
        weights[len(windows) - len(tail_counts) :] = tail_counts
        self.windows, place = np.unique(windows, return_inverse=True)
        self.counts = np.bincount(place, weights).astype(np.int64)
        self._waiting = []
        self.__dict__.pop("_contexts", None)

    def interpolate(self, windows: Numbers, below: Floats, strength: float) -> Floats:
        """Return P of each window's last symbol, given P at the order below."""
        seen, follow, kinds = self._evidence(windows)
        lean = strength * kinds
        mixed: Floats = np.where(
            follow > 0, (seen + lean * below) / np.maximum(follow + lean, 1), below
        )
        return mixed

    def _evidence(self, windows: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Return c(wb), c(w) and T(w) for each window."""
        contexts, follow, kinds = self._contexts
        if self.dense:
            at = windows // self.alphabet_size
            return self.counts[windows], follow[at], kinds[at]
        at = np.minimum(np.searchsorted(self.windows, windows), len(self.windows) - 1)
        seen = np.where(self.windows[at] == windows, self.counts[at], 0)
        wanted = windows // self.alphabet_size
        at = np.minimum(np.searchsorted(contexts, wanted), len(contexts) - 1)
        there = contexts[at] == wanted
        return seen, np.where(there, follow[at], 0), np.where(there, kinds[at], 0)

    @functools.cached_property
    def _contexts(self) -> tuple[Numbers, Numbers, Numbers]:
        """Hold the contexts, how often each was followed, and by how many different symbols."""
        self.settle()
        if self.dense:
            table = self.counts.reshape(-1, self.alphabet_size)
            return np.arange(len(table)), table.sum(axis=1), (table > 0).sum(axis=1)
        contexts, place = np.unique(self.windows // self.alphabet_size, return_inverse=True)
        follow = np.bincount(place, self.counts).astype(np.int64)
        return contexts, follow, np.bincount(place)


def _stream(codes: npt.ArrayLike | Sequence[npt.ArrayLike]) -> Symbols:
    """Join the separate sequences into one, a separator before each."""
    if isinstance(codes, (list, tuple)) and codes and np.ndim(codes[0]) == 1:
        parts = [_symbols(one) for one in codes]
        separator = np.array([_SEPARATOR], dtype=np.uint8)
        return np.concatenate([piece for part in parts for piece in (separator, part)])
    array = _symbols(np.asarray(codes))
    if array.ndim not in (1, 2):
        raise ValueError(f"codes have {array.ndim} axes; pass (L,), (N, L), or a list of (L,)")
    rows = array if array.ndim == 2 else array[None]
    return np.pad(rows, ((0, 0), (1, 0)), constant_values=_SEPARATOR).ravel()


def _symbols(codes: npt.ArrayLike) -> Symbols:
    """Return one array of symbols, refusing what would change its value."""
    array = np.asarray(codes)
    if array.size and (array.dtype.kind not in "ui" or array.min() < 0 or array.max() > 255):
        raise ValueError(
            f"symbols must be integers 0-255, got {array.dtype} from {array.min()} to "
            f"{array.max()}; number the letters first"
        )
    return array.astype(np.uint8, copy=False)
