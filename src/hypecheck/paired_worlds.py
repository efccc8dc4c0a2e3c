"""A world of two modalities whose truth is known: a shared state, private programmes, noise.

Design choices

- Some features of each modality follow the shared state; programmes of its own move all features.
- The second modality is counts with a depth of its own for every cell, so that scale and
  distribution differ as they do between expression and accessibility.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairedWorld:
    """Simulated cells, measured twice.

    Attributes
    ----------
    first : ndarray of float64, shape (N, D)
        Log expression, in its own unit.
    second : ndarray of float64, shape (N, D)
        Counts.
    state : ndarray of float64, shape (N, S)
        What both modalities follow.
    tied : ndarray of bool, shape (2, D)
        Which features of each modality follow the state.
    """

    first: Floats
    second: Floats
    state: Floats
    tied: npt.NDArray[np.bool_]


def paired_world(
    n_cells: int,
    rng: np.random.Generator,
    *,
    n_features: int = 30,
    n_tied: int = 10,
    n_shared: int = 2,
    n_private: int = 3,
    private: float = 1.0,
    noise: tuple[float, float] = (1.0, 1.0),
) -> PairedWorld:
    """Simulate cells with a state that two modalities share.

    Parameters
    ----------
    n_cells : int
        Cells.
    rng : numpy.random.Generator
        Source of randomness.
    n_features, n_tied : int
        Features of each modality, and how many of them follow the state.
    n_shared, n_private : int
        Dimensions of the state, and programmes of each modality alone.
    private : float, default 1
        Strength of the private programmes against that of the state.
    noise : pair of float, default (1, 1)
        Standard deviation of a feature's noise in each modality, in units of the state.

    Returns
    -------
    world : PairedWorld

    Raises
    ------
    ValueError
        If more features are tied than there are.

    Examples
    --------
    >>> world = paired_world(50, np.random.default_rng(0))
    >>> world.first.shape, world.state.shape, int(world.tied.sum())
    ((50, 30), (50, 2), 20)
    """
    if n_tied > n_features:
        raise ValueError(f"{n_tied} tied features among {n_features}: ask for fewer")
    state = rng.normal(size=(n_cells, n_shared))
    signals, tied = [], np.zeros((2, n_features), dtype=bool)
    for row, spread in enumerate(noise):
        tied[row, rng.choice(n_features, n_tied, replace=False)] = True
        loadings = rng.normal(size=(n_shared, n_features)) * tied[row]
        own = rng.normal(size=(n_cells, n_private)) @ rng.normal(size=(n_private, n_features))
        signals.append(
            state @ loadings + private * own + rng.normal(0, spread, (n_cells, n_features))
        )
    depth = rng.lognormal(0, 0.5, (n_cells, 1))
    counts = rng.poisson(300 * depth * np.exp(0.3 * signals[1])).astype(np.float64)
    return PairedWorld(signals[0], counts, state, tied)


def made_up_pairs(rng: np.random.Generator, *, n_cells: int = 600) -> dict[str, pd.DataFrame]:
    """Simulate paired cells of four types, in the form of the SNARE-seq tables.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    n_cells : int, default 600
        Cells.

    Returns
    -------
    frames : dict of str to DataFrame
        "rna" (10 features), "atac" (19, counts) and "types" (one column, 1 to 4): both modalities
        follow the type, the first with less noise, and nothing else is shared.

    Examples
    --------
    >>> {name: frame.shape for name, frame in made_up_pairs(np.random.default_rng(0)).items()}
    {'rna': (600, 10), 'atac': (600, 19), 'types': (600, 1)}
    """
    types = rng.integers(0, 4, n_cells)
    rna = rng.normal(0, 3, (4, 10))[types] + rng.normal(size=(n_cells, 10))
    mean = rng.normal(0, 0.5, (4, 19))[types] + rng.normal(0, 0.5, (n_cells, 19))
    atac = rng.poisson(5000 * rng.lognormal(0, 0.6, (n_cells, 1)) * np.exp(mean))
    return {
        "rna": pd.DataFrame(rna, columns=[f"r{i}" for i in range(10)]),
        "atac": pd.DataFrame(atac.astype(np.float64), columns=[f"a{i}" for i in range(19)]),
        "types": pd.DataFrame({"type": types + 1}),
    }
