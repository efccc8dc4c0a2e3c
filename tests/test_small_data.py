"""A reference helps where it should, and brings nothing where it cannot."""

import numpy as np
import pytest
from anndata import AnnData

from hypecheck.small_data import line_shifts, mean_shifts, outside_minus_own, placed_cells


def test_a_reference_finds_the_direction_that_few_cells_hide():
    rng = np.random.default_rng(0)
    types = rng.integers(2, size=400)
    cells = rng.normal(size=(400, 200))
    cells[:, :40] += types[:, None] * 1.0
    pairs = [placed_cells(cells, types, np.random.default_rng(s), n_few=12) for s in range(5)]
    assert np.mean([both - alone for both, alone in pairs]) > 0


def test_too_few_cells_are_refused():
    with pytest.raises(ValueError, match="too few"):
        placed_cells(np.ones((10, 3)), np.zeros(10), np.random.default_rng(0), n_few=5)


def test_shifts_by_hand():
    shifts = mean_shifts([[1.0, 0.0], [3.0, 2.0], [5.0, 2.0]], ["c", "a", "a"], "c")
    assert shifts["a"].tolist() == [3.0, 2.0]


def test_another_line_helps_if_it_responds_alike():
    rng = np.random.default_rng(0)
    own = {str(i): rng.normal(size=50) for i in range(6)}
    alike = {name: shift + 0.1 * rng.normal(size=50) for name, shift in own.items()}
    unlike = {name: rng.normal(size=50) for name in own}
    assert outside_minus_own(own, alike).min() > 0.5
    assert abs(outside_minus_own(own, unlike).mean()) < 0.5
    with pytest.raises(ValueError, match="three"):
        outside_minus_own({"a": own["0"]}, alike)


def test_lines_are_taken_apart():
    cells = AnnData(np.arange(8.0).reshape(4, 2))
    cells.obs["cell_type"] = ["A172", "A172", "T98G", "T98G"]
    cells.obs["perturbation"] = ["control", "x", "control", "x"]
    own, outside = line_shifts(cells)
    assert own["x"].tolist() == outside["x"].tolist() == [2.0, 2.0]
