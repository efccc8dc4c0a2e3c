"""k-mer counts: how often each word of k bases occurs in each sequence.

Design choices

- A window is a number in base 4, the column of its word. Each row is sorted and its runs counted:
  sorting short rows of integers is what processors do fastest, and nothing of size 4**k is made.
- Windows of all word lengths lie side by side in one row, so that one count serves them all.
- Rows come in blocks that fit the cache, and land in one allocation for the whole result.
- The result is CSR from k = 5 on, where most of the 4**k columns are zero, and dense below.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import BaseEstimator, TransformerMixin

from hypecheck.sequences import ALPHABET, UNKNOWN, Codes, check_codes, reverse_complement

K_LARGEST = 12
_BASES_PER_BLOCK = 2**16
_NO_WORD = np.uint32(2**32 - 1)  # windows with an unknown base; above 4**12

Counts: TypeAlias = "npt.NDArray[np.float32] | scipy.sparse.csr_array"
Scaling: TypeAlias = Literal["sqrt", "count", "frequency", "binary"]


def count_kmers(
    codes: npt.ArrayLike, k: int, *, canonical: bool = False, sparse: bool | None = None
) -> Counts:
    """Count the words of `k` bases in each sequence.

    Parameters
    ----------
    codes : array_like of int, shape (N, L)
        Codes 0–4; windows with an unknown base are skipped.
    k : int
        Word length in bases, 1–12 and at most L.
    canonical : bool, default False
        Whether a word and its reverse complement are one word, named by the smaller of the two.
    sparse : bool, optional
        Whether the result is CSR; by default from ``k = 5`` on.

    Returns
    -------
    counts : ndarray or csr_array of float32, shape (N, n_words)
        Columns in the order of `kmer_names`: 4**k of them, or the canonical ones.

    Raises
    ------
    ValueError
        If `k` is outside 1–12 or longer than the sequences.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> count_kmers(encode(["AAAC", "NNTT"]), 1)
    array([[3., 1., 0., 0.],
           [0., 0., 0., 2.]], dtype=float32)
    >>> count_kmers(encode(["AAAC", "NNTT"]), 1, canonical=True)
    array([[3., 1.],
           [2., 0.]], dtype=float32)
    """
    return _count(codes, range(k, k + 1), canonical, sparse)


def count_kmers_upto(
    codes: npt.ArrayLike,
    k_max: int,
    *,
    k_min: int = 1,
    canonical: bool = False,
    sparse: bool | None = None,
) -> Counts:
    """Count the words of all lengths from `k_min` to `k_max`, side by side.

    Parameters
    ----------
    codes : array_like of int, shape (N, L)
        Codes 0–4; windows with an unknown base are skipped.
    k_max : int
        Longest word in bases, at most 12 and at most L.
    k_min : int, default 1
        Shortest word in bases.
    canonical : bool, default False
        Whether a word and its reverse complement are one word.
    sparse : bool, optional
        Whether the result is CSR; by default from ``k_max = 5`` on.

    Returns
    -------
    counts : ndarray or csr_array of float32, shape (N, n_words)
        First the columns of `k_min`, last those of `k_max`.

    Raises
    ------
    ValueError
        If a word length is outside 1–12 or longer than the sequences, or `k_min` exceeds `k_max`.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> count_kmers_upto(encode(["AAAC"]), 2)[0, :8]
    array([3., 1., 0., 0., 2., 1., 0., 0.], dtype=float32)
    """
    return _count(codes, range(k_min, k_max + 1), canonical, sparse)


def kmer_names(k: int, canonical: bool = False) -> list[str]:
    """Spell the words in the order of the columns of `count_kmers`.

    Parameters
    ----------
    k : int
        Word length in bases, 1–12.
    canonical : bool, default False
        Whether only the smaller of a word and its reverse complement is listed.

    Returns
    -------
    names : list of str
        In alphabetical order.

    Examples
    --------
    >>> kmer_names(1)
    ['A', 'C', 'G', 'T']
    >>> len(kmer_names(2)), kmer_names(2, canonical=True)
    (16, ['AA', 'AC', 'AG', 'AT', 'CA', 'CC', 'CG', 'GA', 'GC', 'TA'])
    """
    _check_sizes(range(k, k + 1))
    names = ("".join(word) for word in itertools.product(ALPHABET, repeat=k))
    return list(itertools.compress(names, _is_canonical(k))) if canonical else list(names)


class KmerCounts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn codes into k-mer features, as a scikit-learn transformer.

    Parameters
    ----------
    k : int or (int, int), default 6
        Word length, or the shortest and the longest.
    canonical : bool, default False
        Whether a word and its reverse complement are one feature.
    scaling : {"sqrt", "count", "frequency", "binary"}, default "sqrt"
        What becomes of a count: its square root (which makes the spread of a Poisson count about
        the same at every mean, so that no feature needs rescaling), the count, its share among
        the words of the same length in the sequence, or whether it is above zero.

    References
    ----------
    Bartlett (1936), "The square root transformation in analysis of variance", Supplement to the
    Journal of the Royal Statistical Society 3, 68–78.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> features = KmerCounts(k=(1, 2), scaling="frequency").fit(encode(["AAAC"]))
    >>> features.transform(encode(["AAAC"]))[0, :4]
    array([0.75, 0.25, 0.  , 0.  ], dtype=float32)
    >>> features.get_feature_names_out()[:5]
    array(['A', 'C', 'G', 'T', 'AA'], dtype=object)
    """

    def __init__(
        self, k: int | tuple[int, int] = 6, canonical: bool = False, scaling: Scaling = "sqrt"
    ) -> None:
        self.k = k
        self.canonical = canonical
        self.scaling = scaling

    def fit(self, X: npt.ArrayLike, y: object = None) -> KmerCounts:
        """Check the parameters against the sequences; nothing is learned.

        Parameters
        ----------
        X : array_like of int, shape (N, L)
            Codes 0–4.
        y : object, optional
            Not used.

        Returns
        -------
        self : KmerCounts
            The transformer itself.

        Raises
        ------
        ValueError
            If a parameter is out of range, or a word is longer than the sequences.
        """
        del y
        _check_sizes(self._sizes(), check_codes(X, ndim=2).shape[1])
        if self.scaling not in ("sqrt", "count", "frequency", "binary"):
            raise ValueError(
                f"scaling must be 'sqrt', 'count', 'frequency' or 'binary', got {self.scaling!r}"
            )
        return self

    def transform(self, X: npt.ArrayLike) -> Counts:
        """Count and scale.

        Parameters
        ----------
        X : array_like of int, shape (N, L)
            Codes 0–4.

        Returns
        -------
        features : ndarray or csr_array of float32, shape (N, n_words)
            CSR if the longest word has 5 bases or more.
        """
        counts = _count(X, self._sizes(), self.canonical, None)
        values = counts if isinstance(counts, np.ndarray) else counts.data
        if self.scaling == "sqrt":
            np.sqrt(values, out=values)
        elif self.scaling == "binary":
            np.sign(values, out=values)
        elif self.scaling == "frequency":
            return self._divide_by_totals(counts)
        return counts

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Spell the words, one for each column.

        Parameters
        ----------
        input_features : object, optional
            Not used.

        Returns
        -------
        names : ndarray of str
            In the order of the columns.
        """
        del input_features
        return np.array(
            [name for k in self._sizes() for name in kmer_names(k, self.canonical)], dtype=object
        )

    def _sizes(self) -> range:
        shortest, longest = self.k if isinstance(self.k, tuple) else (self.k, self.k)
        return range(shortest, longest + 1)

    def _divide_by_totals(self, counts: Counts) -> Counts:
        """Divide by the number of words of the same length in the same sequence."""
        widths = [_n_columns(k, self.canonical) for k in self._sizes()]
        which = np.repeat(np.arange(len(widths)), widths)
        member = scipy.sparse.csr_array(
            (np.ones(len(which), dtype=np.float32), which, np.arange(len(which) + 1))
        )  # (n_words, n_sizes)
        totals = np.maximum(_dense(counts @ member), 1)  # (N, n_sizes)
        if isinstance(counts, np.ndarray):
            return counts / totals[:, which]
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        counts.data /= totals[rows, which[counts.indices]]
        return counts


def _check_sizes(sizes: range, length: int | None = None) -> None:
    """Refuse word lengths that cannot be counted."""
    if not sizes or sizes[0] < 1 or sizes[-1] > K_LARGEST:
        raise ValueError(
            f"k must lie in 1-{K_LARGEST}, the shortest first, got {sizes.start} to "
            f"{sizes.stop - 1}; longer words are almost all unique, compare sequences instead"
        )
    if length is not None and sizes[-1] > length:
        raise ValueError(
            f"k = {sizes[-1]} is longer than the sequences, {length} bases; "
            f"choose k of at most {length}"
        )


def _n_columns(k: int, canonical: bool) -> int:
    """Count the words; of an even length, some are their own reverse complement."""
    own = 4 ** (k // 2) if k % 2 == 0 else 0
    return (4**k + own) // 2 if canonical else 4**k


def _dense(counts: Counts) -> npt.NDArray[np.float32]:
    return counts if isinstance(counts, np.ndarray) else counts.toarray()


def _count(codes: npt.ArrayLike, sizes: range, canonical: bool, sparse: bool | None) -> Counts:
    """Count block by block into arrays that are allocated once and shrunk at the end."""
    checked = check_codes(codes, ndim=2)
    n_sequences, length = checked.shape
    _check_sizes(sizes, length)
    widths = [_n_columns(k, canonical) for k in sizes]
    # runs in one row; each size may have one more, of windows with an unknown base
    longest = sum(min(length - k + 1, n + 1) for k, n in zip(sizes, widths, strict=True))
    most = n_sequences * longest
    indptr = np.zeros(n_sequences + 1, dtype=np.int32 if most < 2**31 else np.int64)
    columns = np.empty(most, dtype=np.uint32)
    values = np.empty(most, dtype=np.float32)
    n_rows = max(1, _BASES_PER_BLOCK // length)
    for first in range(0, n_sequences, n_rows):
        words = _sorted_words(checked[first : first + n_rows], sizes, canonical)
        start = indptr[first]
        ends = _write_runs(words, columns[start:], values[start:])
        indptr[first + 1 : first + n_rows + 1] = start + ends
    columns.resize(indptr[-1], refcheck=False)
    values.resize(indptr[-1], refcheck=False)
    matrix = scipy.sparse.csr_array(
        (values, columns.view(np.int32), indptr), shape=(n_sequences, sum(widths))
    )
    if sparse is None:
        sparse = sizes[-1] >= 5
    return matrix if sparse else matrix.toarray()


def _sorted_words(codes: Codes, sizes: range, canonical: bool) -> npt.NDArray[np.uint32]:
    """Write each row's windows of all sizes side by side as column numbers, each size sorted."""
    n_rows, length = codes.shape
    all_words = np.empty((n_rows, sum(length - k + 1 for k in sizes)), dtype=np.uint32)
    is_unknown = codes == UNKNOWN
    has_unknown = bool(is_unknown.any())
    known_codes = np.where(is_unknown, np.uint8(0), codes) if has_unknown else codes
    forward = _window_numbers(known_codes, sizes)
    other_strand = _window_numbers(reverse_complement(known_codes), sizes) if canonical else None
    place, first_column = 0, 0
    for k in sizes:
        words = next(forward)
        if other_strand is not None:  # its window at i is the window at L - k - i of this strand
            words = _canonical_ranks(k)[np.minimum(words, next(other_strand)[:, ::-1])]
        part = all_words[:, place : place + length - k + 1]
        np.add(words, np.uint32(first_column), out=part)
        if has_unknown:
            part[sliding_window_view(is_unknown, k, axis=1).any(axis=-1)] = _NO_WORD
        part.sort(axis=1)
        place += length - k + 1
        first_column += _n_columns(k, canonical)
    return all_words  # (n_rows, n_windows)


def _window_numbers(codes: Codes, sizes: range) -> Iterator[npt.NDArray[np.unsignedinteger[Any]]]:
    """Read the windows of each size as numbers in base 4, each size from the one before.

    All rows are one long row here, which is faster than many short ones; the windows that reach
    into the next row are cut off. Numbers are as narrow as their size allows: four bases a byte.
    """
    n_rows, length = codes.shape
    single = codes.ravel()
    numbers: npt.NDArray[np.unsignedinteger[Any]] = single
    for k in range(1, sizes[-1] + 1):
        if k > 1:
            numbers = numbers.astype(np.min_scalar_type(4**k - 1)) * np.uint8(4)
            numbers[: 1 - k] |= single[k - 1 :]
        if k in sizes:
            yield numbers.reshape(n_rows, length)[:, : length - k + 1]  # (N, L - k + 1)


def _write_runs(
    words: npt.NDArray[np.uint32],
    columns: npt.NDArray[np.uint32],
    values: npt.NDArray[np.float32],
) -> npt.NDArray[np.int64]:
    """Write the words and the lengths of their runs; return where each row ends in them."""
    n_rows, n_windows = words.shape
    flat = words.ravel()
    row_starts = np.arange(n_rows) * n_windows
    is_start = np.empty(flat.size + 1, dtype=np.bool_)
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:-1])
    is_start[row_starts] = True
    is_start[-1] = True  # where the last run ends
    starts = np.flatnonzero(is_start)
    n_runs = len(starts) - 1
    # clip lets numpy write straight into `out`; no index is out of range
    flat.take(starts[:-1], out=columns[:n_runs], mode="clip")
    np.subtract(starts[1:], starts[:-1], out=values[:n_runs], casting="unsafe")
    is_known = columns[:n_runs] != _NO_WORD
    if not is_known.all():
        known = np.flatnonzero(is_known)
        starts = starts[known]
        columns[: len(known)] = columns[known]
        values[: len(known)] = values[known]
    return np.searchsorted(starts, row_starts + n_windows)


@functools.lru_cache(maxsize=4)
def _canonical_ranks(k: int) -> npt.NDArray[np.uint32]:
    """Give the canonical words their column numbers; other words get meaningless ones."""
    ranks: npt.NDArray[np.uint32] = np.cumsum(_is_canonical(k), dtype=np.uint32) - np.uint32(1)
    ranks.flags.writeable = False
    return ranks


def _is_canonical(k: int) -> npt.NDArray[np.bool_]:
    """Mark the words that are no larger than their reverse complement."""
    words = np.arange(4**k, dtype=np.uint32)
    rest, other_strand = words.copy(), np.zeros_like(words)
    for _ in range(k):
        other_strand = other_strand * np.uint32(4) + (np.uint32(3) - rest % np.uint32(4))
        rest //= np.uint32(4)
    return words <= other_strand
