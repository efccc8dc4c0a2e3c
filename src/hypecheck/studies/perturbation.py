"""A transformer over gene tokens on the doubles of a screen, beside the mean and a tuned ridge.

Too slow to run with the chapter: 225 short trainings, each choice made on inner folds.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hypecheck.cells import Cell, run_cells
from hypecheck.datasets import load
from hypecheck.perturbation import run_screen
from hypecheck.perturbation_transformer import (
    D_FF,
    DECAY,
    N_HEADS,
    RATES,
    STEPS,
    WIDTH,
    transformer_screen,
)
from hypecheck.recorded import RecordedRun, describe_run

SEEDS = (0, 1, 2, 3, 4)
LEAST = 0.01  # mean control expression of a gene that is kept


def screen_cell(
    matrix: npt.NDArray[np.float64], labels: npt.NDArray[np.str_], seed: int
) -> dict[str, Any]:
    """Score the transformer, the mean and a tuned ridge on the same halves and folds.

    Parameters
    ----------
    matrix, labels
        As in `hypecheck.perturbation.run_screen`.
    seed : int
        Decides halves, folds and weights.

    Returns
    -------
    found : dict
        "names" of the doubles, "scores" by method and measure, and what was "chosen".
    """
    torch.set_num_threads(1)
    start = time.process_time()
    simple = run_screen(matrix, labels, seed=seed, tuned=("ridge",))
    scores = {name: simple.scores[name] for name in ("mean", "ridge")}
    scores["transformer"], chosen = transformer_screen(matrix, labels, seed=seed)
    rounded = {
        name: {measure: np.round(one, 5).tolist() for measure, one in row.items()}
        for name, row in scores.items()
    }
    seconds = time.process_time() - start
    return {"names": simple.names, "scores": rounded, "chosen": chosen, "cpu_seconds": seconds}


def perturbation_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Hold doubles out, five times over.

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
        "seeds": for each seed the scores of every double, by method and measure.
    weights : tuple of Path
        Empty.

    Raises
    ------
    DatasetError
        If the data are not at hand.
    """
    data = load("perturbseq_norman_mcfaline_devel", offline=False)
    table = data.data.obs
    here = (table["cell_type"] == "k562").to_numpy()
    matrix = data.data.X[here].toarray().astype(np.float64)
    labels = table["condition"].astype(str)[here].to_numpy().astype(str)
    matrix = matrix[:, matrix[labels == "control"].mean(axis=0) > LEAST]
    plan = {
        "rates": RATES, "steps": STEPS, "width": WIDTH, "heads": N_HEADS, "d_ff": D_FF,
        "decay": DECAY, "genes": matrix.shape[1],
    }  # fmt: skip
    cells = [
        Cell(f"perturbation-{seed}", screen_cell, (matrix, labels, seed), f"{plan} {seed}")
        for seed in SEEDS
    ]
    found = run_cells(cells, folder, n_jobs=n_jobs, progress=progress)
    run = describe_run(
        "perturbation",
        {"plan": plan, "seeds": found},
        command="hypecheck record perturbation",
        data=[data],
        seeds=SEEDS,
        cpu_hours=sum(one["cpu_seconds"] for one in found) / 3600,
    )
    return run, ()
