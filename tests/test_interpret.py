import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerIntegratedGradients, Saliency

from hypecheck.baselines import KmerLogistic
from hypecheck.interpret import (
    at_bases,
    gradients,
    integrated_gradients,
    motif_recovery,
    perturbation,
    token_gradients,
    word_attributions,
)
from hypecheck.models import Classifier, ClassifierConfig, ConvNet, ConvNetConfig, TransformerConfig
from hypecheck.sequences import LabelledSequences, encode, one_hot
from hypecheck.training import TrainingConfig, fit_classifier


@pytest.fixture(scope="module")
def planted():
    """Train on sequences of which every second one carries a motif; keep where it is."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (1200, 40)).astype(np.uint8)
    truth = np.zeros(codes.shape, dtype=bool)
    for row in range(0, len(codes), 2):
        start = rng.integers(33)
        codes[row, start : start + 7] = encode("GATTACA")
        truth[row, start : start + 7] = True
    data = LabelledSequences(codes, truth.any(1).astype(int))
    start = ConvNet(ConvNetConfig(channels=(16, 16)), seed=0)
    config = TrainingConfig(steps=120, batch_size=64, learning_rate=0.01)
    trained = fit_classifier(start, data.take(slice(200, None)), config=config).model
    return start, trained, codes[:200:2], truth[:200:2]


def log_odds(model):
    def forward(inputs):
        logits = model.from_one_hot(inputs)
        return logits[:, 1] - logits[:, 0]

    return forward


def test_integrated_gradients_equal_captum(planted):
    _, model, codes, _ = planted
    inputs = torch.from_numpy(one_hot(codes[:8]))
    expected = IntegratedGradients(log_odds(model), multiply_by_inputs=True).attribute(
        inputs, torch.full_like(inputs, 0.25), n_steps=16, method="riemann_middle"
    )
    ours = integrated_gradients(model, codes[:8], n_steps=16, batch_size=3)
    np.testing.assert_allclose(ours, expected.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_gradients_equal_captum(planted):
    _, model, codes, _ = planted
    inputs = torch.from_numpy(one_hot(codes[:8])).requires_grad_()
    slopes = Saliency(log_odds(model)).attribute(inputs, abs=False).detach().numpy()
    expected = slopes - slopes.mean(-1, keepdims=True)
    np.testing.assert_allclose(gradients(model, codes[:8]), expected, rtol=1e-4, atol=1e-6)


def test_completeness(planted):
    _, model, codes, _ = planted
    inputs = torch.from_numpy(one_hot(codes))
    forward = log_odds(model)
    with torch.no_grad():
        rise = forward(inputs) - forward(torch.full_like(inputs, 0.25))
    total = integrated_gradients(model, codes, n_steps=300).sum((1, 2))
    np.testing.assert_allclose(total, rise.numpy(), rtol=0.03, atol=0.05)


def test_a_linear_model_by_hand():
    class Linear:
        def from_one_hot(self, inputs):
            weight = torch.tensor([[0.0, 0, 0, 4], [2, 0, 0, 0]])
            score = (inputs * weight).sum((1, 2))
            return torch.stack([torch.zeros_like(score), score], dim=1)

    codes = encode(["TA"])
    expected = [[[-1, -1, -1, 3], [1.5, -0.5, -0.5, -0.5]]]
    np.testing.assert_allclose(gradients(Linear(), codes), expected)
    way = integrated_gradients(Linear(), codes)
    np.testing.assert_allclose(way, [[[0, 0, 0, 3], [1.5, 0, 0, 0]]], atol=1e-6)
    np.testing.assert_allclose(at_bases(way, codes), [[3, 1.5]], atol=1e-6)


@pytest.mark.parametrize("method", [gradients, integrated_gradients])
def test_the_planted_motif_is_found_by_the_trained_model_only(planted, method):
    untrained, model, codes, truth = planted
    assert motif_recovery(at_bases(method(model, codes), codes), truth) > 0.85
    assert motif_recovery(at_bases(method(untrained, codes), codes), truth) < 0.7


def test_recovery_by_hand():
    truth = [[True, False, False], [False, False, False], [False, True, False]]
    values = [[3, -1, 2], [9, 9, 9], [2, -1, 0]]
    assert motif_recovery(values, truth) == pytest.approx((1 + 0.5) / 2)


def test_recovery_of_noise_is_chance():
    rng = np.random.default_rng(0)
    truth = np.zeros((500, 40), dtype=bool)
    truth[:, 10:17] = True
    assert motif_recovery(rng.normal(size=truth.shape), truth) == pytest.approx(0.5, abs=0.03)


def test_what_cannot_be_scored():
    with pytest.raises(ValueError, match="at_bases"):
        motif_recovery(np.zeros((2, 3, 4)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="no sequence has positions"):
        motif_recovery(np.zeros((2, 3)), np.zeros((2, 3)))


def test_third_class_is_explained_against_the_mean_of_the_others():
    model, codes = ConvNet(ConvNetConfig(n_classes=3), seed=1), encode(["ACGTACGTACGT"])
    parts = [gradients(model, codes, target=target) for target in range(3)]
    np.testing.assert_allclose(sum(parts), 0, atol=1e-6)


def test_words_mark_what_they_cover():
    codes = encode(["AACGA", "ANCGA", "TTTTT"])
    model = KmerLogistic(k=2).fit(encode(["ACAC", "CGCG", "ACGT", "TTTT"]), [1, 1, 0, 0])
    weight = model.weights()
    found = word_attributions(model, codes)
    by_hand = [
        weight["AA"],
        weight["AA"] + weight["AC"],
        weight["AC"] + weight["CG"],
        weight["CG"] + weight["GA"],
        weight["GA"],
    ]
    assert found[0] == pytest.approx(by_hand)
    assert found[1, :2].tolist() == [0, 0]  # both of its words hold an unknown base
    assert found[1, 2:] == pytest.approx([weight["CG"], weight["CG"] + weight["GA"], weight["GA"]])


def test_words_on_both_strands_have_no_place():
    model = KmerLogistic(k=2, canonical=True).fit(encode(["ACAC", "CGCG"]), [1, 0])
    with pytest.raises(ValueError, match="canonical"):
        word_attributions(model, encode(["ACGT"]))


@pytest.fixture
def classifier():
    return Classifier(ClassifierConfig(TransformerConfig(vocab_size=7, n_layers=1)), seed=2)


def test_token_gradients_equal_captum(classifier):
    tokens = torch.tensor([[3, 4, 5, 6, 3, 3], [6, 6, 5, 4, 3, 5]])
    method = LayerIntegratedGradients(
        lambda rows: classifier(rows)[:, 1] - classifier(rows)[:, 0],
        classifier.body.token_embedding,
    )
    expected = method.attribute(
        tokens, torch.ones_like(tokens), n_steps=16, method="riemann_middle"
    ).sum(-1)
    ours = token_gradients(classifier, tokens, n_steps=16, batch_size=1)
    np.testing.assert_allclose(ours, expected.detach().numpy(), rtol=1e-3, atol=1e-5)


def test_token_gradients_are_complete(classifier):
    tokens = torch.tensor([[3, 4, 5, 6, 3, 3]])
    with torch.no_grad():
        rise = classifier(tokens) - classifier(torch.ones_like(tokens))
    total = token_gradients(classifier, tokens, n_steps=200).sum()
    assert total == pytest.approx(float(rise[0, 1] - rise[0, 0]), rel=0.03, abs=1e-3)


def test_perturbation_by_hand_and_as_a_slow_loop():
    weights = np.array([[4.0, 1.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]])

    def score(codes):
        return weights[np.arange(2), codes].sum(axis=1)

    found = perturbation(score, np.array([[0, 2], [1, 1]], np.uint8))
    np.testing.assert_allclose(found, [[4 - 1 / 3, 3], [1 - 4 / 3, -1]])


def test_perturbation_finds_the_planted_motif(planted):
    untrained, model, codes, truth = planted

    def log_odds_of(net):
        def score(rows):
            with torch.inference_mode():
                logits = net(torch.from_numpy(rows))
            return (logits[:, 1] - logits[:, 0]).numpy()

        return score

    assert motif_recovery(perturbation(log_odds_of(model), codes), truth) > 0.85
    assert motif_recovery(perturbation(log_odds_of(untrained), codes), truth) < 0.7


def test_an_unknown_base_cannot_be_exchanged():
    with pytest.raises(ValueError, match="unknown base"):
        perturbation(lambda codes: codes.sum(axis=1), np.array([[0, 4]], np.uint8))
