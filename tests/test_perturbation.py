"""Predictors of perturbations against hand-worked cases, references and a planted truth."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from hypecheck import made_up_screens, perturbation

X, GENES = perturbation.design(["A", "B", "C", "A+B"])
Y = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0], [1.0, 2.5, 0.0]])


@pytest.fixture
def screen():
    return made_up_screens.made_up_screen(np.random.default_rng(0), n_cells=20)


def test_profiles_by_hand():
    cells = [[1.0, 0.2], [3.0, 0.2], [2.5, 0.2], [4.0, 1.2], [5.0, 0.7]]
    made = perturbation.profiles(cells, ["control", "control", "B", "A", "A"])
    assert made.names == ("A", "B")
    assert_allclose(made.change, [[2.5, 0.75], [0.5, 0.0]])
    assert made.n_cells.tolist() == [2, 1]


def test_counts_are_refused():
    with pytest.raises(ValueError, match="look like counts"):
        perturbation.profiles([[0.0, 7.0], [3.0, 1.0]], ["control", "A"])
    with pytest.raises(ValueError, match="look like counts"):
        perturbation.profiles([[0.5, 712.3], [3.1, 1.0]], ["control", "A"])
    with pytest.raises(ValueError, match="not negative"):
        perturbation.profiles([[0.5, -0.3], [3.1, 1.0]], ["control", "A"])


@pytest.mark.parametrize("conditions", [["A", "B"], ["control", "control"]])
def test_empty_groups_are_refused(conditions):
    with pytest.raises(ValueError, match="empty group"):
        perturbation.profiles([[0.5, 0.3], [0.1, 1.2]], conditions)


def test_unmeasurable_perturbations_are_refused():
    with pytest.raises(ValueError, match="no column"):
        perturbation.design(["A", "Z"], GENES)
    with pytest.raises(ValueError, match="never perturbed alone"):
        perturbation.predict("additive", X[[0, 3]], Y[[0, 3]], [[0, 1, 1]])


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match="no predictor"):
        perturbation.predict("oracle", X, Y, X)
    with pytest.raises(ValueError, match="as many rows"):
        perturbation.predict("mean", X, Y[:2], X)
    with pytest.raises(ValueError, match="other columns"):
        perturbation.predict("mean", X, Y, [[1, 0]])
    with pytest.raises(ValueError, match="'refuse' or 'mean'"):
        perturbation.predict("additive", X, Y, X, missing="zero")
    with pytest.raises(ValueError, match="rank 9"):
        perturbation.predict("bilinear", X, Y, X, rank=9)
    with pytest.raises(ValueError, match="one cell"):
        perturbation.halves(["A", "A", "B"], np.random.default_rng(0))
    with pytest.raises(ValueError, match="cannot be dealt"):
        perturbation.deal(2, 3, np.random.default_rng(0))


def test_baselines_by_hand():
    new = [[1, 0, 1]]
    assert perturbation.predict("no change", X, Y, new).change.tolist() == [[0, 0, 0]]
    assert_allclose(perturbation.predict("mean", X, Y, new).change, Y.mean(axis=0)[None])
    assert_allclose(perturbation.predict("additive", X, Y, new).change, [[1.0, 0.0, 3.0]])
    made = perturbation.predict("additive", X[[0, 3]], Y[[0, 3]], [[1, 1, 0]], missing="mean")
    assert_allclose(made.change, Y[0] + Y[[0, 3]].mean(axis=0)[None])
    assert made.method == "additive"
    assert made.settings == {"missing": "mean"}


def test_ridge_equals_scikit_learn():
    rng = np.random.default_rng(0)
    x, y, new = rng.integers(0, 2, (20, 6)) * 1.0, rng.normal(size=(20, 9)), np.eye(6)
    ours = perturbation.predict("ridge", x, y, new, penalty=0.7).change
    assert_allclose(ours, Ridge(alpha=0.7, fit_intercept=False).fit(x, y).predict(new))
    centred = perturbation.predict("ridge", x, y, new, penalty=0.7, centre=True).change
    peer = Ridge(alpha=0.7, fit_intercept=False).fit(x, y - y.mean(axis=0))
    assert_allclose(centred, peer.predict(new) + y.mean(axis=0))


def test_bilinear_weights_equal_plain_least_squares():
    rng = np.random.default_rng(1)
    g, p, y = rng.normal(size=(30, 3)), rng.normal(size=(12, 2)), rng.normal(size=(30, 12))
    plain = np.linalg.lstsq(np.kron(g, p), y.ravel(), rcond=None)[0].reshape(3, 2)
    assert_allclose(perturbation.bilinear_weights(g, y, p, 0.0), plain)
    wide = (np.linalg.inv(g.T @ g + np.eye(3)) @ g.T) @ y @ (p @ np.linalg.inv(p.T @ p + np.eye(2)))
    assert_allclose(perturbation.bilinear_weights(g, y, p, 1.0), wide)


def test_bilinear_of_full_rank_is_ridge():
    x, y = X, np.random.default_rng(2).normal(size=(4, 8))
    full = perturbation.predict("bilinear", x, y, x, rank=4, penalty=1e-12).change
    assert_allclose(full, perturbation.predict("ridge", x, y, x, penalty=1e-12).change, atol=1e-6)


def test_random_embedding_follows_the_seed():
    def run(seed):
        return perturbation.predict("bilinear", X, Y, X, seed=seed, rank=2, random=5).change

    assert_allclose(run(0), run(0))
    assert not np.allclose(run(0), run(1))


def test_network_learns_the_training_rows():
    made = perturbation.predict("MLP", X, Y, X, penalty=1e-6, steps=500)
    assert_allclose(made.change, Y, atol=0.1)


def test_judge_knows_no_change():
    truth, control = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]), np.array([3.0, 1.0, 2.0])
    found = perturbation.judge(np.zeros_like(truth), truth, control)
    assert found["Pearson delta"].tolist() == [0.0, 0.0]
    assert found["Pearson raw"].min() > 0.5
    assert_allclose(found["L2"], np.linalg.norm(truth, axis=1))
    assert tuple(found) == perturbation.METRICS


def test_halves_are_disjoint_within_conditions(screen):
    _, names = screen
    first, second = perturbation.halves(names, np.random.default_rng(3))
    assert not (first & second).any()
    assert all(first[names == name].sum() == 10 for name in set(names.tolist()))


def test_choice_sees_only_doubles_it_learns_from():
    with pytest.raises(ValueError, match="cannot be dealt"):
        perturbation.choose("ridge", [{}], X, Y, n_folds=2)


def test_planted_additive_effects_are_found(screen):
    cells, names = screen
    fixed = {"too strong": ("ridge", {"penalty": 100.0, "centre": True})}
    run = perturbation.run_screen(cells, names, seed=0, tuned=("ridge",), fixed=fixed)
    delta = {name: found["Pearson delta"].mean() for name, found in run.scores.items()}
    assert len(run.names) == 15
    assert (run.n_seen == 2).all()
    assert delta["replicate"] > 0.95
    assert delta["ridge"] > 0.9
    assert delta["additive"] > 0.9
    assert delta["no change"] == 0
    assert delta["too strong"] < delta["ridge"]
    assert delta["mean"] < delta["too strong"] + 0.2
    assert_allclose(delta["best on inner folds"], delta["ridge"])


def test_noise_has_no_agreement():
    rng = np.random.default_rng(4)
    cells, names = rng.uniform(1, 2, (200, 60)), np.repeat(["control", "A", "B", "C"], 50)
    found = perturbation.replicate_agreement(cells, names, seed=0)
    assert found["replicate"]["L2"].mean() > found["no change"]["L2"].mean()


def test_leads_need_to_be_clear_of_every_linear_row():
    rng = np.random.default_rng(5)
    level = rng.normal(size=(60, 1))
    table = level + np.array([[0.0, 0.1, 1.0, 0.12]]) + 0.1 * rng.normal(size=(60, 4))
    groups = np.repeat(np.arange(30), 2)
    found = perturbation.clear_leads(
        table,
        ["mean", "linear", "deep", "tie"],
        linear=["mean", "linear"],
        groups=groups,
        n_tests=4,
    )
    assert set(found) == {"deep", "tie"}
    assert found["deep"].low > 0.5
    assert found["tie"].low < 0.1


def test_made_up_screen_agrees_only_where_effects_are_planted():
    cells = made_up_screens.made_up_cells(np.random.default_rng(6))
    agreement = {}
    for line, part in cells.obs.groupby("cell_type"):
        matrix = cells[part.index].X.toarray()
        found = perturbation.replicate_agreement(matrix, part["condition"], seed=0)
        agreement[line] = found["replicate"]["Pearson delta"].mean()
    assert agreement["k562"] > 0.9
    assert abs(agreement["A172"]) < 0.3


def test_made_up_table_and_matrix():
    table = made_up_screens.made_up_ranks(np.random.default_rng(7))
    table = table["genetic_combo_performance_top5000"]
    mean = table.groupby("method")[["Rank_pcc", "Rank_sym"]].mean()
    assert mean.loc["linearModel", "Rank_pcc"] < mean.loc["scGPT", "Rank_pcc"]
    assert mean.loc["linearModel", "Rank_sym"] > mean.loc["scGPT", "Rank_sym"]
    pairs = made_up_screens.made_up_fitness(np.random.default_rng(8), n=9)["processed_fitnesses"]
    matrix = pairs.set_index("gene").to_numpy()
    assert_allclose(matrix, matrix.T)


def test_mean_gap_is_paired():
    values = np.random.default_rng(9).normal(size=(5, 15))
    found = perturbation.mean_gap(values + 0.1, values)
    assert_allclose([found.estimate, found.low, found.high], 0.1)
    assert (found.n, found.n_seeds) == (15, 5)
    assert perturbation.mean_gap(values).low < perturbation.mean_gap(values).estimate
