"""The benchmark's network as described, and mended."""

import numpy as np
import pytest
import torch

from hypecheck.benchmark_cnn import (
    BenchmarkCNN,
    BenchmarkCNNConfig,
    fit_benchmark_cnn,
    least_loss,
    predict,
)
from hypecheck.sequences import LabelledSequences


def planted(n=200, length=80):
    rng = np.random.default_rng(0)
    codes, labels = rng.integers(4, size=(n, length)).astype(np.uint8), np.arange(n) % 2
    codes[labels == 1, 20:32] = [2, 0, 3, 0, 1, 0, 2, 2, 0, 3, 1, 0]
    return LabelledSequences(codes, labels)


def test_layers_are_those_described():
    net = BenchmarkCNN(BenchmarkCNNConfig(251))
    assert [tuple(one.weight.shape) for one in net.convolutions] == [
        (16, 100, 8),
        (8, 16, 8),
        (4, 8, 8),
    ]
    assert net.dense.out_features == 512
    assert net.dense.in_features == 4 * 25  # 251 -> 122 -> 57 -> 25


def test_two_dense_layers_without_activation_are_one_linear_map():
    net = BenchmarkCNN(BenchmarkCNNConfig(80, plain_logits=True)).eval()
    x = torch.randn(5, net.dense.in_features)
    weight = net.out.weight @ net.dense.weight
    bias = net.out.weight @ net.dense.bias + net.out.bias
    assert torch.allclose(net.out(net.dense(x)), x @ weight.T + bias, atol=1e-5)


def test_loss_of_two_sigmoids_has_a_floor():
    sure = torch.tensor([0.0, 1.0])  # what a sigmoid can say at most
    loss = torch.nn.functional.binary_cross_entropy_with_logits(sure, sure)
    assert float(loss) == pytest.approx(least_loss(plain_logits=False))
    assert least_loss(plain_logits=True) == 0


@pytest.mark.parametrize("mended", [False, True])
def test_both_find_a_planted_word(mended):
    part, config = planted(), BenchmarkCNNConfig(80, activations=mended, plain_logits=mended)
    net, loss = fit_benchmark_cnn(part, config, seed=0, epochs=8)
    assert np.mean(predict(net, part.codes) == part.labels) > 0.9
    assert loss > least_loss(plain_logits=mended)


def test_same_seed_same_net():
    nets = [
        fit_benchmark_cnn(planted(40), BenchmarkCNNConfig(80), seed=3, epochs=1)[1] for _ in "ab"
    ]
    assert nets[0] == nets[1]
