"""A small transformer over gene tokens that predicts how cells change when genes are perturbed.

Design choices

- One token per gene: a learnt vector for which gene it is, plus a vector made from its expression
  in control cells. Perturbed genes are mostly not measured, so they get tokens of their own, with
  value 0, and a mark where they are perturbed. Genes have no order: no position is added.
- Each measured gene's token tells its change by its own linear read-out, added to the mean change
  of the training conditions: untrained, the network is the mean baseline.
- All training conditions are one batch. One training gives predictions at several numbers of
  steps, so that steps are chosen at no cost.
- Halves, outer and inner folds are those of `hypecheck.perturbation.run_screen` at the same seed.

References
----------
Cui et al. 2024, Nature Methods 21, 1470–1480 (scGPT: gene, value and condition vectors added).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hypecheck.layers import Block
from hypecheck.perturbation import deal, delta_score, design, halves, judge, profiles

Floats: TypeAlias = npt.NDArray[np.float64]
WIDTH, N_HEADS, D_FF = 16, 2, 32  # not tuned
DECAY = 0.01  # of the weights, per step and unit of learning rate; not tuned
RATES, STEPS = (0.01, 0.03), (25, 50, 100)  # chosen among on inner folds


class TokenTransformer(nn.Module):
    """From control expression and marked genes to the change of every measured gene.

    Parameters
    ----------
    control : array_like, shape (genes,)
        Expression of the measured genes in control cells.
    n_perturbed : int
        Perturbed genes; they get tokens of their own, after those of the measured genes.
    n_layers, seed : int
        Attention layers, and what decides the initial weights.

    Raises
    ------
    ValueError
        If there is no measured or no perturbed gene.

    Examples
    --------
    >>> TokenTransformer([0.5, 1.0, 2.0], 2)(torch.tensor([[1.0, 0.0], [1.0, 1.0]])).shape
    torch.Size([2, 3])
    """

    values: Tensor

    def __init__(
        self, control: npt.ArrayLike, n_perturbed: int, *, n_layers: int = 1, seed: int = 0
    ) -> None:
        super().__init__()
        measured = torch.as_tensor(np.asarray(control), dtype=torch.float32)
        if measured.ndim != 1 or not len(measured) or n_perturbed < 1:
            raise ValueError(
                "need control expression, shape (genes,), and a perturbed gene, got "
                f"{tuple(measured.shape)} and {n_perturbed}"
            )
        self.n_genes = len(measured)
        values = torch.cat([measured, torch.zeros(n_perturbed)])  # silent, or not known
        self.register_buffer("values", values[:, None])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.genes = nn.Parameter(torch.randn(len(values), WIDTH))
            self.mark = nn.Parameter(torch.randn(WIDTH))
            self.value = nn.Linear(1, WIDTH)
            self.blocks = nn.ModuleList(
                Block(WIDTH, N_HEADS, D_FF, positions="absolute") for _ in range(n_layers)
            )
            self.norm = nn.LayerNorm(WIDTH)
        self.readout = nn.Parameter(torch.zeros(self.n_genes, WIDTH))

    def forward(self, marks: Tensor) -> Tensor:
        """Predict changes, shape (B, genes), from the design, shape (B, perturbed genes)."""
        own = torch.zeros(len(marks), self.n_genes)
        marked = torch.cat([own, marks], dim=1)[..., None] * self.mark  # (B, T, D)
        x = self.genes + self.value(self.values) + marked
        for block in self.blocks:
            x = block(x)
        return torch.einsum("bgd,gd->bg", self.norm(x[:, : self.n_genes]), self.readout)


def train_and_predict(
    train_design: npt.ArrayLike,
    train_change: npt.ArrayLike,
    new_design: npt.ArrayLike,
    control: npt.ArrayLike,
    *,
    rate: float,
    steps: Sequence[int],
    seed: int = 0,
) -> dict[int, Floats]:
    """Train once, and predict held-out conditions at several numbers of steps.

    Parameters
    ----------
    train_design : array_like, shape (conditions, perturbed genes)
        As `hypecheck.perturbation.design` makes it.
    train_change : array_like, shape (conditions, genes)
        Changes from control.
    new_design : array_like, shape (new conditions, perturbed genes)
        What to predict.
    control : array_like, shape (genes,)
        Expression in control cells.
    rate : float
        Learning rate of AdamW.
    steps : sequence of int
        When to predict; the training ends at the largest.
    seed : int, default 0
        Of the initial weights; nothing else is drawn.

    Returns
    -------
    predicted : dict of int to ndarray, shape (new conditions, genes)
        By number of steps.

    Raises
    ------
    ValueError
        If shapes disagree, nothing is there to learn from, or the loss is not finite.

    Examples
    --------
    >>> x, y = [[1, 0], [0, 1]], [[1.0, 0.0], [0.5, 2.0]]
    >>> train_and_predict(x, y, [[1, 1]], [3.0, 1.0], rate=0.01, steps=[2])[2].shape
    (1, 2)
    """
    x, y = np.asarray(train_design, dtype=np.float64), np.asarray(train_change, dtype=np.float64)
    new = np.asarray(new_design, dtype=np.float64)
    _check(x, y, new, np.asarray(control), steps)
    base = y.mean(axis=0)
    scale = (y - base).std() or 1.0
    model = TokenTransformer(control, x.shape[1], seed=seed)
    marks, asked = torch.from_numpy(x).float(), torch.from_numpy(new).float()
    wanted = torch.from_numpy((y - base) / scale).float()
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=DECAY)
    predicted: dict[int, Floats] = {}
    for step in range(1, max(steps) + 1):
        optimiser.zero_grad()
        loss = torch.nn.functional.mse_loss(model(marks), wanted)
        if not torch.isfinite(loss):
            raise ValueError(f"the loss is not finite at step {step}; lower the rate {rate}")
        loss.backward()
        optimiser.step()
        if step in steps:
            with torch.no_grad():
                predicted[step] = model(asked).double().numpy() * scale + base
    return predicted


def _check(x: Floats, y: Floats, new: Floats, control: Floats, steps: Sequence[int]) -> None:
    """Refuse what cannot be learnt from, or predicted."""
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or not len(x):
        raise ValueError(f"design {x.shape} and change {y.shape} need as many rows, one at least")
    if new.ndim != 2 or new.shape[1] != x.shape[1]:
        raise ValueError(f"new design {new.shape} has other columns than the design {x.shape}")
    if control.shape != y.shape[1:]:
        raise ValueError(f"control {control.shape} needs one value for each of {y.shape[1]} genes")
    if not steps or min(steps) < 1:
        raise ValueError(f"steps must be one or more numbers from 1 up, got {list(steps)}")


def choose_training(
    train_design: Floats, train_change: Floats, control: Floats, *, n_folds: int = 4, seed: int = 0
) -> tuple[float, int]:
    """Choose learning rate and steps on the inner folds of `hypecheck.perturbation.choose`.

    Parameters
    ----------
    train_design, train_change, control : ndarray
        As in `train_and_predict`; the doubles are held out in turn, singles always stay.
    n_folds, seed : int
        Inner folds, and what deals them and starts the weights; fewer doubles are refused.

    Returns
    -------
    rate, steps
        With the best mean Pearson delta, the first of equals.
    """
    doubles = np.flatnonzero(train_design.sum(axis=1) > 1)
    folds = deal(len(doubles), n_folds, np.random.default_rng(seed))
    found = {(rate, step): np.zeros(len(doubles)) for rate in RATES for step in STEPS}
    for fold in range(n_folds):
        out = doubles[folds == fold]
        rest = np.setdiff1d(np.arange(len(train_design)), out)
        x, y, new = train_design[rest], train_change[rest], train_design[out]
        for rate in RATES:
            made = train_and_predict(x, y, new, control, rate=rate, steps=STEPS, seed=seed)
            for step, change in made.items():
                found[rate, step][folds == fold] = delta_score(change, train_change[out])
    return max(found, key=lambda setting: float(found[setting].mean()))


def transformer_screen(
    matrix: npt.ArrayLike, conditions: npt.ArrayLike, *, seed: int, n_folds: int = 5
) -> tuple[dict[str, Floats], list[dict[str, float]]]:
    """Predict held-out doubles, on the halves and folds of `run_screen` at the same seed.

    Parameters
    ----------
    matrix, conditions, n_folds
        As in `run_screen`.
    seed : int
        Decides halves, folds and weights.

    Returns
    -------
    scores : dict of str to ndarray, shape (doubles,)
        The four measures of `hypecheck.perturbation.judge`.
    chosen : list of dict
        For each outer fold the learning rate and the steps.

    Raises
    ------
    ValueError
        As `hypecheck.perturbation.run_screen`.
    """
    values, labels = np.asarray(matrix, dtype=np.float64), np.asarray(conditions).astype(str)
    rng = np.random.default_rng(seed)
    seen, truth = (profiles(values[half], labels[half]) for half in halves(labels, rng))
    x, _ = design(seen.names)
    doubles = np.flatnonzero(x.sum(axis=1) > 1)
    folds = deal(len(doubles), n_folds, rng)
    predicted, chosen = np.zeros((len(doubles), values.shape[1])), []
    for fold in range(n_folds):
        out = doubles[folds == fold]
        rest = np.setdiff1d(np.arange(len(x)), out)
        rate, step = choose_training(x[rest], seen.change[rest], seen.control, seed=seed)
        made = train_and_predict(
            x[rest], seen.change[rest], x[out], seen.control, rate=rate, steps=[step], seed=seed
        )
        predicted[folds == fold] = made[step]
        chosen.append({"rate": rate, "steps": step})
    return judge(predicted, truth.change[doubles], truth.control), chosen
