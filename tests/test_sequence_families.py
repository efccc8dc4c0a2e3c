"""Every family: same budget, no look ahead, the reach that it says."""

import pytest
import torch

from hypecheck.models import n_parameters
from hypecheck.sequence_families import FAMILIES, SequenceModel, next_token_nats

ALL = pytest.mark.parametrize("family", FAMILIES)


@ALL
@pytest.mark.parametrize("budget", [20_000, 60_000])
def test_families_have_equal_budgets(family, budget):
    assert n_parameters(SequenceModel(family, budget=budget)) == pytest.approx(budget, rel=0.01)


@ALL
def test_the_next_token_is_not_seen(family):
    model = SequenceModel(family)
    x = torch.randint(0, 4, (2, 70), generator=torch.Generator().manual_seed(0))
    y = x.clone()
    y[:, 33:] = (y[:, 33:] + 1) % 4
    with torch.inference_mode():
        torch.testing.assert_close(model(x)[:, :33], model(y)[:, :33], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", [name for name, one in FAMILIES.items() if one.reach])
def test_what_lies_beyond_the_reach_does_not_matter(family):
    model, reach = SequenceModel(family), FAMILIES[family].reach
    x = torch.randint(0, 4, (1, reach + 3), generator=torch.Generator().manual_seed(0))
    y = x.clone()
    y[:, 0] = (y[:, 0] + 1) % 4
    with torch.inference_mode():
        change = (model(x) - model(y)).abs().amax((0, 2))
    assert change[reach + 1 :].max() < 1e-6
    assert change[reach] > 1e-9


def test_the_same_seed_gives_the_same_model():
    first, again, other = (SequenceModel("hybrid", seed=seed) for seed in (1, 1, 2))
    x = torch.zeros(1, 5, dtype=torch.int64)
    assert torch.equal(first(x), again(x))
    assert not torch.equal(first(x), other(x))


def test_loss_is_that_of_the_next_token():
    x = torch.tensor([[0, 1, 2]])
    nats = next_token_nats(lambda ids: torch.zeros(*ids.shape, 4), x)
    torch.testing.assert_close(nats, torch.full((1, 2), 4.0).log())


def test_errors_name_the_remedy():
    with pytest.raises(ValueError, match="there are: attention"):
        SequenceModel("quantum")
    with pytest.raises(ValueError, match="on its mixers"):
        SequenceModel("attention", budget=1000)
