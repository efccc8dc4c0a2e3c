import math

import pytest
import torch
from torch import nn

from hypecheck.optimisation import (
    CheckpointMismatchError,
    History,
    TrainingConfig,
    TrainingDivergedError,
    optimise,
)

TARGET = torch.tensor([1.0, -2.0, 3.0])


def start():
    return {"x": nn.Parameter(torch.zeros(3)), "y": nn.Parameter(torch.ones(1))}


def quadratic(parameters):
    """Loss with noise that depends on the step alone."""

    def step_loss(step):
        noise = torch.randn(3, generator=torch.Generator().manual_seed(step))
        distance = (parameters["x"] - TARGET - 0.1 * noise).square().sum()
        return distance + parameters["y"].square().sum(), 7

    return step_loss


def fit(parameters, config=None, step_loss=None, **options):
    config = config or TrainingConfig(steps=80, learning_rate=0.2)
    step_loss = step_loss or quadratic(parameters)
    return optimise(parameters, step_loss, config, identity={"data": "a"}, **options)


def test_finds_the_minimum_and_counts():
    parameters = start()
    history = fit(parameters)
    torch.testing.assert_close(parameters["x"].data, TARGET, rtol=0, atol=0.2)
    assert len(history.losses) == 80
    assert history.n_tokens == 80 * 7
    assert history.losses[0] == pytest.approx(quadratic(start())(0)[0].item() / math.log(2))  # bits


def test_equals_torchs_own_adamw_():
    ours, theirs = start(), start()
    config = TrainingConfig(steps=20, learning_rate=0.1, warmup=0.25, weight_decay=0.1, clip=1e9)
    fit(ours, config)
    optimizer = torch.optim.AdamW(theirs.values(), lr=0.1, weight_decay=0.1)
    step_loss = quadratic(theirs)
    for step in range(20):
        optimizer.param_groups[0]["lr"] = config.rate_at(step)
        optimizer.zero_grad()
        step_loss(step)[0].backward()
        optimizer.step()
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name])


def test_schedule_equals_torchs_cosine():
    config = TrainingConfig(steps=30, learning_rate=0.3, warmup=0.0)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 30)
    for step in range(30):
        assert config.rate_at(step) == pytest.approx(cosine.get_last_lr()[0])
        optimizer.step()
        cosine.step()


def interrupting(step_loss, at):
    def interrupted(step):
        if step == at:
            raise KeyboardInterrupt
        return step_loss(step)

    return interrupted


@pytest.mark.parametrize("at", [0, 9, 10, 37, 79])
def test_interrupted_run_ends_with_the_same_bits(tmp_path, at):
    config = TrainingConfig(steps=80, learning_rate=0.2, checkpoint_every=10, evaluate_every=20)
    whole = start()
    history = fit(whole, config, validate=lambda: -whole["y"].item())
    path, first, second = tmp_path / "run", start(), start()
    with pytest.raises(KeyboardInterrupt):
        fit(
            first,
            config,
            interrupting(quadratic(first), at),
            validate=lambda: -first["y"].item(),
            checkpoint_path=path,
        )
    resumed = fit(second, config, validate=lambda: -second["y"].item(), checkpoint_path=path)
    for name in whole:
        assert torch.equal(whole[name], second[name])
    assert resumed == history


def test_finished_checkpoint_is_not_trained_again(tmp_path):
    first, second = start(), start()
    history = fit(first, checkpoint_path=tmp_path / "run")

    def never(step):
        raise AssertionError(step)

    assert fit(second, step_loss=never, checkpoint_path=tmp_path / "run") == history
    assert torch.equal(first["x"], second["x"])


def test_checkpoints_of_other_runs_are_refused(tmp_path):
    path = tmp_path / "run"
    fit(start(), checkpoint_path=path)
    with pytest.raises(CheckpointMismatchError, match="config"):
        fit(start(), TrainingConfig(steps=81), checkpoint_path=path)
    with pytest.raises(CheckpointMismatchError, match="run with data a, this one has b"):
        optimise(start(), None, TrainingConfig(), identity={"data": "b"}, checkpoint_path=path)
    wider = {**start(), "x": nn.Parameter(torch.zeros(4))}
    with pytest.raises(CheckpointMismatchError, match=r"shape \(3,\) for x, .* shape \(4,\)"):
        fit(wider, checkpoint_path=path)


def test_early_stop_keeps_the_best_weights():
    parameters = start()
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.9])
    seen = {}

    def validate():
        score = next(scores)
        seen[score] = parameters["x"].detach().clone()
        return score

    config = TrainingConfig(steps=1000, evaluate_every=5, patience=2)
    history = fit(parameters, config, validate=validate)
    assert history.stopped_early
    assert history.validation == [(5, 0.1), (10, 0.5), (15, 0.4), (20, 0.3)]
    assert history.best_step == 10
    assert torch.equal(parameters["x"], seen[0.5])


@pytest.mark.parametrize(("value", "said"), [(math.nan, "nan"), (math.inf, "inf"), (1e4, "1e.04")])
def test_divergence_gives_advice(value, said):
    parameters = start()
    step_loss = quadratic(parameters)

    def goes_wrong(step):
        loss, n_tokens = step_loss(step)
        return (loss * 0 + value if step == 3 else loss), n_tokens

    with pytest.raises(TrainingDivergedError, match=f"step 3: the loss is {said}; try"):
        fit(parameters, step_loss=goes_wrong)


def test_gradient_that_is_no_number_stops_before_it_spoils_the_weights():
    parameters = start()

    def bad_gradient(_):
        return (parameters["x"] * 0).sqrt().sum(), 1

    with pytest.raises(TrainingDivergedError, match="gradient is nan"):
        fit(parameters, step_loss=bad_gradient)
    assert torch.equal(parameters["x"], torch.zeros(3))


def test_bar_shows_loss_rate_and_time_left_and_is_silent_when_off(capsys):
    fit(start(), progress=True)
    shown = capsys.readouterr().err
    assert "80/80" in shown
    assert "bits" in shown
    assert "tokens/s" in shown
    fit(start())
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 0}, "steps must be 1 or more, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"warmup": 10}, "share of the steps"),
        ({"patience": 3}, "patience needs evaluate_every"),
    ],
)
def test_bad_settings(options, said):
    with pytest.raises(ValueError, match=said):
        TrainingConfig(**options)


def test_histories_compare_without_their_seconds():
    assert History(losses=[1.0], cpu_seconds=1) == History(losses=[1.0], cpu_seconds=2)
    assert History(losses=[1.0]) != History(losses=[2.0])
