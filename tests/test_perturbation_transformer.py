"""The transformer over gene tokens: a planted truth, the folds of its siblings, and refusals."""

from itertools import combinations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from hypecheck import made_up_screens, perturbation
from hypecheck import perturbation_transformer as pert
from hypecheck.studies import perturbation as study

X, GENES = perturbation.design(["A", "B", "C", "D", "A+B", "C+D", "B+C", "A+D"])
CONTROL = np.linspace(0.2, 1.5, 8)


def additive_world(seed=0):
    return X @ np.random.default_rng(seed).normal(size=(len(GENES), len(CONTROL)))


def test_untrained_it_says_the_mean():
    model = pert.TokenTransformer(CONTROL, len(GENES))
    assert_array_equal(model(torch.from_numpy(X).float()).detach(), torch.zeros(8, 8))


def test_an_additive_world_is_learnt_better_than_the_mean():
    x, _ = perturbation.design([*"ABCDEF", *("+".join(pair) for pair in combinations("ABCDEF", 2))])
    y = x @ np.random.default_rng(0).normal(size=(6, 12))
    out = np.array([6, 11, 16, 20])
    rest = np.setdiff1d(np.arange(len(x)), out)
    control = np.linspace(0.2, 1.5, 12)
    made = pert.train_and_predict(x[rest], y[rest], x[out], control, rate=0.01, steps=[100])[100]
    mean = np.tile(y[rest].mean(axis=0), (4, 1))
    ours, floor = (perturbation.delta_score(guess, y[out]).mean() for guess in (made, mean))
    assert ours > max(0.8, floor + 0.2)
    assert np.linalg.norm(made - y[out]) < 0.7 * np.linalg.norm(mean - y[out])


def test_training_is_deterministic_and_steps_are_those_of_one_training():
    y = additive_world()
    both = pert.train_and_predict(X, y, X, CONTROL, rate=0.01, steps=[3, 6], seed=1)
    alone = pert.train_and_predict(X, y, X, CONTROL, rate=0.01, steps=[3], seed=1)
    other = pert.train_and_predict(X, y, X, CONTROL, rate=0.01, steps=[3], seed=2)
    assert both[6].shape == y.shape
    assert_array_equal(both[3], alone[3])
    assert np.abs(both[3] - other[3]).max() > 1e-3


def test_a_second_mark_is_seen_by_the_tokens_of_other_genes():
    model = pert.TokenTransformer(CONTROL, len(GENES), n_layers=2)
    torch.nn.init.normal_(model.readout)
    made = model(torch.tensor([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]))
    assert (made[0] - made[1]).abs().max() > 1e-3


def test_halves_and_folds_are_those_of_the_siblings(monkeypatch):
    monkeypatch.setattr(pert, "STEPS", (2,))
    cells, names = made_up_screens.made_up_screen(np.random.default_rng(0), n_cells=8)
    simple = perturbation.run_screen(cells, names, seed=3, tuned=(), n_folds=3)

    def mean(x, y, new, control, *, rate, steps, seed):  # in the place of the network
        return {step: np.tile(y.mean(axis=0), (len(new), 1)) for step in steps}

    monkeypatch.setattr(pert, "train_and_predict", mean)
    scores, chosen = pert.transformer_screen(cells, names, seed=3, n_folds=3)
    for measure in perturbation.METRICS:
        assert_allclose(scores[measure], simple.scores["mean"][measure])
    assert len(chosen) == 3


def test_choice_equals_the_inner_folds_of_the_siblings(monkeypatch):
    monkeypatch.setattr(pert, "STEPS", (1, 4))

    def network(x, y, new, seed, rate, step):
        made = pert.train_and_predict(x, y, new, CONTROL, rate=rate, steps=[step], seed=seed)
        return made[step]

    monkeypatch.setitem(perturbation.PREDICTORS, "network", network)
    grid = [{"rate": rate, "step": step} for rate in pert.RATES for step in (1, 4)]
    y = additive_world()
    peer, _ = perturbation.choose("network", grid, X, y, n_folds=2, seed=5)
    found = pert.choose_training(X, y, CONTROL, n_folds=2, seed=5)
    assert found == (peer["rate"], peer["step"])


def test_bad_calls_are_refused():
    y = additive_world()

    def call(x=X, y=y, new=X, control=CONTROL, steps=(1,), rate=0.01):
        return pert.train_and_predict(x, y, new, control, rate=rate, steps=steps)

    for bad, message in (
        ({"y": y[:2]}, "as many rows"),
        ({"new": X[:, :2]}, "other columns"),
        ({"control": CONTROL[:3]}, "one value for each of 8 genes"),
        ({"steps": ()}, "from 1 up"),
        ({"steps": (0,)}, "from 1 up"),
        ({"y": y * np.nan}, "not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            call(**bad)
    with pytest.raises(ValueError, match="a perturbed gene"):
        pert.TokenTransformer(CONTROL, 0)
    with pytest.raises(ValueError, match="cannot be dealt"):
        pert.choose_training(X, y, CONTROL, n_folds=9)


def test_a_cell_of_the_study_scores_every_double(monkeypatch):
    monkeypatch.setattr(pert, "STEPS", (1,))
    cells, names = made_up_screens.made_up_screen(np.random.default_rng(1), n_cells=6)
    found = study.screen_cell(cells, names, 0)
    lengths = {len(one) for row in found["scores"].values() for one in row.values()}
    assert lengths == {len(found["names"])}
    assert len(found["chosen"]) == 5
