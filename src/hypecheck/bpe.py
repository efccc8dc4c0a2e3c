"""Training byte-pair encoding on DNA, in numpy, on one page.

The merges are those of Hugging Face's ``BpeTrainer``, document borders and ties included (tested),
and come out faster (``benchmarks/bench_bpe.py``).

Design choices

- Documents lie in one long array, with a border between them that no pair may hold.
- Nothing moves when tokens are joined: a token's id stands at its first base (``starts``) and at
  its last base (``ends``). The right neighbour is read from ``starts``, the left one from ``ends``.
- Each token remembers where it was made, so that a merge costs as much as there are copies of its
  left token, not as much as there is text.
- Counts of pairs are a square table: the neighbours of all joined places are counted at once, and
  become one row and one column. It bounds the vocabulary to about 16,000 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hypecheck.sequences import ALPHABET, encode


def train_bpe(documents: Sequence[str], n_merges: int) -> list[tuple[str, str]]:
    """Learn byte-pair merges: join the most frequent pair of neighbours, count again, repeat.

    A pair never crosses the border of a document or an ambiguous letter. Of equally frequent pairs
    the one with the older left token is joined, then the one with the older right token, as in
    Hugging Face's ``BpeTrainer``.

    Parameters
    ----------
    documents : sequence of str
        DNA letters.
    n_merges : int
        Number of merges wanted; fewer come back if no pair is left.

    Returns
    -------
    merges : list of (str, str)
        The pairs, in the order in which they were joined.

    Examples
    --------
    >>> train_bpe(["TATATATA", "GTATAC"], n_merges=2)
    [('T', 'A'), ('TA', 'TA')]
    """
    starts = (encode("N" + "N".join(documents) + "N").astype(np.int32) + 1) % 5  # N: 0, a border
    ends = starts.copy()
    tokens = ["", *ALPHABET]
    where = [np.flatnonzero(starts == token).astype(np.int32) for token in range(len(tokens))]
    pairs = _PairCounts(starts, max_tokens=len(tokens) + n_merges)
    merges = []
    for new in range(len(tokens), len(tokens) + n_merges):
        a, b, count = pairs.most_frequent()
        if count == 0:
            break
        where[a] = where[a][starts[where[a]] == a]  # forget copies that were swallowed since
        second = where[a] + len(tokens[a])
        at = where[a][starts[second] == b]
        if a == b:
            at = _every_other(at, len(tokens[a]))
        merges.append((tokens[a], tokens[b]))
        tokens.append(tokens[a] + tokens[b])
        starts[at + len(tokens[a])] = -1  # no token starts there any more
        starts[at] = ends[at + len(tokens[new]) - 1] = new
        where.append(at)
        pairs.replace(a, b, new, left=ends[at - 1], right=starts[at + len(tokens[new])])
    return merges


def _every_other(at: npt.NDArray[np.int32], length: int) -> npt.NDArray[np.int32]:
    """Of places that touch (AAA holds AA twice), keep the first, third, ... of each run."""
    is_first = np.diff(at, prepend=-length - 1) != length
    run_start = np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    kept: npt.NDArray[np.int32] = at[(np.arange(len(at)) - run_start) % 2 == 0]
    return kept


class _PairCounts:
    """How often token a stands left of token b, and for each a an upper bound over all b."""

    def __init__(self, tokens: npt.NDArray[np.int32], max_tokens: int) -> None:
        first = np.bincount(5 * tokens[:-1] + tokens[1:], minlength=25)  # four letters and border
        self.table = np.zeros((max_tokens, max_tokens), dtype=np.int32)
        self.table[:5, :5] = first.reshape(5, 5)
        self.table[0] = self.table[:, 0] = 0  # token 0 is the border
        self.bound = self.table.max(axis=1)

    def most_frequent(self) -> tuple[int, int, int]:
        """Find the pair counted most often; of ties argmax takes the first, that is the oldest."""
        while True:
            a = int(self.bound.argmax())
            b = int(self.table[a].argmax())
            if self.table[a, b] == self.bound[a]:
                return a, b, int(self.bound[a])
            self.bound[a] = self.table[a, b]

    def replace(
        self, a: int, b: int, new: int, *, left: npt.NDArray[np.int32], right: npt.NDArray[np.int32]
    ) -> None:
        """Recount around the places where a, b became `new`, given their neighbours now."""
        n_left = np.bincount(left, minlength=new + 1)
        n_right = np.bincount(right, minlength=new + 1)
        n_left[0] = n_right[0] = 0
        touching = n_left[new]  # new beside new; it was b beside a
        n_left[new] = n_right[new] = 0
        table = self.table[: new + 1, : new + 1]  # a view
        table[:, a] -= n_left
        table[b] -= n_right
        table[b, a] -= touching
        table[a, b] = 0
        table[:, new] = n_left
        table[new] = n_right
        table[new, new] = touching
        np.maximum(self.bound[: new + 1], table[:, new], out=self.bound[: new + 1])
        self.bound[new] = table[new].max()
