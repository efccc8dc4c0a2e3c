"""Long windows around genes, and models that read them whole.

Design choices

- The network goes down before it looks around: three strided convolutions make one place of 64
  bases, then one layer of attention joins the places, so that two thousand bases cost little.
- A frozen language model reads the window in pieces of the length that it was pretrained on.
- The planted dependency has a simple model, too: the place that agrees most often with the last
  token in the training rows. Words alone cannot find it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypecheck.embeddings import embed_sequences
from hypecheck.models import Transformer
from hypecheck.sequences import Codes, check_codes, reverse_complement
from hypecheck.tokenizers import Tokenizer


def gene_contexts(
    genome: Codes, info: pd.DataFrame, names: Sequence[str], *, before: int, after: int
) -> Codes:
    """Cut a window around the start of each gene, in reading direction, on a circular genome.

    Parameters
    ----------
    genome : ndarray of uint8, shape (L,)
        The chromosome.
    info : DataFrame
        By gene: start, stop (0-based, half-open), strand.
    names : sequence of str
        Genes, in the order of the windows.
    before, after : int
        Bases before the first base of the gene, and from it on.

    Returns
    -------
    windows : ndarray of uint8, shape (N, before + after)

    Raises
    ------
    KeyError
        If a gene is not in the table.

    Examples
    --------
    >>> info = pd.DataFrame({"start": [2, 0], "stop": [5, 3], "strand": ["+", "-"]}, ["a", "b"])
    >>> gene_contexts(np.array([0, 1, 2, 3, 0], np.uint8), info, ["a", "b"], before=1, after=2)
    array([[1, 2, 3],
           [0, 1, 2]], dtype=uint8)
    """
    genes = info.loc[list(names)]
    forward = (genes["strand"] == "+").to_numpy()
    first = np.where(forward, genes["start"] - before, genes["stop"] - after).astype(np.int64)
    windows = genome[(first[:, None] + np.arange(before + after)) % len(genome)]
    windows[~forward] = reverse_complement(windows[~forward])
    return np.asarray(windows, dtype=np.uint8)


def piecewise_vectors(
    model: Transformer, tokenizer: Tokenizer, windows: Codes, *, piece: int
) -> npt.NDArray[np.float32]:
    """Embed a long window piece by piece, and set the vectors side by side.

    Parameters
    ----------
    model : Transformer
        A language model that was pretrained on pieces of that length.
    tokenizer : Tokenizer
        Its tokenizer.
    windows : ndarray of uint8, shape (N, L)
        L is a multiple of `piece`.
    piece : int
        Bases of a piece.

    Returns
    -------
    vectors : ndarray of float32, shape (N, L / piece · D)

    Raises
    ------
    ValueError
        If the pieces do not fill the window.
    """
    n_windows, length = check_codes(windows, ndim=2).shape
    if length % piece:
        raise ValueError(f"pieces of {piece} bp do not fill a window of {length} bp")
    found = embed_sequences(model, tokenizer, windows.reshape(-1, piece), pool="mean")
    vectors: npt.NDArray[np.float32] = found.reshape(n_windows, -1)
    return vectors


class LongReader(nn.Module):
    """A network with one output that goes down by 64 and then attends over the whole window.

    Parameters
    ----------
    length : int
        Bases of a window, 64 at least.
    width : int, default 32
        Channels.
    seed : int, default 0
        Of the weights.

    Raises
    ------
    ValueError
        If the window is shorter than one place.

    Examples
    --------
    >>> LongReader(256)(torch.zeros(2, 256, dtype=torch.uint8)).shape
    torch.Size([2, 1])
    """

    def __init__(self, length: int, width: int = 32, *, seed: int = 0) -> None:
        super().__init__()
        if length < 64:
            raise ValueError(f"a window of {length} bp holds no place of 64 bp")
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.down = nn.Sequential(
                nn.Conv1d(4, width, 12, stride=4, padding=4),
                nn.GELU(),
                nn.Conv1d(width, width, 8, stride=4, padding=2),
                nn.GELU(),
                nn.Conv1d(width, width, 8, stride=4, padding=2),
            )
            self.places = nn.Parameter(0.02 * torch.randn(length // 64, width))
            self.around = nn.TransformerEncoderLayer(
                width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True
            )
            self.out = nn.Linear(width, 1)

    def forward(self, codes: Tensor) -> Tensor:
        """Read codes (B, L); unknown bases count as none of the four."""
        bases = F.one_hot(codes.long(), 5)[..., :4].float().transpose(1, 2)  # (B, 4, L)
        hidden = self.down(bases).transpose(1, 2)[:, : len(self.places)]  # (B, L / 64, W)
        read: Tensor = self.out(self.around(hidden + self.places).mean(dim=1))
        return read


def most_agreeing_place(
    rows: npt.NDArray[np.int64], new_rows: npt.NDArray[np.int64]
) -> tuple[int, float]:
    """Predict the last token of a row by the place that agreed with it most often before.

    Parameters
    ----------
    rows, new_rows : ndarray of int64, shape (N, L) and (M, L)
        Rows to learn the place from, and rows to predict.

    Returns
    -------
    place : int
        The column that is copied.
    accuracy : float
        On the new rows.

    Examples
    --------
    >>> most_agreeing_place(np.array([[1, 7, 1], [2, 7, 2]]), np.array([[3, 4, 3], [5, 6, 6]]))
    (0, 0.5)
    """
    place = int((rows[:, :-1] == rows[:, -1:]).mean(axis=0).argmax())
    return place, float((new_rows[:, place] == new_rows[:, -1]).mean())
