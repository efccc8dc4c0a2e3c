"""Convolutions as sequence mixers: short and dilated, or as long as the sequence and implicit.

Design choices

- The dilated convolution sees a fixed neighbourhood and gates what it finds. Four layers with
  dilations 1, 4, 8 and 16 see 117 tokens.
- The long convolution is Hyena's of order two: a filter as long as the sequence, which is not
  stored but computed from the place by a small network under an exponential window, applied by the
  fast Fourier transform to keys times values, and gated by queries.
- The transform is padded to twice the length: without it the end would leak into the beginning.

Glossary (Poli et al. 2023)

============= ================== =============================================
paper         here               meaning
============= ================== =============================================
x¹, x², v     query, key, value  projections after a short convolution
h_t           `filters`          Window(t) · FFN(PositionalEncoding(t))
D             skip               weight of the unfiltered input
============= ================== =============================================

References
----------
Van den Oord et al. 2016, WaveNet, arXiv:1609.03499, section 2.3 (dilated, gated).
Poli et al. 2023, Hyena hierarchy, arXiv:2302.10866, sections 3.1 to 3.3.
Nguyen et al. 2023, HyenaDNA, arXiv:2306.15794.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypecheck.state_space import ShortConvolution

WAVES = 8  # pairs of sine and cosine that tell a filter where it is
FASTEST = 2048.0  # length in tokens of the slowest wave


class GatedConvolution(nn.Module):
    """A causal dilated convolution, ``a · σ(b)``.

    Parameters
    ----------
    d_model, kernel, dilation : int
        Width D, taps, and tokens from tap to tap.

    Examples
    --------
    >>> GatedConvolution(8, kernel=3, dilation=2)(torch.zeros(1, 5, 8)).shape
    torch.Size([1, 5, 8])
    """

    def __init__(self, d_model: int, *, kernel: int = 5, dilation: int = 1) -> None:
        super().__init__()
        self.reach = (kernel - 1) * dilation
        self.convolution = nn.Conv1d(d_model, 2 * d_model, kernel, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, T, D)`` to ``(B, T, D)``, reading from left to right."""
        past = F.pad(x.transpose(1, 2), (self.reach, 0))
        y: Tensor = F.glu(self.convolution(past), 1).transpose(1, 2)
        return y


class LongConvolution(nn.Module):
    """A Hyena-like mixer: gate, convolve with a filter as long as the sequence, gate.

    Parameters
    ----------
    d_model : int
        Width D.
    d_filter : int, default 16
        Width of the network that draws the filters.

    Examples
    --------
    >>> LongConvolution(8)(torch.zeros(1, 12, 8)).shape
    torch.Size([1, 12, 8])
    """

    def __init__(self, d_model: int, *, d_filter: int = 16) -> None:
        super().__init__()
        self.input = nn.Linear(d_model, 3 * d_model)
        self.short = ShortConvolution(3 * d_model, 3)
        self.first = nn.Linear(2 * WAVES + 1, d_filter)
        self.second = nn.Linear(d_filter, d_filter)
        self.last = nn.Linear(d_filter, d_model, bias=False)
        self.log_reach = nn.Parameter(torch.linspace(math.log(4.0), math.log(512.0), d_model))
        self.skip = nn.Parameter(torch.ones(d_model))
        self.output = nn.Linear(d_model, d_model)

    def filters(self, length: int) -> Tensor:
        """Draw the filters, shape (T, D): a network of the place under an exponential window."""
        t = torch.arange(length, device=self.skip.device, dtype=torch.float32)[:, None]
        rates = 2 * math.pi * torch.logspace(0, -math.log10(FASTEST), WAVES, device=t.device) / 2
        place = torch.cat([(t * rates).sin(), (t * rates).cos(), (1 + t).log() / 8], -1)
        drawn = self.last(self.second(self.first(place).sin()).sin())  # (T, D)
        window: Tensor = (-t * (-self.log_reach).exp()).exp()
        return drawn * window

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, T, D)`` to ``(B, T, D)``, reading from left to right."""
        query, key, value = self.short(self.input(x)).chunk(3, -1)
        mixed = key * value
        y = query * (causal_convolution(mixed, self.filters(x.shape[1])) + self.skip * mixed)
        out: Tensor = self.output(y)
        return out


def causal_convolution(x: Tensor, filters: Tensor) -> Tensor:
    """Convolve every channel with its filter, ``y_t = Σ_s h_s x_{t-s}``, by Fourier transform.

    Parameters
    ----------
    x : Tensor, shape (B, T, D)
        Input.
    filters : Tensor, shape (T, D)
        Filters, the present first.

    Returns
    -------
    y : Tensor, shape (B, T, D)
        Exact up to rounding, in T log T steps.

    Examples
    --------
    >>> x = torch.tensor([1.0, 2.0, 3.0])[None, :, None]
    >>> print(causal_convolution(x, torch.tensor([[1.0], [10.0], [0.0]])).flatten().round())
    tensor([ 1., 12., 23.])
    """
    length = x.shape[1]
    spectrum = torch.fft.rfft(x, 2 * length, 1) * torch.fft.rfft(filters, 2 * length, 0)
    y: Tensor = torch.fft.irfft(spectrum, 2 * length, 1)[:, :length]
    return y
