"""Train several models of one shape side by side, as one.

Design choices

- Tiny models spend most of a step on calling functions. Models that differ in their seed only can
  share the calls: weights are stacked, and one pass runs all of them (``torch.func.vmap``).
- Every model has its own rows, its own norm of the gradient, and AdamW's own state: the result is
  that of training them one after the other with `hypecheck.optimisation.optimise`, up to rounding.

References
----------
Bradbury et al. 2018, JAX, http://github.com/jax-ml/jax (vmap).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from hypecheck.optimisation import TrainingConfig, TrainingDivergedError

Floats = npt.NDArray[np.float64]


def train_side_by_side(
    models: Sequence[nn.Module],
    batch: Callable[[int], tuple[Tensor, ...]],
    loss: Callable[..., Tensor],
    config: TrainingConfig,
) -> Floats:
    """Train models of one shape, in place.

    Parameters
    ----------
    models : sequence of nn.Module
        S models with the same names and shapes of parameters.
    batch : callable
        From a step number to tensors whose first axis is the model, shape (S, ...).
    loss : callable
        ``loss(model, *rows)`` of one model on its part of a batch: a scalar in nats.
    config : TrainingConfig
        Steps, rates, decay and clip; the rest does not matter here.

    Returns
    -------
    losses : ndarray of float64, shape (S, steps)
        In bits.

    Raises
    ------
    TrainingDivergedError
        If a loss is not a number.
    """
    torch.set_num_threads(1)
    base = models[0]
    weights, _ = stack_module_state(list(models))
    adam = torch.optim.AdamW(weights.values(), weight_decay=config.weight_decay, fused=True)

    def one(own: dict[str, Tensor], *rows: Tensor) -> Tensor:
        return loss(lambda token_ids: functional_call(base, own, (token_ids,)), *rows)

    losses = np.empty((len(models), config.steps))
    for step in range(config.steps):
        adam.zero_grad(set_to_none=True)
        with warnings.catch_warnings():  # fused attention is run model by model: slower, and right
            warnings.filterwarnings("ignore", message="There is a performance drop")
            found = vmap(one)(weights, *batch(step))  # (S,)
        losses[:, step] = found.detach().numpy() / math.log(2)
        if not np.isfinite(losses[:, step]).all():
            raise TrainingDivergedError(f"step {step}: a loss is not a number; lower the rate")
        torch.autograd.backward(found.sum())
        _clip(weights, config.clip)
        for group in adam.param_groups:
            group["lr"] = config.rate_at(step)
        adam.step()
    with torch.no_grad():
        for number, model in enumerate(models):
            for name, parameter in model.named_parameters():
                parameter.copy_(weights[name][number])
    return losses


def _clip(weights: dict[str, Tensor], largest: float) -> None:
    """Shrink every model's gradient to the largest norm allowed."""
    gradients = [one.grad for one in weights.values() if one.grad is not None]
    norm = torch.stack([one.flatten(1).square().sum(1) for one in gradients]).sum(0).sqrt()  # (S,)
    factor = (largest / (norm + 1e-6)).clamp(max=1.0)
    for one in gradients:
        one.mul_(factor.view(-1, *[1] * (one.ndim - 1)))
