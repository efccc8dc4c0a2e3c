"""Simulated screens of perturbations: additive effects are planted in cells, pairs and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from anndata import AnnData

Floats: TypeAlias = npt.NDArray[np.float64]

LINEAR = ("baseControl", "trainMean", "baseReg", "linearModel", "GenePert")
DEEP = ("scGPT", "CPA", "GEARS", "scouter")
MEASURES = {"cor": "pcc", "edistance_score": "edistance", "mse_score": "mse", "sym_score": "sym"}


def made_up_screen(
    rng: np.random.Generator, *, n_cells: int = 40, n_genes: int = 40, noise: float = 0.1
) -> tuple[Floats, npt.NDArray[np.str_]]:
    """Simulate a screen whose double perturbations add up.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    n_cells, n_genes : int
        Cells a condition, and measured genes.
    noise : float, default .1
        Standard deviation of a cell.

    Returns
    -------
    matrix : ndarray, shape (cells, genes)
        Log expression, never negative.
    conditions : ndarray of str, shape (cells,)
        Control, six genes alone, and all their pairs.

    Examples
    --------
    >>> cells, conditions = made_up_screen(np.random.default_rng(0))
    >>> cells.shape, len(set(conditions.tolist()))
    ((880, 40), 22)
    """
    genes = "ABCDEF"
    pairs = [f"{a}+{b}" for i, a in enumerate(genes) for b in genes[i + 1 :]]
    names = ["control", *genes, *pairs]
    effects = dict(zip(genes, rng.normal(0, 0.4, (len(genes), n_genes)), strict=True))
    base = rng.uniform(2, 4, n_genes)
    means = [base + sum(effects[g] for g in genes if g in n and n != "control") for n in names]
    cells = np.repeat(means, n_cells, axis=0) + rng.normal(
        0, noise, (len(names) * n_cells, n_genes)
    )
    return np.maximum(cells, 0), np.repeat(np.array(names), n_cells)


def made_up_cells(rng: np.random.Generator) -> AnnData:
    """Simulate a screen in one cell line that replicates, and in two others that do not.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    cells : anndata.AnnData
        ``obs`` has "condition", the same as "perturbation", and "cell_type": "k562" with planted
        effects, "A172" and "T98G" with none.

    Examples
    --------
    >>> made_up_cells(np.random.default_rng(0)).obs["cell_type"].value_counts().tolist()
    [880, 280, 280]
    """
    import anndata  # slow to import, and seldom needed
    from scipy.sparse import csr_matrix

    real, names = made_up_screen(rng)
    empty = rng.uniform(2, 4, (560, real.shape[1]))
    single = [name for name in np.unique(names) if "+" not in name]
    condition = [*names.tolist(), *np.repeat(single, 40).tolist() * 2]
    line = ["k562"] * len(names) + ["A172"] * 280 + ["T98G"] * 280
    table = pd.DataFrame({"condition": condition, "perturbation": condition, "cell_type": line})
    table.index = table.index.astype(str)
    return anndata.AnnData(csr_matrix(np.vstack([real, empty])), obs=table)


def made_up_fitness(rng: np.random.Generator, *, n: int = 113) -> dict[str, pd.DataFrame]:
    """Simulate fitness of pairs that is the sum of the genes' own, with noise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    n : int, default 113
        Genes.

    Returns
    -------
    frames : dict of str to DataFrame
        "processed_fitnesses" and "single_fitnesses".

    Examples
    --------
    >>> made_up_fitness(np.random.default_rng(0), n=4)["processed_fitnesses"].shape
    (4, 5)
    """
    genes = [f"G{i}" for i in range(n)]
    alone, noise = rng.normal(-0.2, 0.15, n), rng.normal(0, 0.05, (n, n))
    pairs = pd.DataFrame(alone[:, None] + alone + (noise + noise.T) / 2, columns=genes)
    pairs.insert(0, "gene", genes)
    single = pd.DataFrame({"guide_target": genes, "average_fitness": alone})
    return {"processed_fitnesses": pairs, "single_fitnesses": single}


def made_up_ranks(rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Simulate a table of scores in which linear methods lead by three measures of four.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    frames : dict of str to DataFrame
        "genetic_combo_performance_top5000", with the columns of the published table.

    Examples
    --------
    >>> len(made_up_ranks(np.random.default_rng(0))["genetic_combo_performance_top5000"])
    720
    """
    rows = []
    for data in ("Norman", "Replogle_exp6", "Schmidt", "Wessels"):
        for test in range(20):
            for method in (*LINEAR, *DEEP):
                better = np.where(np.arange(4) < 3, method in LINEAR, method in DEEP)
                made = 0.5 + 0.2 * better + rng.normal(0, 0.05, 4)
                name = f"P{test // 2}_{test % 2 + 1}"
                rows.append(
                    {"method": method, "DataSet": data, "op": name}
                    | dict(zip(MEASURES, made, strict=True))
                )
    table = pd.DataFrame(rows)
    for column, short in MEASURES.items():
        ranks = table.groupby(["DataSet", "op"])[column].rank(ascending=False)
        table[f"Rank_{short}"] = ranks
    mean = table[[f"Rank_{short}" for short in MEASURES.values()]].mean(axis=1)
    table["Rank"] = mean.groupby([table["DataSet"], table["op"]]).rank(method="min")
    return {"genetic_combo_performance_top5000": table}
