"""Side by side is as one after the other."""

import pytest
import torch

from hypecheck.optimisation import TrainingConfig, TrainingDivergedError, optimise
from hypecheck.sequence_families import FAMILIES, SequenceModel, next_token_nats
from hypecheck.side_by_side import train_side_by_side

CONFIG = TrainingConfig(steps=4, learning_rate=5e-3, clip=0.5)


def rows(seed, step):
    return torch.randint(0, 4, (2, 40), generator=torch.Generator().manual_seed(10 * seed + step))


def mean_loss(model, token_ids):
    return next_token_nats(model, token_ids).mean()


@pytest.mark.parametrize("family", FAMILIES)
def test_side_by_side_is_one_after_the_other(family):
    together = [SequenceModel(family, seed=seed) for seed in (0, 1)]
    losses = train_side_by_side(
        together, lambda step: (torch.stack([rows(s, step) for s in (0, 1)]),), mean_loss, CONFIG
    )
    for seed in (0, 1):
        alone = SequenceModel(family, seed=seed)
        history = optimise(
            dict(alone.named_parameters()),
            lambda step, s=seed, m=alone: (mean_loss(m, rows(s, step)), 80),
            CONFIG,
            identity={},
        )
        assert losses[seed] == pytest.approx(history.losses, abs=1e-4)
        with torch.inference_mode():
            torch.testing.assert_close(
                together[seed](rows(seed, 0)), alone(rows(seed, 0)), atol=5e-3, rtol=1e-2
            )


def test_a_loss_that_is_no_number_stops_it():
    model = SequenceModel("convolution")
    with pytest.raises(TrainingDivergedError, match="step 0"):
        train_side_by_side(
            [model], lambda _: (rows(0, 0)[None],), lambda m, x: m(x).sum() / 0 * 0, CONFIG
        )
