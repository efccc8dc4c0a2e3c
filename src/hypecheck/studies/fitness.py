"""Fitness of pairs of activated genes, genes left out: additive, low rank, a network.

This is growth, not expression: a second, larger question to ask of the same models.

Design choices

- A gene that is held out has no pair in the training part; its fitness alone is known.
- Scored are pairs of a held-out gene with a training gene, a correlation for each held-out gene.
- The network trains on pairs made the same way: training genes take turns at being held out.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from hypecheck.cells import Cell, run_cells
from hypecheck.datasets import load
from hypecheck.perturbation import deal
from hypecheck.recorded import RecordedRun, describe_run

Floats: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.int64]
METHODS = ("sum of singles", "additive", "low rank", "MLP")


@dataclass(frozen=True)
class FitnessPlan:
    """What the study runs.

    Parameters
    ----------
    seeds : tuple of int
        Each deals the genes anew and starts the networks anew.
    n_folds : int
        Folds over genes, outside and inside.
    ranks, penalties : tuple
        Chosen among on inner folds, for the low-rank model and the network.
    width, epochs : int
        Of the network; not tuned.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    n_folds: int = 5
    ranks: tuple[int, ...] = (1, 2, 4, 8)
    penalties: tuple[float, ...] = (0.001, 0.1, 1.0)
    width: int = 32
    epochs: int = 40


@dataclass(frozen=True, eq=False)
class Block:
    """Models of a square of training genes.

    Parameters
    ----------
    pairs : ndarray, shape (n, n)
        Fitness of pairs; the diagonal is not used.
    singles : ndarray, shape (n,)
        Fitness of the genes alone.
    """

    pairs: Floats
    singles: Floats

    def effects(self) -> Floats:
        """Each gene's own effect, by least squares over all pairs of different genes."""
        n = len(self.pairs)
        total = self.pairs.sum(axis=1) - np.diag(self.pairs)
        return np.asarray((total - total.sum() / (2 * (n - 1))) / (n - 2))

    def additive(self, new: Floats) -> Floats:
        """Pairs (new, training): the effect of a new gene is told from its single fitness."""
        effects = self.effects()
        line = np.polyfit(self.singles, effects, 1)
        return np.asarray(np.polyval(line, new)[:, None] + effects)

    def low_rank(self, new: Floats, rank: int) -> Floats:
        """Additive, and the strongest patterns of what it leaves over."""
        effects = self.effects()
        rest = self.pairs - effects[:, None] - effects
        np.fill_diagonal(rest, 0)
        values, vectors = np.linalg.eigh(rest)
        top = np.argsort(-np.abs(values))[:rank]
        curves = np.polyfit(self.singles, vectors[:, top], 2)  # (3, rank)
        loadings = np.vander(new, 3) @ curves
        return np.asarray(self.additive(new) + (loadings * values[top]) @ vectors[:, top].T)

    def features(self, new: Floats) -> Floats:
        """Describe pairs (new, training) for a network, shape (new, training, 6)."""
        effects, rows = self.effects(), self.pairs.copy()
        np.fill_diagonal(rows, 2 * effects)
        centred = self.singles - self.singles.mean()
        slopes = rows @ centred / (centred @ centred)
        shape = (len(new), len(effects))
        expected = self.additive(new)
        line = rows.mean(axis=1) + slopes * (new[:, None] - self.singles.mean())
        known = [np.broadcast_to(one, shape) for one in (self.singles, effects, slopes)]
        return np.stack([np.broadcast_to(new[:, None], shape), *known, expected, line], axis=-1)


def block_of(pairs: Floats, singles: Floats, genes: Indices) -> Block:
    """Cut the square of some genes out.

    Parameters
    ----------
    pairs, singles : ndarray
        Of all genes.
    genes : ndarray of int
        Those to keep.

    Returns
    -------
    block : Block
        Of those genes alone.
    """
    return Block(pairs[np.ix_(genes, genes)], singles[genes])


def row_correlations(predicted: Floats, observed: Floats) -> Floats:
    """Correlate row by row.

    Parameters
    ----------
    predicted, observed : ndarray, shape (rows, columns)
        A held-out gene with every training gene.

    Returns
    -------
    correlation : ndarray, shape (rows,)
        0 where the prediction does not vary.

    Examples
    --------
    >>> row_correlations(np.array([[1.0, 2.0], [1.0, 1.0]]), np.array([[0.0, 5.0]] * 2)).tolist()
    [1.0, 0.0]
    """
    a = predicted - predicted.mean(axis=1, keepdims=True)
    b = observed - observed.mean(axis=1, keepdims=True)
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), scale, out=np.zeros(len(a)), where=scale > 1e-12)


def fitness_cell(plan: FitnessPlan, pairs: Floats, singles: Floats, seed: int) -> dict[str, Any]:
    """Leave every gene out once, and correlate predicted with measured fitness of its pairs."""
    start = time.process_time()
    rng = np.random.default_rng(seed)
    n = len(singles)
    folds = deal(n, plan.n_folds, rng)
    found = {name: np.zeros(n) for name in (*METHODS, "low rank, interaction", "MLP, interaction")}
    chosen = []
    for fold in range(plan.n_folds):
        out, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        made, settings = predict_fold(plan, pairs, singles, out, rest, rng)
        truth = pairs[np.ix_(out, rest)]
        chosen.append(settings)
        for name, guess in made.items():
            found[name][out] = row_correlations(guess, truth)
        for name in ("low rank", "MLP"):
            base = made["additive"]
            found[f"{name}, interaction"][out] = row_correlations(made[name] - base, truth - base)
    rounded = {name: np.round(one, 5).tolist() for name, one in found.items()}
    return {"r": rounded, "chosen": chosen, "cpu_seconds": time.process_time() - start}


def predict_fold(
    plan: FitnessPlan,
    pairs: Floats,
    singles: Floats,
    out: Indices,
    rest: Indices,
    rng: np.random.Generator,
) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Predict pairs of held-out with training genes by every method.

    Parameters
    ----------
    plan : FitnessPlan
        Settings to choose among.
    pairs, singles : ndarray, shapes (n, n) and (n,)
        Fitness; pairs of held-out genes are never read.
    out, rest : ndarray of int
        Held-out and training genes.
    rng : numpy.random.Generator
        Deals inner folds and starts networks.

    Returns
    -------
    made : dict of str to ndarray, shape (held-out, training)
        Predictions by method.
    settings : dict
        What the inner folds chose.
    """
    inner = deal(len(rest), plan.n_folds, rng)
    parts = [(rest[inner == i], rest[inner != i]) for i in range(plan.n_folds)]
    blocks = [block_of(pairs, singles, known) for _, known in parts]
    truths = [pairs[np.ix_(new, known)] for new, known in parts]

    def low_rank_score(rank: int) -> float:
        made = [b.low_rank(singles[new], rank) for b, (new, _) in zip(blocks, parts, strict=True)]
        rows = [row_correlations(m, t) for m, t in zip(made, truths, strict=True)]
        return float(np.concatenate(rows).mean())

    inputs = [b.features(singles[new]) for b, (new, _) in zip(blocks, parts, strict=True)]
    seed = int(rng.integers(2**31))

    def network_score(penalty: float) -> float:
        network = _network(plan, inputs[1:], truths[1:], penalty, seed)
        return float(row_correlations(network(inputs[0]), truths[0]).mean())

    rank = max(plan.ranks, key=low_rank_score)
    penalty = max(plan.penalties, key=network_score)
    whole = block_of(pairs, singles, rest)
    made = {
        "sum of singles": singles[out][:, None] + singles[rest],
        "additive": whole.additive(singles[out]),
        "low rank": whole.low_rank(singles[out], rank),
        "MLP": _network(plan, inputs, truths, penalty, seed)(whole.features(singles[out])),
    }
    return made, {"rank": rank, "penalty": penalty}


def _network(
    plan: FitnessPlan, inputs: list[Floats], truths: list[Floats], penalty: float, seed: int
) -> Any:
    """Train a network on pairs, and give the function that predicts others."""
    x = np.concatenate([one.reshape(-1, one.shape[-1]) for one in inputs])
    y = np.concatenate([one.ravel() for one in truths])
    centre, scale, middle, spread = x.mean(axis=0), x.std(axis=0), y.mean(), y.std()
    network = MLPRegressor(
        hidden_layer_sizes=(plan.width,), alpha=penalty, max_iter=plan.epochs, random_state=seed
    )
    with warnings.catch_warnings():  # a fixed number of epochs is a setting, not a failure
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit((x - centre) / scale, (y - middle) / spread)

    def run(features: Floats) -> Floats:
        flat = (features.reshape(-1, features.shape[-1]) - centre) / scale
        return np.asarray(network.predict(flat).reshape(features.shape[:-1]) * spread + middle)

    return run


def read_fitness(frames: Any) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Take the matrix of pairs and the single fitnesses, in one order of genes.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Of the data set "norman_gi_fitness".

    Returns
    -------
    pairs, singles : ndarray, shapes (n, n) and (n,)
        Fitness of pairs and of genes alone.
    genes : tuple of str
        The genes.

    Raises
    ------
    ValueError
        If the matrix is not square and symmetric.
    """
    table = frames["processed_fitnesses"].set_index("gene")
    alone = frames["single_fitnesses"].set_index("guide_target")["average_fitness"]
    pairs = table.to_numpy(dtype=np.float64)
    if list(table.index) != list(table.columns) or not np.allclose(pairs, pairs.T):
        raise ValueError(
            "the matrix of pairs must be square and symmetric, with one order of genes"
        )
    return pairs, alone.loc[table.index].to_numpy(dtype=np.float64), tuple(table.index)


def fitness_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Leave genes out of the matrix of pairs, five times over.

    Parameters
    ----------
    folder : Path
        Where cells are kept.
    n_jobs : int, default 1
        Processes, one thread each.
    progress : bool, default True
        Show a bar.

    Returns
    -------
    run : RecordedRun
        "seeds": for each seed the correlation of every gene, by method.
    weights : tuple of Path
        Empty.

    Raises
    ------
    DatasetError
        If the data are not at hand.
    """
    plan, data = FitnessPlan(), load("norman_gi_fitness", offline=False)
    pairs, singles, genes = read_fitness(data.frames)
    cells = [
        Cell(f"fitness-{seed}", fitness_cell, (plan, pairs, singles, seed), f"{plan} {seed}")
        for seed in plan.seeds
    ]
    found = run_cells(cells, folder, n_jobs=n_jobs, progress=progress)
    results = {"plan": asdict(plan), "genes": genes, "seeds": found}
    run = describe_run(
        "fitness",
        results,
        command="hypecheck record fitness",
        data=[data],
        seeds=plan.seeds,
        cpu_hours=sum(one["cpu_seconds"] for one in found) / 3600,
    )
    return run, ()
