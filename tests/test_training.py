import dataclasses

import numpy as np
import pytest
import torch
from benchmarks import bench_training
from benchmarks.harness import check_equality
from sklearn.metrics import matthews_corrcoef

from hypecheck.models import (
    ConvNet,
    ConvNetConfig,
    Transformer,
    TransformerConfig,
    VocabularyMismatchError,
)
from hypecheck.sequences import LabelledSequences, encode
from hypecheck.tokenizers import CharTokenizer, KmerTokenizer
from hypecheck.training import (
    CausalObjective,
    CheckpointMismatchError,
    LabelError,
    MaskedObjective,
    TrainingConfig,
    TrainingDivergedError,
    _draw_windows,
    _shuffled_rows,
    evaluate_language_model,
    fit_classifier,
    fit_language_model,
    tokenise,
)

SHORT = TrainingConfig(steps=40, batch_size=8, length=16, learning_rate=0.01)


def tiny(seed=0, **options):
    return Transformer(
        TransformerConfig(7, d_model=16, n_layers=1, n_heads=2, d_ff=32, **options), seed=seed
    )


def uniform_dna(n, seed=0):
    return np.random.default_rng(seed).integers(3, 7, n)


def motif_task(n=240, length=40, seed=0):
    """Half of the sequences carry GATTACA somewhere."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, length)).astype(np.uint8)
    labels = np.arange(n) % 2
    for row in np.flatnonzero(labels):
        start = rng.integers(length - 7)
        codes[row, start : start + 7] = encode("GATTACA")
    return LabelledSequences(codes, labels)


@pytest.mark.parametrize(
    ("objective", "causal"), [(MaskedObjective(), False), (CausalObjective(), True)]
)
def test_learns_a_rule_and_nothing_from_noise(objective, causal):
    config = dataclasses.replace(SHORT, steps=150)
    rule = np.tile([3, 3, 4, 6, 5], 400)  # one neighbour is not enough to know the next
    model = tiny(causal=causal)
    fit_language_model(model, rule, config, objective)
    assert evaluate_language_model(model, rule, objective, length=16) < 0.5
    noise = tiny(causal=causal)
    fit_language_model(noise, uniform_dna(20_000), config, objective)
    bits = evaluate_language_model(noise, uniform_dna(20_000, seed=1), objective, length=16)
    assert bits == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("benchmark", bench_training.BENCHMARKS, ids=lambda b: b.name)
def test_steps_equal_those_of_bert_and_gpt2(benchmark):
    check_equality(benchmark)


def test_evaluation_by_hand():
    model = tiny()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert evaluate_language_model(model, uniform_dna(640), MaskedObjective()) == pytest.approx(
        np.log2(7)
    )


def test_evaluation_counts_tokens_not_batches():
    model, rows = tiny(), uniform_dna(64 * 65).reshape(65, 64)
    whole = evaluate_language_model(model, rows, SeenObjective(), batch_size=64)
    parts = evaluate_language_model(model, rows, SeenObjective(), batch_size=7)
    assert whole == pytest.approx(parts, rel=1e-6)


class SeenObjective:
    """Deterministic: every token, seen by the model."""

    def losses(self, model, token_ids, rng):  # noqa: ARG002
        logits = model(token_ids).transpose(1, 2)
        return torch.nn.functional.cross_entropy(logits, token_ids, reduction="none").flatten()

    def for_evaluation(self):
        return self


def test_training_is_reproducible_and_leaves_global_state_alone():
    np.random.seed(3)  # noqa: NPY002  (the state to be left alone)
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    models = [tiny(seed=1), tiny(seed=1), tiny(seed=1)]
    histories = [
        fit_language_model(model, uniform_dna(500), config, MaskedObjective())
        for model, config in zip(
            models, [SHORT, SHORT, dataclasses.replace(SHORT, seed=1)], strict=True
        )
    ]
    assert torch.equal(torch_state, torch.random.get_rng_state())
    assert np.array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002
    assert histories[0] == histories[1] != histories[2]
    for name, tensor in models[0].state_dict().items():
        assert torch.equal(tensor, models[1].state_dict()[name])


def test_interrupted_language_model_resumes_bit_for_bit(tmp_path, monkeypatch):
    config = dataclasses.replace(SHORT, checkpoint_every=10, evaluate_every=20)
    corpus, path, draws = uniform_dna(500), tmp_path / "run", []
    options = {"objective": MaskedObjective(), "validation": uniform_dna(200, seed=1)}
    whole = tiny()
    history = fit_language_model(whole, corpus, config, **options)

    def broken(*arguments):
        draws.append(arguments)
        if len(draws) > 27:
            raise KeyboardInterrupt
        return _draw_windows(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("hypecheck.training._draw_windows", broken)
        with pytest.raises(KeyboardInterrupt):
            fit_language_model(tiny(), corpus, config, **options, checkpoint_path=path)
    resumed = tiny()
    again = fit_language_model(resumed, corpus, config, **options, checkpoint_path=path)
    assert again == history
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])
    with pytest.raises(CheckpointMismatchError, match="model"):
        fit_language_model(tiny(seed=1), corpus, config, **options, checkpoint_path=path)
    with pytest.raises(CheckpointMismatchError, match="data"):
        fit_language_model(tiny(), corpus[1:], config, **options, checkpoint_path=path)


def test_huge_learning_rate_diverges_with_advice():
    config = dataclasses.replace(SHORT, learning_rate=1e4, warmup=0, clip=1e9)
    with pytest.raises(TrainingDivergedError, match="try learning_rate=3e"):
        fit_language_model(tiny(), uniform_dna(500), config, MaskedObjective())


def test_bad_corpora():
    with pytest.raises(VocabularyMismatchError, match="model knows 0 to 6"):
        fit_language_model(tiny(), [3, 9] * 50, SHORT, MaskedObjective())
    with pytest.raises(ValueError, match="no tokens"):
        fit_language_model(tiny(), [], SHORT, MaskedObjective())
    with pytest.raises(ValueError, match="no window of 16; give more tokens, or length=5"):
        fit_language_model(tiny(), [3] * 5, SHORT, MaskedObjective())
    with pytest.raises(ValueError, match="one or two axes"):
        fit_language_model(tiny(), np.full((2, 2, 2), 3), SHORT, MaskedObjective())


def test_every_epoch_passes_once_over_all_rows():
    config = TrainingConfig(batch_size=7)
    rows = torch.cat([_shuffled_rows(10, config, step) for step in range(20)])
    for epoch in rows.view(-1, 10):
        assert sorted(epoch.tolist()) == list(range(10))
    assert not torch.equal(rows[:10], rows[10:20])


def test_tokenise_pads_and_drops_unknown_ends():
    codes = encode(["ACGTN", "AC"], pad=True)
    assert tokenise(CharTokenizer(), codes).tolist() == [[3, 4, 5, 6], [3, 4, 0, 0]]
    with pytest.raises(ValueError, match="sequence 1 has no known base"):
        tokenise(CharTokenizer(), encode(["ACGT", "NNNN"]))
    with pytest.raises(ValueError, match="there are no sequences"):
        tokenise(CharTokenizer(), [])


def test_convnet_finds_a_planted_motif():
    train, test = motif_task(1200), motif_task(300, seed=1)
    config = TrainingConfig(steps=120, batch_size=64, learning_rate=0.01)
    start = ConvNet(ConvNetConfig(channels=(16, 16)), seed=0)
    before = {name: tensor.clone() for name, tensor in start.state_dict().items()}
    fitted = fit_classifier(start, train, config=config)
    assert matthews_corrcoef(test.labels, fitted.predict(test.codes)) > 0.8
    assert all(torch.equal(before[name], t) for name, t in start.state_dict().items())
    probabilities = fitted.predict_proba(test.codes, batch_size=77)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(1), fitted.predict(test.codes))


def test_shuffled_labels_teach_nothing():
    train, test = motif_task(400), motif_task(400, seed=1)
    shuffled = LabelledSequences(train.codes, np.random.default_rng(0).permutation(train.labels))
    config = TrainingConfig(steps=60, batch_size=64)
    fitted = fit_classifier(ConvNet(ConvNetConfig(channels=(16, 16))), shuffled, config=config)
    assert abs(matthews_corrcoef(test.labels, fitted.predict(test.codes))) < 0.25


@pytest.mark.parametrize("freeze_body", [False, True])
def test_fine_tuning_changes_the_body_only_if_it_is_free(freeze_body):
    train = motif_task(120)
    body = tiny()
    fitted = fit_classifier(
        body, train, train, SHORT, tokenizer=CharTokenizer(), freeze_body=freeze_body
    )
    same = [
        torch.equal(tensor, fitted.model.body.state_dict()[name])
        for name, tensor in body.state_dict().items()
        if name.startswith("blocks")
    ]
    assert all(same) == freeze_body
    assert fitted.history.losses[-1] < fitted.history.losses[0]
    assert fitted.history.validation[-1][0] == 40


def test_frozen_head_is_the_model_that_predicts():
    train = motif_task(120)
    fitted = fit_classifier(
        tiny(), train, train, SHORT, tokenizer=CharTokenizer(), freeze_body=True
    )
    mcc = matthews_corrcoef(train.labels, fitted.predict(train.codes))
    assert fitted.history.validation[0][1] == pytest.approx(mcc, abs=1e-6)


def test_composition_is_learnt_by_fine_tuning():
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    rates = np.where(labels[:, None, None] == 1, [0.1, 0.4, 0.4, 0.1], 0.25)
    codes = (rng.random((200, 30, 1)) > rates.cumsum(-1)[:, :, :3]).sum(-1).astype(np.uint8)
    train = LabelledSequences(codes[:150], labels[:150])
    fitted = fit_classifier(tiny(), train, config=SHORT, tokenizer=CharTokenizer())
    assert matthews_corrcoef(labels[150:], fitted.predict(codes[150:])) > 0.6


def test_classifier_resumes_bit_for_bit(tmp_path, monkeypatch):
    train, path = motif_task(60), tmp_path / "run"
    config = TrainingConfig(steps=12, batch_size=16, checkpoint_every=5)
    model = ConvNet(ConvNetConfig(channels=(4, 4)))
    whole = fit_classifier(model, train, config=config)

    def broken(n_rows, config, step):
        if step == 8:
            raise KeyboardInterrupt
        return _shuffled_rows(n_rows, config, step)

    with monkeypatch.context() as patch:
        patch.setattr("hypecheck.training._shuffled_rows", broken)
        with pytest.raises(KeyboardInterrupt):
            fit_classifier(model, train, config=config, checkpoint_path=path)
    resumed = fit_classifier(model, train, config=config, checkpoint_path=path)
    assert resumed.history == whole.history
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name])


def test_bad_labels():
    codes = encode(["ACGTACGT"] * 4)
    model = ConvNet(ConvNetConfig())
    with pytest.raises(LabelError, match="all 4 training examples are of class 1"):
        fit_classifier(model, LabelledSequences(codes, np.ones(4, int)))
    with pytest.raises(LabelError, match="must be class numbers"):
        fit_classifier(model, LabelledSequences(codes, np.array([0.5, 1, 0, 1])))
    with pytest.raises(LabelError, match="build it with n_classes=3"):
        fit_classifier(model, LabelledSequences(codes, np.array([0, 1, 2, 0])))
    with pytest.raises(LabelError, match="no training examples"):
        fit_classifier(model, LabelledSequences(codes[:0], np.array([], int)))
    with pytest.raises(ValueError, match="NaN"):
        LabelledSequences(codes, np.array([0, 1, np.nan, 1]))


def test_bad_pairs_of_model_and_tokenizer():
    train = motif_task(20)
    with pytest.raises(ValueError, match="give tokenizer="):
        fit_classifier(tiny(), train)
    with pytest.raises(VocabularyMismatchError):
        fit_classifier(tiny(), train, tokenizer=KmerTokenizer(3, 3))
    with pytest.raises(ValueError, match="no pretrained body"):
        fit_classifier(ConvNet(ConvNetConfig()), train, freeze_body=True)
