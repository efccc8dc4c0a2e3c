"""Members trained at once are what they would be alone; an interruption changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hypecheck.ensembles import (
    EnsemblePlan,
    ensemble_path,
    hidden_token_probabilities,
    next_token_probabilities,
    train_ensemble,
)
from hypecheck.models import Transformer, TransformerConfig, VocabularyMismatchError
from hypecheck.objectives import CausalObjective, MaskedObjective
from hypecheck.optimisation import TrainingConfig, TrainingDivergedError
from hypecheck.training import fit_language_model

SHAPE = TransformerConfig(vocab_size=9, d_model=8, n_layers=1, n_heads=2, d_ff=8, max_length=12)
TRAINING = TrainingConfig(steps=6, batch_size=4, length=12, checkpoint_every=2, clip=0.5)
PLAN = EnsemblePlan(SHAPE, MaskedObjective(), TRAINING, seeds=(0, 3))


@pytest.fixture
def corpus():
    return np.random.default_rng(0).integers(3, 9, size=400)


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("causal", [True, False])
def test_members_are_what_they_would_be_alone(corpus, tied, causal):
    shape = replace(SHAPE, tied=tied, causal=causal)
    objective = CausalObjective() if causal else MaskedObjective()
    plan = replace(PLAN, model=shape, objective=objective)
    ensemble = train_ensemble(plan, corpus)
    for seed, member, losses in zip(
        plan.seeds, ensemble.members, np.transpose(ensemble.losses), strict=True
    ):
        alone = Transformer(shape, seed=seed)
        history = fit_language_model(alone, corpus, TRAINING, objective)
        np.testing.assert_allclose(losses, history.losses, rtol=1e-4)
        torch.testing.assert_close(weights(member), weights(alone), rtol=0, atol=2e-3)


def test_members_alone_on_rows(corpus):
    rows = corpus.reshape(-1, 10)
    member = train_ensemble(PLAN, rows).members[0]
    alone = Transformer(SHAPE, seed=0)
    fit_language_model(alone, rows, TRAINING, MaskedObjective())
    torch.testing.assert_close(weights(member), weights(alone), rtol=0, atol=2e-3)


def test_an_interrupted_ensemble_ends_with_the_same_weights(corpus, tmp_path, monkeypatch):
    whole = train_ensemble(PLAN, corpus)

    from hypecheck import ensembles

    advance, count = ensembles._Run.advance, []

    def stumble(self):
        if len(count) == 5:
            raise KeyboardInterrupt
        count.append(1)
        advance(self)

    monkeypatch.setattr(ensembles._Run, "advance", stumble)
    with pytest.raises(KeyboardInterrupt):
        train_ensemble(PLAN, corpus, folder=tmp_path)
    monkeypatch.setattr(ensembles._Run, "advance", advance)
    resumed = train_ensemble(PLAN, corpus, folder=tmp_path)
    assert resumed.losses == whole.losses
    assert 0 < resumed.earlier_cpu_seconds < resumed.cpu_seconds
    assert whole.earlier_cpu_seconds == 0
    for ours, theirs in zip(resumed.members, whole.members, strict=True):
        assert torch.equal(weights(ours), weights(theirs))


def test_a_finished_ensemble_is_read_back(corpus, tmp_path, monkeypatch):
    first = train_ensemble(PLAN, corpus, folder=tmp_path)
    monkeypatch.setattr("hypecheck.ensembles._Run.advance", None)  # would fail if it were called
    again = train_ensemble(PLAN, corpus, folder=tmp_path)
    assert torch.equal(weights(first.members[1]), weights(again.members[1]))


def test_file_depends_on_plan_and_data(corpus, tmp_path):
    ids = torch.from_numpy(corpus)
    names = {
        ensemble_path(plan, data, tmp_path).name
        for plan in (PLAN, replace(PLAN, seeds=(0, 1)))
        for data in (ids, ids.flip(0))
    }
    assert len(names) == 4


def test_wrong_tokens_and_explosions_are_refused(corpus):
    with pytest.raises(VocabularyMismatchError):
        train_ensemble(PLAN, corpus + 3)
    wild = replace(PLAN, training=replace(TRAINING, steps=40, learning_rate=1e6, clip=1e9))
    with pytest.raises(TrainingDivergedError, match="learning rate"):
        train_ensemble(wild, corpus)


def test_predictions_hide_what_is_asked():
    members = [Transformer(SHAPE, seed=seed) for seed in (0, 1)]
    windows = np.random.default_rng(1).integers(3, 9, size=(5, 12))
    p = hidden_token_probabilities(members, windows, [2, 7], batch_size=2)
    assert p.shape == (2, 5, 2, 6)
    np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-5)
    other = windows.copy()
    other[:, [2, 7]] = 3
    np.testing.assert_array_equal(p, hidden_token_probabilities(members, other, [2, 7]))


def test_next_token_predictions_do_not_see_what_comes():
    members = [Transformer(replace(SHAPE, causal=True), seed=0)]
    windows = np.random.default_rng(1).integers(3, 9, size=(3, 12))
    other = windows.copy()
    other[:, -1] = 3
    first, second = (next_token_probabilities(members, rows) for rows in (windows, other))
    np.testing.assert_allclose(first, second, atol=1e-6)
