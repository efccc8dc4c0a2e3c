"""Predict how cells change when genes are perturbed: simple predictors, their choice and scores.

Design choices

- Everything speaks of *changes*: mean expression of a condition minus that of the control cells.
- A predictor gets a design (which genes each condition perturbs) and the changes of the conditions
  to learn from; the conditions to predict are given by their design alone.
- Settings are chosen by inner folds over perturbations, never on those that are judged.
- What cannot be measured or predicted is refused, not filled in silently.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from hypecheck import scores
from hypecheck.intervals import Interval, t_quantile
from hypecheck.resampling import bootstrap_interval, paired_seeds_and_items

Floats: TypeAlias = npt.NDArray[np.float64]
Settings: TypeAlias = Mapping[str, Any]

LARGEST_LOG = 20.0  # log1p of the counts of a whole cell stays below
METRICS = ("Pearson raw", "Pearson delta", "L2", "discrimination rank")


@dataclass(frozen=True, eq=False)
class Profiles:
    """Mean changes of conditions from control.

    Parameters
    ----------
    names : tuple of str
        Conditions, without the control.
    change : ndarray, shape (conditions, genes)
        Mean of the condition's cells minus mean of the control cells.
    control : ndarray, shape (genes,)
        Mean of the control cells.
    n_cells : ndarray, shape (conditions,)
        Cells behind each row.
    """

    names: tuple[str, ...]
    change: Floats
    control: Floats
    n_cells: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one method predicts for conditions that it has not seen.

    Parameters
    ----------
    method : str
        Name of the predictor.
    change : ndarray, shape (conditions, genes)
        Predicted change from control.
    settings : mapping
        What it was run with.
    """

    method: str
    change: Floats
    settings: Settings = field(default_factory=dict)


def profiles(
    matrix: npt.ArrayLike, conditions: npt.ArrayLike, *, control: str = "control"
) -> Profiles:
    """Average cells by condition and subtract the control.

    Parameters
    ----------
    matrix : array_like, shape (cells, genes)
        Log-normalised expression.
    conditions : array_like of str, shape (cells,)
        Condition of each cell.
    control : str, default "control"
        Name of the unperturbed condition.

    Returns
    -------
    profiles : Profiles
        Conditions in alphabetical order.

    Raises
    ------
    ValueError
        If the values look like counts, a value is negative or not finite, a cell has no condition,
        or there are no control cells or no perturbed ones.

    Examples
    --------
    >>> made = profiles([[1.0, 0.5], [2.5, 0.5], [1.5, 0.5]], ["control", "A", "A"])
    >>> made.names, made.change.tolist()
    (('A',), [[1.0, 0.0]])
    """
    values, names = np.asarray(matrix, dtype=np.float64), np.asarray(conditions).astype(str)
    if values.ndim != 2 or len(values) != len(names):
        raise ValueError(f"matrix of shape {values.shape} and {len(names)} conditions do not agree")
    check_log_normalised(values)
    if not (names == control).any() or (names == control).all():
        raise ValueError(
            f"there must be cells of {control!r} and of a perturbation, got {sorted(set(names))}; "
            "an empty group has no mean"
        )
    found = tuple(sorted(set(names.tolist()) - {control}))
    base = values[names == control].mean(axis=0)
    change = np.stack([values[names == name].mean(axis=0) - base for name in found])
    return Profiles(found, change, base, np.array([(names == name).sum() for name in found]))


def check_log_normalised(values: Floats) -> None:
    """Refuse what is not log-normalised expression.

    Parameters
    ----------
    values : ndarray
        Expression.

    Raises
    ------
    ValueError
        If there are no values, or they are negative, not finite, counts, or too large for a log.

    Examples
    --------
    >>> check_log_normalised(np.array([[3.0, 12.0]]))
    Traceback (most recent call last):
    ValueError: these look like counts (largest 12); normalise each cell and take log1p first
    """
    if not values.size or not np.isfinite(values).all() or values.min() < 0:
        raise ValueError(
            "expression must be there, finite and not negative; scaled data will not do"
        )
    whole = bool((values == np.round(values)).all()) and values.max() > 1
    if whole or values.max() > LARGEST_LOG:
        raise ValueError(
            f"these look like counts (largest {values.max():g}); normalise each cell and take "
            "log1p first"
        )


def design(
    names: Sequence[str], genes: Sequence[str] | None = None, *, separator: str = "+"
) -> tuple[Floats, tuple[str, ...]]:
    """Write conditions as rows of ones and zeros, a column for each perturbed gene.

    Parameters
    ----------
    names : sequence of str
        Conditions such as "A" or "A+B".
    genes : sequence of str, optional
        The columns; by default all genes that are named.
    separator : str, default "+"
        What stands between genes.

    Returns
    -------
    matrix : ndarray, shape (conditions, genes)
        1 where the condition perturbs the gene.
    genes : tuple of str
        The columns.

    Raises
    ------
    ValueError
        If a condition names a gene that has no column.

    Examples
    --------
    >>> design(["A", "A+B"])
    (array([[1., 0.], [1., 1.]]), ('A', 'B'))
    """
    parts = [name.split(separator) for name in names]
    named = sorted({gene for part in parts for gene in part})
    columns = tuple(genes) if genes is not None else tuple(named)
    strangers = sorted(set(named) - set(columns))
    if strangers:
        raise ValueError(
            f"perturbed genes {strangers[:5]} have no column, so their effect cannot be told; "
            "leave those conditions out"
        )
    matrix = np.array([[float(gene in part) for gene in columns] for part in parts])
    return matrix, columns


def halves(
    conditions: npt.ArrayLike, rng: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Split the cells of every condition, the control too, into two halves.

    Parameters
    ----------
    conditions : array_like of str, shape (cells,)
        Condition of each cell.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    first, second : ndarray of bool, shape (cells,)
        Disjoint, and together all cells.

    Raises
    ------
    ValueError
        If a condition has fewer than two cells.

    Examples
    --------
    >>> first, second = halves(["A"] * 4 + ["B"] * 2, np.random.default_rng(0))
    >>> int(first[:4].sum()), int(first[4:].sum()), bool((first ^ second).all())
    (2, 1, True)
    """
    names = np.asarray(conditions).astype(str)
    first = np.zeros(len(names), dtype=bool)
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        if len(rows) < 2:
            raise ValueError(
                f"condition {name!r} has one cell, which cannot be halved; leave it out"
            )
        first[rng.permutation(rows)[: len(rows) // 2]] = True
    return first, ~first


def bilinear_weights(
    genes: Floats, change: Floats, perturbations: Floats, penalty: float
) -> Floats:
    r"""Solve for W in ``change ≈ genes · W · perturbationsᵀ``, with a ridge on both sides.

    Parameters
    ----------
    genes : ndarray, shape (G, K)
        Embedding of each measured gene.
    change : ndarray, shape (G, P)
        Changes to fit.
    perturbations : ndarray, shape (P, D)
        Embedding of each perturbation.
    penalty : float
        λ of both sides.

    Returns
    -------
    weights : ndarray, shape (K, D)
        :math:`(G^TG+\lambda I)^{-1}\, G^T Y P\, (P^TP+\lambda I)^{-1}`.

    References
    ----------
    Ahlmann-Eltze, Huber and Anders (2025), Nature Methods 22, 1657–1661 (their linear model).

    Examples
    --------
    >>> bilinear_weights(np.eye(2), np.array([[3.0], [1.0]]), np.ones((1, 1)), 0.0).tolist()
    [[3.0], [1.0]]
    """
    left = genes.T @ genes + penalty * np.eye(genes.shape[1])
    right = perturbations.T @ perturbations + penalty * np.eye(perturbations.shape[1])
    middle = genes.T @ change @ perturbations  # (K, D): all that the long axes are needed for
    return np.asarray(np.linalg.solve(right, np.linalg.solve(left, middle).T).T)


def _no_change(_x: Floats, y: Floats, new: Floats, _seed: int) -> Floats:
    return np.zeros((len(new), y.shape[1]))


def _mean(_x: Floats, y: Floats, new: Floats, _seed: int) -> Floats:
    return np.tile(y.mean(axis=0), (len(new), 1))


def _additive(x: Floats, y: Floats, new: Floats, _seed: int, missing: str = "refuse") -> Floats:
    """Add the changes of the single perturbations; a missing one is refused, or takes the mean."""
    single = x.sum(axis=1) == 1
    known = x[single].sum(axis=0) > 0
    unknown = (new[:, ~known] > 0).any(axis=1)
    if missing not in ("refuse", "mean"):
        raise ValueError(f"missing must be 'refuse' or 'mean', got {missing!r}")
    if unknown.any() and missing == "refuse":
        raise ValueError(
            f"{int(unknown.sum())} of {len(new)} conditions have a gene that was never perturbed "
            "alone; leave them out, or ask for missing='mean'"
        )
    effects = np.tile(y.mean(axis=0), (x.shape[1], 1))
    for gene in np.flatnonzero(known):
        effects[gene] = y[single & (x[:, gene] > 0)].mean(axis=0)
    return new @ effects


def _ridge(
    x: Floats, y: Floats, new: Floats, _seed: int, penalty: float = 1.0, centre: bool = False
) -> Floats:
    """One effect for each perturbed gene, shrunk towards zero, or towards the mean change."""
    base = y.mean(axis=0) if centre else np.zeros(y.shape[1])
    weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (y - base))
    return np.asarray(new @ weights + base)


def _bilinear(
    x: Floats,
    y: Floats,
    new: Floats,
    seed: int,
    rank: int = 8,
    penalty: float = 0.1,
    centre: bool = False,
    random: int = 0,
) -> Floats:
    """G · W · Pᵀ: G are principal components, P the design, or `random` columns drawn by chance."""
    if not 1 <= rank <= min(y.shape):
        raise ValueError(f"rank {rank} must lie between 1 and {min(y.shape)}, the smaller side")
    base = y.mean(axis=0) if centre else np.zeros(y.shape[1])
    genes = np.linalg.svd(y - base, full_matrices=False)[2][:rank].T  # (G, K), orthonormal
    table = np.eye(x.shape[1])
    if random:
        table = np.random.default_rng(seed).normal(size=(x.shape[1], random))
    weights = bilinear_weights(genes, (y - base).T, x @ table, penalty)
    return np.asarray(new @ table @ weights.T @ genes.T + base)


def _mlp(
    x: Floats,
    y: Floats,
    new: Floats,
    seed: int,
    penalty: float = 0.01,
    width: int = 64,
    steps: int = 150,
) -> Floats:
    """Fit a network with one hidden layer, from the design to the change."""
    scale = y.std() or 1.0
    network = MLPRegressor(
        hidden_layer_sizes=(width,),
        alpha=penalty,
        solver="lbfgs",
        max_iter=steps,
        random_state=seed,
    )
    with warnings.catch_warnings():  # the number of steps is a setting, not a failure
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(x, y / scale)
    return np.asarray(network.predict(new) * scale).reshape(len(new), y.shape[1])


PREDICTORS: dict[str, Callable[..., Floats]] = {
    "no change": _no_change,
    "mean": _mean,
    "additive": _additive,
    "ridge": _ridge,
    "bilinear": _bilinear,
    "MLP": _mlp,
}


def predict(
    method: str,
    train_design: npt.ArrayLike,
    train_change: npt.ArrayLike,
    new_design: npt.ArrayLike,
    *,
    seed: int = 0,
    **settings: Any,
) -> Prediction:
    """Predict the changes of conditions that were held out.

    Parameters
    ----------
    method : str
        One of `PREDICTORS`: "no change", "mean", "additive" (``missing``: "refuse" or "mean"),
        "ridge" (``penalty``, ``centre``), "bilinear" (``rank``, ``penalty``, ``centre``,
        ``random``: so many random columns for each perturbed gene), "MLP" (``penalty``, ``width``,
        ``steps``).
    train_design : array_like, shape (conditions, perturbed genes)
        As `design` makes it.
    train_change : array_like, shape (conditions, genes)
        Changes from control.
    new_design : array_like, shape (new conditions, perturbed genes)
        What to predict.
    seed : int, default 0
        For the network and random embeddings.
    **settings
        Of the method.

    Returns
    -------
    prediction : Prediction
        With the method's name and settings.

    Raises
    ------
    ValueError
        If the method is unknown, shapes disagree, there is nothing to learn from, or additive
        effects are missing.

    Examples
    --------
    >>> x, y = [[1, 0], [0, 1]], [[1.0, 0.0], [0.5, 2.0]]
    >>> predict("additive", x, y, [[1, 1]]).change.tolist()
    [[1.5, 2.0]]
    """
    if method not in PREDICTORS:
        raise ValueError(f"no predictor is called {method!r}; there are: {', '.join(PREDICTORS)}")
    x, y = np.asarray(train_design, dtype=np.float64), np.asarray(train_change, dtype=np.float64)
    new = np.asarray(new_design, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or not len(x):
        raise ValueError(f"design {x.shape} and change {y.shape} need as many rows, one at least")
    if new.ndim != 2 or new.shape[1] != x.shape[1]:
        raise ValueError(f"new design {new.shape} has other columns than the design {x.shape}")
    return Prediction(method, PREDICTORS[method](x, y, new, seed, **settings), dict(settings))


def delta_score(predicted: npt.ArrayLike, observed: npt.ArrayLike) -> Floats:
    """Correlate predicted and observed change, a constant prediction scoring 0.

    Parameters
    ----------
    predicted, observed : array_like, shape (conditions, genes)
        Changes from control.

    Returns
    -------
    correlation : ndarray, shape (conditions,)
        Pearson's; 0 where the prediction does not vary, as for "no change".

    Examples
    --------
    >>> delta_score([[0.0, 0.0], [1.0, 2.0]], [[1.0, 2.0], [1.0, 2.0]]).round(3).tolist()
    [0.0, 1.0]
    """
    observed = np.asarray(observed, dtype=np.float64)
    found = scores.pearson_delta(predicted, observed, np.zeros(observed.shape[-1]))
    return np.asarray(np.nan_to_num(found, nan=0.0))


def judge(
    predicted: npt.ArrayLike, observed: npt.ArrayLike, control: npt.ArrayLike
) -> dict[str, Floats]:
    """Score changes by four measures, a number for each condition.

    Parameters
    ----------
    predicted, observed : array_like, shape (conditions, genes)
        Changes from control.
    control : array_like, shape (genes,)
        Mean of the control cells: raw expression is this plus the change.

    Returns
    -------
    scores : dict of str to ndarray, shape (conditions,)
        "Pearson raw", "Pearson delta" (see `delta_score`), "L2" (a distance: lower is better) and
        "discrimination rank" (by L2; .5 is chance).

    Examples
    --------
    >>> truth = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> {name: found.round(2).tolist() for name, found in judge(truth, truth, [3, 1]).items()}
    {'Pearson raw': [1.0, 1.0], 'Pearson delta': [1.0, 1.0],
     'L2': [0.0, 0.0], 'discrimination rank': [1.0, 1.0]}
    """
    guess, truth = np.asarray(predicted, dtype=np.float64), np.asarray(observed, dtype=np.float64)
    base = np.asarray(control, dtype=np.float64)
    found = (
        delta_score(guess + base, truth + base),
        delta_score(guess, truth),
        np.linalg.norm(guess - truth, axis=1),
        scores.discrimination_rank(guess, truth, distance="l2"),
    )
    return dict(zip(METRICS, found, strict=True))


def deal(n: int, n_folds: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Deal items into folds of like size by chance.

    Parameters
    ----------
    n, n_folds : int
        Items, and folds.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    fold : ndarray of int, shape (n,)
        The fold of each item.

    Raises
    ------
    ValueError
        If there are fewer items than folds, or fewer than two folds.

    Examples
    --------
    >>> np.bincount(deal(5, 2, np.random.default_rng(0))).tolist()
    [3, 2]
    """
    if not 2 <= n_folds <= n:
        raise ValueError(f"{n} items cannot be dealt into {n_folds} folds; two or more, none empty")
    return np.asarray(rng.permutation(np.arange(n) % n_folds))


def choose(
    method: str,
    grid: Sequence[Settings],
    train_design: Floats,
    train_change: Floats,
    *,
    n_folds: int = 4,
    seed: int = 0,
) -> tuple[Settings, Floats]:
    """Choose settings by inner folds over the double perturbations one learns from.

    Parameters
    ----------
    method : str
        As in `predict`.
    grid : sequence of dict
        Settings to choose among.
    train_design, train_change : ndarray
        As in `predict`; the doubles among them are held out in turn, singles always stay.
    n_folds : int, default 4
        Inner folds.
    seed : int, default 0
        For folds and networks.

    Returns
    -------
    chosen : dict
        The settings with the best mean Pearson delta; the first of equals.
    means : ndarray, shape (settings,)
        Their scores on the inner folds.

    Raises
    ------
    ValueError
        If there are fewer doubles than folds.

    Examples
    --------
    >>> x = design(["A", "B", "C", "A+B", "A+C", "B+C"])[0]
    >>> y = x @ np.array([[1.0, 0.0, 0.2], [0.0, 2.0, 1.0], [0.5, 0.1, 0.3]])
    >>> choose("ridge", [{"penalty": 100.0}, {"penalty": 0.0001}], x, y, n_folds=3)[0]
    {'penalty': 0.0001}
    """
    doubles = np.flatnonzero(train_design.sum(axis=1) > 1)
    folds = deal(len(doubles), n_folds, np.random.default_rng(seed))
    found = np.zeros((len(grid), len(doubles)))
    for fold in range(n_folds):
        out = doubles[folds == fold]
        rest = np.setdiff1d(np.arange(len(train_design)), out)
        for row, settings in enumerate(grid):
            made = predict(
                method, train_design[rest], train_change[rest], train_design[out],
                seed=seed, **settings,
            )  # fmt: skip
            found[row, folds == fold] = delta_score(made.change, train_change[out])
    means = found.mean(axis=1)
    return dict(grid[int(np.argmax(means))]), means


GRIDS: dict[str, list[Settings]] = {
    "ridge": [{"penalty": p, "centre": c} for p in (0.01, 0.1, 1.0) for c in (False, True)],
    "bilinear": [{"rank": k, "penalty": p} for k in (2, 4, 8) for p in (0.01, 0.3)],
    "MLP": [{"penalty": p, "steps": s} for p in (0.01, 0.1, 0.3) for s in (30, 150)],
}


@dataclass(frozen=True, eq=False)
class ScreenRun:
    """Scores of every method on held-out doubles, for one halving of the cells.

    Parameters
    ----------
    names : tuple of str
        The doubles.
    scores : dict of str to dict of str to ndarray
        By method, then measure, a number for each double. "replicate" is the other half of the
        cells; "best on inner folds" is whichever method the inner folds preferred.
    chosen : list of dict
        For each outer fold the chosen settings by method.
    n_seen : ndarray of int
        How many of the double's genes occur in another condition.
    """

    names: tuple[str, ...]
    scores: dict[str, dict[str, Floats]]
    chosen: list[dict[str, Any]]
    n_seen: npt.NDArray[np.int64]


def run_screen(
    matrix: npt.ArrayLike,
    conditions: npt.ArrayLike,
    *,
    seed: int,
    fixed: Mapping[str, tuple[str, Settings]] | None = None,
    tuned: Sequence[str] = ("ridge", "bilinear", "MLP"),
    n_folds: int = 5,
) -> ScreenRun:
    """Hold doubles out in turn, learn from half of the cells, judge on the other half.

    Parameters
    ----------
    matrix : array_like, shape (cells, genes)
        Log-normalised expression.
    conditions : array_like of str, shape (cells,)
        Condition of each cell; "control" must be among them.
    seed : int
        Decides halves, folds and networks.
    fixed : mapping of str to (method, settings), optional
        Further rows with settings that were not tuned.
    tuned : sequence of str
        Methods whose settings are chosen by inner folds, see `GRIDS`.
    n_folds : int, default 5
        Outer folds over doubles.

    Returns
    -------
    run : ScreenRun
        The two halves share no cell, control cells included.

    Raises
    ------
    ValueError
        As `profiles`, `halves` and `deal`.

    Examples
    --------
    >>> from hypecheck.made_up_screens import made_up_screen
    >>> cells, names = made_up_screen(np.random.default_rng(0))
    >>> run = run_screen(cells, names, seed=0, tuned=("ridge",), n_folds=3)
    >>> bool(run.scores["ridge"]["Pearson delta"].mean() > 0.8)
    True
    """
    values, labels = np.asarray(matrix, dtype=np.float64), np.asarray(conditions).astype(str)
    rng = np.random.default_rng(seed)
    seen, truth = (profiles(values[half], labels[half]) for half in halves(labels, rng))
    x, _ = design(seen.names)
    doubles = np.flatnonzero(x.sum(axis=1) > 1)
    folds = deal(len(doubles), n_folds, rng)
    rows: dict[str, Floats] = {}
    chosen: list[dict[str, Any]] = []
    for fold in range(n_folds):
        out = doubles[folds == fold]
        rest = np.setdiff1d(np.arange(len(x)), out)
        made, settings = _fold(x, seen.change, rest, out, fixed or {}, tuned, seed)
        chosen.append(settings)
        for name, change in made.items():
            whole = rows.setdefault(name, np.zeros((len(doubles), values.shape[1])))
            whole[folds == fold] = change
    rows["replicate"] = seen.change[doubles]
    found = {n: judge(change, truth.change[doubles], truth.control) for n, change in rows.items()}
    elsewhere = x[doubles] * ((x.sum(axis=0) - x[doubles]) > 0)
    n_seen = elsewhere.sum(axis=1).astype(np.int64)
    return ScreenRun(tuple(seen.names[i] for i in doubles), found, chosen, n_seen)


def _fold(
    x: Floats,
    change: Floats,
    rest: npt.NDArray[np.int64],
    out: npt.NDArray[np.int64],
    fixed: Mapping[str, tuple[str, Settings]],
    tuned: Sequence[str],
    seed: int,
) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Predict one outer fold with every method."""
    named: dict[str, tuple[str, Settings]] = {"no change": ("no change", {}), "mean": ("mean", {})}
    named |= {"additive": ("additive", {"missing": "mean"})} | dict(fixed)
    best, best_score = "mean", 0.0
    for method in tuned:
        settings, means = choose(method, GRIDS[method], x[rest], change[rest], seed=seed)
        named[method] = (method, settings)
        if means.max() > best_score:
            best, best_score = method, float(means.max())
    made = {
        name: predict(method, x[rest], change[rest], x[out], seed=seed, **settings).change
        for name, (method, settings) in named.items()
    }
    made["best on inner folds"] = made[best]
    return made, {name: dict(named[name][1]) for name in tuned} | {"best": best}


def replicate_agreement(
    matrix: npt.ArrayLike, conditions: npt.ArrayLike, *, seed: int
) -> dict[str, dict[str, Floats]]:
    """Ask how well one half of the cells predicts the other: what no method can be judged beyond.

    Parameters
    ----------
    matrix, conditions
        As in `run_screen`.
    seed : int
        Decides the halves.

    Returns
    -------
    scores : dict of str to dict of str to ndarray
        For "replicate", "no change" and "mean" the four measures of `judge`, a number for each
        perturbation.

    Examples
    --------
    >>> from hypecheck.made_up_screens import made_up_screen
    >>> cells, names = made_up_screen(np.random.default_rng(0))
    >>> found = replicate_agreement(cells, names, seed=0)
    >>> bool(found["replicate"]["Pearson delta"].min() > 0.9)
    True
    """
    values, labels = np.asarray(matrix, dtype=np.float64), np.asarray(conditions).astype(str)
    one, other = (
        profiles(values[half], labels[half]) for half in halves(labels, np.random.default_rng(seed))
    )
    guesses = {
        "replicate": one.change,
        "no change": np.zeros_like(one.change),
        "mean": np.tile(one.change.mean(axis=0), (len(one.change), 1)),
    }
    return {name: judge(guess, other.change, other.control) for name, guess in guesses.items()}


def _mean_of(_truth: Floats, values: Floats, counts: npt.NDArray[Any]) -> Floats:
    return np.asarray(counts @ values / counts.sum(axis=1))


def mean_gap(ours: npt.ArrayLike, other: npt.ArrayLike | float = 0.0) -> Interval:
    """Give a mean score, or a mean difference, with its interval over seeds and items.

    Parameters
    ----------
    ours : array_like, shape (seeds, items)
        A score for each held-out perturbation, or gene.
    other : array_like, shape (seeds, items), or float, default 0
        What it is compared with, paired by seed and item.

    Returns
    -------
    gap : Interval
        As `hypecheck.resampling.paired_seeds_and_items` makes it.

    Examples
    --------
    >>> print(mean_gap([[0.4, 0.5, 0.6], [0.4, 0.5, 0.6]], 0.5).estimate)
    0.0
    """
    first = np.asarray(ours, dtype=np.float64)
    second = np.broadcast_to(np.asarray(other, dtype=np.float64), first.shape)
    mean, rng = scores.WeightedScore("mean", _mean_of), np.random.default_rng(0)
    return paired_seeds_and_items(mean, np.zeros(first.shape[1]), first, second, rng=rng)


def clear_leads(
    table: npt.ArrayLike,
    methods: Sequence[str],
    *,
    linear: Sequence[str],
    groups: npt.ArrayLike,
    n_tests: int,
    n_resamples: int = 1000,
) -> dict[str, Interval]:
    """Give each other method's lead over the best linear one, corrected for many looks.

    Parameters
    ----------
    table : array_like, shape (tests, methods)
        Scores, higher is better, one measure and one data set.
    methods : sequence of str
        The columns.
    linear : sequence of str
        Which of them are linear baselines; the lead is over the best of their means.
    groups : array_like, shape (tests,)
        The perturbation of each test; whole perturbations are resampled.
    n_tests : int
        Leads that are looked at in all; each interval has level 1 − .05 / `n_tests`.
    n_resamples : int, default 1000
        Resamples; the width of their 95 % interval gives a standard error, from which the wider
        one is made, since quantiles that far out need more resamples than there are.

    Returns
    -------
    leads : dict of str to Interval
        By method; in every resample the best linear one is found anew.

    Raises
    ------
    ValueError
        If a linear method has no column, or no other is left.

    Examples
    --------
    >>> scores = np.array([[0.1, 0.8], [0.2, 0.9], [0.1, 0.9], [0.3, 0.9]])
    >>> found = clear_leads(scores, ["mean", "net"], linear=["mean"], groups=range(4), n_tests=1)
    >>> found["net"].low > 0.4
    True
    """
    values, names = np.asarray(table, dtype=np.float64), list(methods)
    others = [name for name in names if name not in linear]
    if not set(linear) <= set(names) or not others:
        raise ValueError(f"linear {list(linear)} must be some of the columns {names}, not all")
    base = values[:, [names.index(name) for name in linear]]
    rng = np.random.default_rng(0)

    def spread(column: Floats) -> Interval:
        def lead(deep: Floats, rest: Floats) -> float:
            return float(deep.mean() - rest.mean(axis=0).max())

        found = bootstrap_interval(
            lead, column, base, rng=rng, groups=np.asarray(groups), n_resamples=n_resamples
        )
        units = len(np.unique(np.asarray(groups)))
        error = (found.high - found.low) / (2 * t_quantile(0.95, units - 1))
        whole = replace(found, standard_error=error, degrees_of_freedom=units - 1)
        return whole.at_level(1 - 0.05 / n_tests)

    return {name: spread(values[:, names.index(name)]) for name in others}
