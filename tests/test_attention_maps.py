"""Attention weights against the layer's own output, roll-out against hand-worked products."""

import numpy as np
import pytest
import torch

from hypecheck.attention_maps import attention_weights, received, rollout
from hypecheck.layers import Attention
from hypecheck.models import (
    Classifier,
    ClassifierConfig,
    Transformer,
    TransformerConfig,
    padding_mask,
)

TOKENS = torch.tensor([[3, 4, 5, 6, 3], [6, 5, 4, 0, 0]])


@pytest.fixture(params=[(False, "relative"), (True, "relative"), (True, "absolute")])
def model(request):
    causal, positions = request.param
    config = TransformerConfig(vocab_size=7, causal=causal, positions=positions)
    return Transformer(config, seed=3)


def test_weights_mix_the_values_to_the_output_of_the_layer():
    torch.manual_seed(0)
    for causal in (False, True):
        layer = Attention(8, 2, causal=causal, positions="absolute")
        x = torch.randn(3, 5, 8)
        value = layer.query_key_value(x)[..., 16:].view(3, 5, 2, 4).transpose(1, 2)
        mixed = (layer.weights(x) @ value).transpose(1, 2).reshape(3, 5, 8)
        torch.testing.assert_close(layer.output(mixed), layer(x))


def test_weights_of_one_head_by_hand():
    layer = Attention(2, 1, positions="absolute")
    with torch.no_grad():
        layer.query_key_value.weight.zero_()
        layer.query_key_value.bias.zero_()
        layer.query_key_value.weight[0, 0] = layer.query_key_value.weight[2, 0] = 1.0
    x = torch.tensor([[[0.0, 9.0], [2.0, 9.0]]])  # queries and keys are (0, 0) and (2, 0)
    share = np.exp(4 / np.sqrt(2)) / (1 + np.exp(4 / np.sqrt(2)))
    expected = [[0.5, 0.5], [1 - share, share]]
    np.testing.assert_allclose(layer.weights(x)[0, 0].detach().numpy(), expected, rtol=1e-5)


def test_rows_add_up_and_padding_receives_nothing(model):
    weights = attention_weights(model, TOKENS, padding_mask(TOKENS))
    assert weights.shape == (2, 2, 4, 5, 5)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    assert (weights[1, ..., 3:] == 0).all()


def test_causal_models_look_back_only(model):
    weights = attention_weights(model, TOKENS)
    ahead = np.triu(np.ones((5, 5), dtype=bool), 1)
    assert (weights[..., ahead] == 0).all() == model.config.causal


def test_a_classifier_is_read_like_its_body_and_stays_as_it_was():
    model = Classifier(ClassifierConfig(TransformerConfig(vocab_size=7)), seed=1)
    before = model(TOKENS)
    weights = attention_weights(model, TOKENS)
    np.testing.assert_array_equal(weights, attention_weights(model.body, TOKENS))
    torch.testing.assert_close(model(TOKENS), before)


def test_rollout_by_hand():
    swap, stay = [[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]
    two_layers = [[[swap, stay], [swap, swap]]]  # heads average to halves, then to a swap
    # layers with a residual of a half: [[.75, .25], [.25, .75]] and [[.5, .5], [.5, .5]]
    np.testing.assert_allclose(rollout(two_layers)[0], [[0.5, 0.5], [0.5, 0.5]])
    # without it: [[.5, .5], [.5, .5]] and the swap
    np.testing.assert_allclose(rollout(two_layers, residual=0.0)[0], [[0.5, 0.5], [0.5, 0.5]])
    only_past = rollout(two_layers, residual=1.0)[0]
    np.testing.assert_allclose(only_past, np.eye(2))
    one_way = [[[[[0.2, 0.8], [0.0, 1.0]]], [[[1.0, 0.0], [0.5, 0.5]]]]]
    one_way = [[one_way[0][0], one_way[0][1]]]
    flow = rollout(one_way, residual=0.0)[0]
    np.testing.assert_allclose(flow, [[0.2, 0.8], [0.1, 0.9]], rtol=1e-6)


def test_rollout_rows_add_up(model):
    flow = rollout(attention_weights(model, TOKENS))
    np.testing.assert_allclose(flow.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(received(flow).sum(-1), 1, rtol=1e-5)


def test_received_is_the_mean_over_queries():
    weights = np.zeros((1, 2, 1, 2, 2))
    weights[0, 0, 0] = [[1, 0], [1, 0]]
    weights[0, 1, 0] = [[0, 1], [1, 0]]
    np.testing.assert_allclose(received(weights), [[0.75, 0.25]])


def test_what_cannot_be_rolled_out():
    with pytest.raises(ValueError, match="as from attention_weights"):
        rollout(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="share from 0 to 1"):
        rollout(np.zeros((1, 1, 1, 2, 2)), residual=2)
