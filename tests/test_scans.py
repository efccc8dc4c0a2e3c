"""The scan says what the loop says, and so do its gradients."""

import pytest
import torch
from torch.func import vmap

from hypecheck.scans import scan, scan_loop


def inputs(*shape):
    rng = torch.Generator().manual_seed(0)
    decay, drive = torch.rand(shape, generator=rng), torch.randn(shape, generator=rng)
    return decay.requires_grad_(), drive.requires_grad_()


@pytest.mark.parametrize("length", [1, 15, 16, 17, 300])
def test_states_and_gradients_are_those_of_the_loop(length):
    a, b = inputs(2, length, 3, 2)
    weight = torch.randn(2, length, 3, 2, generator=torch.Generator().manual_seed(1))
    found = [
        (y := f(a, b), *torch.autograd.grad((y * weight).sum(), (a, b))) for f in (scan, scan_loop)
    ]
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_gradient_against_finite_differences():
    a, b = (x.detach().double().requires_grad_() for x in inputs(1, 20, 2))
    assert torch.autograd.gradcheck(scan, (a, b))


def test_strong_decay_does_not_overflow():
    a, b = torch.full((1, 400, 1), 1e-30), torch.ones(1, 400, 1)
    assert torch.isfinite(scan(a, b)).all()


def test_several_models_side_by_side_are_more_rows():
    a, b = (x.detach() for x in inputs(3, 2, 40, 4))
    torch.testing.assert_close(
        vmap(scan)(a, b), torch.stack([scan(x, y) for x, y in zip(a, b, strict=True)])
    )


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="must agree"):
        scan(torch.ones(1, 2), torch.ones(1, 3))
