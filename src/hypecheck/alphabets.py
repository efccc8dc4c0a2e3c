"""Text, proteins and DNA as one kind of thing: small symbols, cut alike into windows.

Design choices

- English is brought to twenty-six letters and the space; a protein is translated from its annotated
  gene, so that DNA and protein of one organism stand beside each other without a second data set.
- Windows lie side by side. Of every ten blocks of windows one is for validation and one for the
  test, so that what is held out comes from all over, and no window straddles a border.
- A test window that shares a long word with a training window is dropped, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from hypecheck.sequences import Codes, reverse_complement

LETTERS = "abcdefghijklmnopqrstuvwxyz "
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
STOP = len(RESIDUES)
BLOCK = 8  # windows that go to one part together
_GENETIC_CODE = "KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF"


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of one kind of sequence in three parts.

    Attributes
    ----------
    alphabet_size : int
        Symbols are 0 … ``alphabet_size`` - 1.
    train, validation, test : ndarray of uint8, shape (N, length)
        Windows of known symbols only.
    test_block : ndarray of int64, shape (N_test,)
        Neighbouring windows share a block.
    n_dropped : int
        Test windows left out because they share a long word with a training window.
    """

    alphabet_size: int
    train: Codes
    validation: Codes
    test: Codes
    test_block: npt.NDArray[np.int64]
    n_dropped: int


def letters(text: str) -> Codes:
    """Give letters numbers; runs of anything else become one space.

    Parameters
    ----------
    text : str
        English.

    Returns
    -------
    codes : ndarray of uint8, shape (L,)
        0 to 25 for a to z, 26 for the space.

    Examples
    --------
    >>> letters("Ab, c!").tolist()
    [0, 1, 26, 2, 26]
    """
    table = np.full(256, 26, dtype=np.uint8)
    for number, letter in enumerate(LETTERS[:26]):
        table[[ord(letter), ord(letter.upper())]] = number
    codes = table[np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8)]
    is_space = codes == 26
    kept: Codes = codes[~(is_space & np.concatenate([[False], is_space[:-1]]))]
    return kept


def translate(codes: Codes) -> Codes:
    """Translate DNA from its first base on, three bases a residue.

    Parameters
    ----------
    codes : ndarray of uint8, shape (L,)
        Known bases; one or two left over at the end are ignored.

    Returns
    -------
    residues : ndarray of uint8, shape (L // 3,)
        Places in ``RESIDUES``; `STOP` for a stop codon.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> "".join((RESIDUES + "*")[i] for i in translate(encode("ATGTGGTAA")))
    'MW*'
    """
    table = np.array([(RESIDUES + "*").index(one) for one in _GENETIC_CODE], dtype=np.uint8)
    triplets = codes[: len(codes) // 3 * 3].reshape(-1, 3).astype(np.int64)
    residues: Codes = table[triplets @ [16, 4, 1]]
    return residues


def proteins(genome: Codes, genes: pd.DataFrame) -> list[Codes]:
    """Translate annotated genes.

    Parameters
    ----------
    genome : ndarray of uint8, shape (L,)
        One chromosome.
    genes : DataFrame
        Columns start, end (half-open) and strand.

    Returns
    -------
    proteins : list of ndarray of uint8
        Without the stop; genes in pieces, with a stop inside or none at the end are left out, and
        a leading residue counts as M, as it does in the cell.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> genes = pd.DataFrame({"start": [2], "end": [11], "strand": ["-"]})
    >>> [protein.tolist() for protein in proteins(encode("CCTTACCACATGG"), genes)]
    [[10, 18]]
    """
    found = []
    for start, end, strand in zip(genes["start"], genes["end"], genes["strand"], strict=True):
        codes = genome[start:end] if strand == "+" else reverse_complement(genome[start:end])
        if len(codes) % 3 or len(codes) < 6 or codes.max() > 3:
            continue
        residues = translate(codes)
        if residues[-1] == STOP and not (residues[:-1] == STOP).any():
            residues[0] = RESIDUES.index("M")
            found.append(residues[:-1])
    return found


def cut(
    streams: Iterable[Codes],
    alphabet_size: int,
    *,
    length: int,
    word: int,
    sizes: tuple[int, int, int],
    rng: np.random.Generator,
) -> Windows:
    """Cut streams into windows, deal them out in blocks, and keep the parts apart.

    Parameters
    ----------
    streams : iterable of ndarray of uint8, shape (L,)
        Symbols; windows with one outside the alphabet are left out.
    alphabet_size : int
        Number of symbols.
    length : int
        Symbols a window.
    word : int
        Test windows that share a word so long with a training window are dropped.
    sizes : tuple of int
        Most windows to keep for training, validation and test.
    rng : numpy.random.Generator
        Chooses them.

    Returns
    -------
    windows : Windows
        Training windows in random order.

    Raises
    ------
    ValueError
        If a part is empty.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> stream = rng.integers(4, size=4000).astype(np.uint8)
    >>> parts = cut([stream], 4, length=20, word=12, sizes=(100, 9, 9), rng=rng)
    >>> parts.train.shape, parts.test.shape, parts.n_dropped
    ((100, 20), (9, 20), 0)
    """
    pieces = [one[: len(one) // length * length].reshape(-1, length) for one in streams]
    rows = np.concatenate(pieces)
    rows = rows[(rows < alphabet_size).all(axis=1)]
    block = np.arange(len(rows)) // BLOCK
    fates = {"train": ~np.isin(block % 10, (4, 8)), "validation": block % 10 == 4}
    fates["test"] = block % 10 == 8
    parts = {}
    for (name, fate), size in zip(fates.items(), sizes, strict=True):
        members = np.flatnonzero(fate)
        if not members.size:
            raise ValueError(f"no window is left for {name}; use shorter windows")
        parts[name] = members if len(members) <= size else rng.permutation(members)[:size]
    test = np.sort(parts["test"])
    shares = sharing(rows[parts["train"]], rows[test], word)
    kept = test[~shares]
    return Windows(
        alphabet_size,
        rows[rng.permutation(parts["train"])],
        rows[np.sort(parts["validation"])],
        rows[kept],
        block[kept],
        int(shares.sum()),
    )


def sharing(train: Codes, asked: Codes, word: int) -> npt.NDArray[np.bool_]:
    """Say which windows hold a word that some training window holds.

    Parameters
    ----------
    train, asked : ndarray of uint8, shape (N, length) and (M, length)
        Windows.
    word : int
        Length of a word in symbols.

    Returns
    -------
    shares : ndarray of bool, shape (M,)
        True where at least one word is known; words are compared by a 64-bit hash.

    Examples
    --------
    >>> sharing(np.array([[0, 1, 2, 3]]), np.array([[9, 1, 2, 3], [3, 2, 1, 0]]), 3).tolist()
    [True, False]
    """
    known = np.unique(_hashes(train, word))
    return np.asarray(np.isin(_hashes(asked, word), known).any(axis=1))


def _hashes(rows: npt.ArrayLike, word: int) -> npt.NDArray[np.uint64]:
    """Hash every word of every row, modulo 2**64."""
    digits = np.asarray(rows).astype(np.uint64) + np.uint64(1)
    places = digits.shape[1] - word + 1
    numbers = np.zeros((len(digits), places), dtype=np.uint64)
    for offset in range(word):
        numbers *= np.uint64(0x9E3779B97F4A7C15)
        numbers += digits[:, offset : offset + places]
    return numbers


def labelled_windows(
    books: Sequence[Codes], *, length: int, sizes: tuple[int, int, int], rng: np.random.Generator
) -> dict[str, tuple[Codes, npt.NDArray[np.int64]]]:
    """Ask of a window which book it comes from; the parts come from different stretches.

    Parameters
    ----------
    books : sequence of ndarray of uint8, shape (L,)
        One for each class.
    length : int
        Symbols a window.
    sizes : tuple of int
        Windows of training, validation and test, each class bringing its equal share.
    rng : numpy.random.Generator
        Chooses the windows, which do not overlap.

    Returns
    -------
    parts : dict of str to (ndarray of uint8, shape (N, length), ndarray of int64, shape (N,))
        "train" from the first six tenths of each book, "validation" from the next two, "test" from
        the last two; fewer windows where a stretch has no more.

    Examples
    --------
    >>> books = [np.zeros(1000, np.uint8), np.ones(1000, np.uint8)]
    >>> parts = labelled_windows(books, length=10, sizes=(8, 4, 4), rng=np.random.default_rng(0))
    >>> bool((parts["test"][0][:, 0] == parts["test"][1]).all()), len(parts["train"][1])
    (True, 8)
    """
    found = {}
    ends = dict(zip(("train", "validation", "test"), ((0, 6), (6, 8), (8, 10)), strict=True))
    for (name, (first, last)), size in zip(ends.items(), sizes, strict=True):
        rows, labels = [], []
        for label, book in enumerate(books):
            stretch = book[len(book) * first // 10 : len(book) * last // 10]
            windows = stretch[: len(stretch) // length * length].reshape(-1, length)
            rows.append(rng.permutation(windows)[: size // len(books)])
            labels.append(np.full(len(rows[-1]), label, dtype=np.int64))
        found[name] = np.concatenate(rows), np.concatenate(labels)
    return found
