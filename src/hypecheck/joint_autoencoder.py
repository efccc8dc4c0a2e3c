"""A small autoencoder of several modalities, and what it costs to train one.

Design choices

- Each modality has an encoder and a decoder of its own; the vector of a cell is the mean of what
  the encoders of its measured modalities say, so that a missing one needs no filling in.
- Every modality is hidden from one training cell in five, and has to be told from the others.
- Cost is counted, not timed: multiplications and additions of the linear layers, forward once and
  backward twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hypecheck.optimisation import TrainingConfig, optimise

Floats = npt.NDArray[np.float64]
HIDE = 0.2
TRAINING = TrainingConfig(
    steps=400, batch_size=64, learning_rate=5e-3, weight_decay=1e-4, evaluate_every=10
)
PASSES = 6  # operations of one weight and cell: forward 2, backward 4


class JointAutoencoder(nn.Module):
    """Encoders into one space and decoders out of it, a pair for each modality.

    Parameters
    ----------
    sizes : sequence of int
        Features of each modality.
    latent : int, default 5
        Dimensions of the shared space.
    width : int, default 32
        Hidden units of each encoder and decoder.
    seed : int, default 0
        Of the initial weights.

    Examples
    --------
    >>> net = JointAutoencoder([10, 19])
    >>> net.encode([torch.zeros(4, 10), torch.zeros(4, 19)]).shape
    torch.Size([4, 5])
    """

    def __init__(
        self, sizes: Sequence[int], *, latent: int = 5, width: int = 32, seed: int = 0
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoders = nn.ModuleList(_net(size, width, latent) for size in sizes)
            self.decoders = nn.ModuleList(_net(latent, width, size) for size in sizes)

    def encode(self, parts: Sequence[Tensor], seen: Tensor | None = None) -> Tensor:
        """Give the vector of every cell.

        Parameters
        ----------
        parts : sequence of Tensor, shape (N, D_m)
            The modalities; what is not seen may hold anything.
        seen : Tensor of bool, shape (N, M), optional
            Which modalities each cell has, one at least; all if not given.

        Returns
        -------
        vectors : Tensor, shape (N, latent)
        """
        each = torch.stack([net(x) for net, x in zip(self.encoders, parts, strict=True)], dim=1)
        if seen is None:
            return each.mean(dim=1)
        weight = seen.to(each.dtype)[..., None]  # (N, M, 1)
        return torch.where(seen[..., None], each, 0).sum(dim=1) / weight.sum(dim=1)

    def decode(self, vectors: Tensor) -> list[Tensor]:
        """Tell every modality from the vectors of cells."""
        return [net(vectors) for net in self.decoders]

    @property
    def n_weights(self) -> int:
        """Weights of the linear layers, without biases."""
        return sum(p.numel() for p in self.parameters() if p.ndim == 2)


@dataclass(frozen=True, eq=False)
class FittedAutoencoder:
    """A trained autoencoder.

    Attributes
    ----------
    net : JointAutoencoder
    history : list of (int, float)
        After how many steps, and minus the squared error on the validation cells.
    batch_size : int
        Cells a step.
    """

    net: JointAutoencoder
    history: list[tuple[int, float]]
    batch_size: int

    def embed(
        self, parts: Sequence[npt.ArrayLike], seen: npt.NDArray[np.bool_] | None = None
    ) -> Floats:
        """Give the vectors of cells, shape (N, latent); see `JointAutoencoder.encode`."""
        mask = None if seen is None else torch.from_numpy(seen)
        with torch.no_grad():
            vectors: Floats = self.net.encode(_tensors(parts), mask).double().numpy()
        return vectors

    def operations(self, *, share: float = 0.95) -> float:
        """Count the operations until a share of all that was ever gained had been gained.

        Parameters
        ----------
        share : float, default .95
            Of the fall of the validation error, from the first look to the best.

        Returns
        -------
        operations : float
            Multiplications and additions of the linear layers, all cells and steps together.
        """
        steps, scores = np.array([one[0] for one in self.history]), [s for _, s in self.history]
        aim = scores[0] + share * (max(scores) - scores[0])
        reached = steps[np.argmax(np.array(scores) >= aim)]
        return float(PASSES * self.net.n_weights * self.batch_size * reached)


def fit_autoencoder(
    parts: Sequence[npt.ArrayLike],
    *,
    seed: int = 0,
    config: TrainingConfig = TRAINING,
    latent: int = 5,
    seen: npt.NDArray[np.bool_] | None = None,
) -> FittedAutoencoder:
    """Train an autoencoder; a fifth of the cells decide when its weights were best.

    Parameters
    ----------
    parts : sequence of array_like, shape (N, D_m)
        One modality or more, features of unit variance, row by row of the same cells.
    seed : int, default 0
        Of weights, batches and hidden modalities.
    config : TrainingConfig
        How to train; its seed is set by `seed`.
    latent : int, default 5
        Dimensions of the shared space.
    seen : ndarray of bool, shape (N, M), optional
        Which modalities each cell has; what is missing counts in no loss.

    Returns
    -------
    fitted : FittedAutoencoder

    Raises
    ------
    ValueError
        If a cell has no modality at all.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(100, 4))
    >>> short = TrainingConfig(steps=20, batch_size=16, evaluate_every=10)
    >>> fit_autoencoder([x, 2 * x], config=short, latent=2).embed([x, 2 * x]).shape
    (100, 2)
    """
    inputs = _tensors(parts)
    n_cells, n_parts = len(inputs[0]), len(inputs)
    mask = (
        torch.ones(n_cells, n_parts, dtype=torch.bool) if seen is None else torch.from_numpy(seen)
    )
    if not bool(mask.any(dim=1).all()):
        raise ValueError("a cell without any measurement has no place anywhere; leave it out")
    net = JointAutoencoder([x.shape[1] for x in inputs], latent=latent, seed=seed)
    held_out, train = np.split(np.random.default_rng(seed).permutation(n_cells), [n_cells // 5])

    def loss(rows: Tensor, hidden: Tensor) -> Tensor:
        here, told = (
            [x[rows] for x in inputs],
            net.decode(net.encode([x[rows] for x in inputs], mask[rows] & ~hidden)),
        )
        errors = [((a - b) ** 2).mean(dim=1) for a, b in zip(told, here, strict=True)]
        known = mask[rows]
        return torch.where(known, torch.stack(errors, dim=1), 0).sum() / known.sum()

    def step_loss(step: int) -> tuple[Tensor, int]:
        rng = np.random.default_rng([seed, step])
        rows = torch.from_numpy(rng.choice(train, config.batch_size))
        return loss(rows, _hidden(mask[rows], rng)), len(rows)

    def validate() -> float:
        with torch.no_grad():
            rows = torch.from_numpy(held_out)
            return -float(loss(rows, torch.zeros(len(rows), n_parts, dtype=torch.bool)))

    identity = {"model": f"joint autoencoder {[x.shape for x in inputs]}, seed {seed}"}
    history = optimise(
        dict(net.named_parameters()), step_loss, config, identity=identity, validate=validate
    )
    return FittedAutoencoder(net, list(history.validation), config.batch_size)


def _hidden(seen: Tensor, rng: np.random.Generator) -> Tensor:
    """Hide one modality from some of the cells that have several."""
    chosen = torch.from_numpy(rng.integers(seen.shape[1], size=len(seen)))
    hide = torch.from_numpy(rng.random(len(seen)) < HIDE) & seen.all(dim=1) & (seen.shape[1] > 1)
    return hide[:, None] & (torch.arange(seen.shape[1]) == chosen[:, None])


def _net(n_in: int, width: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, width), nn.GELU(), nn.Linear(width, n_out))


def _tensors(parts: Sequence[npt.ArrayLike]) -> list[Tensor]:
    return [torch.from_numpy(np.asarray(part, dtype=np.float32)) for part in parts]
