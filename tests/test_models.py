import json

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from hypecheck.models import (
    Classifier,
    ClassifierConfig,
    ConvNet,
    ConvNetConfig,
    ModelFileError,
    Transformer,
    TransformerConfig,
    VocabularyMismatchError,
    check_token_ids,
    check_vocabulary,
    load,
    n_parameters,
    padding_mask,
    pool_tokens,
    random_twin,
    save,
    seeded,
)
from hypecheck.sequences import encode, one_hot
from hypecheck.tokenizers import CharTokenizer, KmerTokenizer

TINY = TransformerConfig(vocab_size=11, d_model=16, n_layers=2, n_heads=4, d_ff=32, max_length=20)


def some_ids(rows=3, length=12, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(3, 11, (rows, length)))


def every_model():
    return [
        Transformer(TINY, seed=5),
        Transformer(TransformerConfig(9, tied=False, causal=True, positions="absolute"), seed=5),
        Transformer(TransformerConfig(9, norm="post"), seed=5),
        Classifier(ClassifierConfig(TINY, n_classes=3), seed=5),
        ConvNet(ConvNetConfig(n_classes=3, head="positional", length=20), seed=5),
    ]


def test_shapes_and_parameter_count_by_hand():
    model = Transformer(TINY)
    assert model(some_ids()).shape == (3, 12, 11)
    assert model.embed(some_ids()).shape == (3, 12, 16)
    attention = 16 * 48 + 48 + 16 * 16 + 16 + 4 * 17
    feed_forward = 16 * 32 + 32 + 32 * 16 + 16
    head = 16 * 16 + 16 + 2 * 16 + 11
    block = attention + feed_forward + 4 * 16
    assert n_parameters(model) == 11 * 16 + 2 * block + 2 * 16 + head


def test_tied_decoder_is_the_embedding_and_untied_is_not():
    assert n_parameters(Transformer(TransformerConfig(11, tied=False))) - n_parameters(
        Transformer(TransformerConfig(11))
    ) == (11 * 64)


def test_same_seed_same_weights_and_global_generator_untouched():
    before = torch.random.get_rng_state()
    first, second, other = (Transformer(TINY, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(first(some_ids()), second(some_ids()))
    assert not torch.equal(first(some_ids()), other(some_ids()))


def test_initial_embeddings_have_the_stated_spread():
    weight = Transformer(TransformerConfig(2000), seed=3).token_embedding.weight
    assert weight.std().item() == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("model", every_model(), ids=lambda model: type(model).__name__)
def test_random_twin_has_the_same_shapes_and_other_numbers(model):
    twin = random_twin(model, seed=6)
    assert twin.config == model.config
    ours, theirs = model.state_dict(), twin.state_dict()
    assert {name: t.shape for name, t in ours.items()} == {n: t.shape for n, t in theirs.items()}
    assert any(not torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("model", every_model(), ids=lambda model: type(model).__name__)
def test_saved_and_loaded_weights_are_the_same(model, tmp_path):
    save(model, tmp_path / "new" / "model.safetensors")
    twin = load(tmp_path / "new" / "model.safetensors")
    assert twin.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, twin.state_dict()[name])


def test_half_precision_halves_the_file_and_keeps_three_digits(tmp_path):
    model = Transformer(TransformerConfig(200, d_model=64), seed=1)
    save(model, tmp_path / "full.safetensors")
    save(model, tmp_path / "half.safetensors", half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.52 * sizes[1]
    twin = load(tmp_path / "half.safetensors")
    assert twin.token_embedding.weight.dtype == torch.float32
    torch.testing.assert_close(twin(some_ids()), model(some_ids()), rtol=0, atol=5e-3)


def test_saving_is_atomic(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    save(Transformer(TINY, seed=1), path)
    before = path.read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("hypecheck.tensor_files.safetensors_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(Transformer(TINY, seed=2), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_are_no_models(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"not tensors")
    with pytest.raises(ModelFileError, match="no complete safetensors file"):
        load(path)
    safetensors.torch.save_file({"x": torch.zeros(2)}, path)
    with pytest.raises(ModelFileError, match="no model of this package"):
        load(path)
    save(Transformer(TINY), path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ModelFileError, match="no complete safetensors file"):
        load(path)


def test_file_whose_weights_do_not_fit_its_configuration(tmp_path):
    path = tmp_path / "model.safetensors"
    metadata = {
        "format": "hypecheck.model.1",
        "kind": "Transformer",
        "config": json.dumps({"vocab_size": 11, "d_model": 32}),
    }
    safetensors.torch.save_file(Transformer(TINY).state_dict(), path, metadata)
    with pytest.raises(ModelFileError, match="do not fit their configuration"):
        load(path)


def test_bad_configurations_say_what_to_do():
    with pytest.raises(ValueError, match="take d_model 63"):
        TransformerConfig(7, d_model=64, n_heads=3)
    with pytest.raises(ValueError, match="vocab_size must be 1 or more"):
        TransformerConfig(0)
    with pytest.raises(ValueError, match="positions must be one of relative, absolute; got 'up'"):
        TransformerConfig(7, positions="up")
    with pytest.raises(ValueError, match="needs to know length"):
        ConvNetConfig(head="positional")
    with pytest.raises(ValueError, match="odd"):
        ConvNetConfig(kernels=(8, 7))
    with pytest.raises(ValueError, match="shorter than one pool"):
        ConvNetConfig(length=3)


def test_too_long_or_unknown_tokens_are_refused():
    model = Transformer(TINY)
    with pytest.raises(ValueError, match="21 tokens, but the model takes at most 20"):
        model(some_ids(length=21))
    with pytest.raises(VocabularyMismatchError, match="run from 3 to 11, but the model knows 0 to"):
        check_token_ids(model, torch.tensor([3, 11]))
    with pytest.raises(ValueError, match="no tokens"):
        check_token_ids(model, torch.tensor([]))


def test_tokenizers_that_do_not_fit_are_refused():
    check_vocabulary(Transformer(TransformerConfig(CharTokenizer().vocab_size)), CharTokenizer())
    with pytest.raises(VocabularyMismatchError, match="build the model with vocab_size=7"):
        check_vocabulary(Transformer(TINY), CharTokenizer())

    class ForeignIds(KmerTokenizer):
        pad_id = 3

    foreign = ForeignIds(3, 3)
    with pytest.raises(VocabularyMismatchError, match="PAD, MASK, UNK"):
        check_vocabulary(Transformer(TransformerConfig(foreign.vocab_size)), foreign)


@settings(max_examples=15, deadline=None)
@given(padding=st.integers(1, 8), pool=st.sampled_from(["mean", "max", "mean+max"]))
def test_pooled_embeddings_do_not_see_padding(padding, pool):
    model = Transformer(TINY, seed=4)
    ids = some_ids(2, 7)
    padded = F.pad(ids, (0, padding))
    mask = padding_mask(padded)
    pooled = pool_tokens(model.embed(padded, mask), mask, pool)
    torch.testing.assert_close(pooled, pool_tokens(model.embed(ids), None, pool))


def test_pooling_by_hand():
    hidden = torch.tensor([[[1.0, 5.0], [3.0, -1.0], [99.0, 99.0]]])
    mask = torch.tensor([[True, True, False]])
    assert pool_tokens(hidden, mask).tolist() == [[2, 2, 3, 5]]
    assert pool_tokens(hidden, mask, "max").tolist() == [[3, 5]]
    with pytest.raises(ValueError, match="pool must be one of"):
        pool_tokens(hidden, mask, "sum")


@pytest.mark.parametrize("causal", [False, True])
def test_causal_models_alone_are_blind_to_the_future(causal):
    model = Transformer(TransformerConfig(11, causal=causal), seed=2)
    ids = some_ids()
    changed = ids.clone()
    changed[:, 8:] = 3 + (ids[:, 8:] - 2) % 8
    same = torch.allclose(model(ids)[:, :8], model(changed)[:, :8], atol=1e-6)
    assert same == causal


def test_convnet_by_hand():
    model = ConvNet(ConvNetConfig(channels=(1, 1), kernels=(3, 1), pool=2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.motifs.weight[0, :, :] = torch.tensor([[0, 1, 0], [0, 0, 2], [0, 0, 0], [0, 0, 0.0]])
        model.combinations.weight.fill_(3)
        model.head.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    # scores at each base of ACGTAN: A followed by C 1 + 2, A alone 1, base before C alone 2
    logits = model(torch.from_numpy(encode(["ACGTAN"])))
    assert logits.tolist() == [[9.0, 4.0]]  # pooled 3, 0, 1; times 3: maximum 9, mean 4


def test_convnet_reads_codes_and_one_hot_alike_and_unknown_bases_as_zeros():
    codes = encode(["ACGTNACGTACG", "TTTTTTTTTTTT"])
    model = ConvNet(ConvNetConfig(), seed=1)
    torch.testing.assert_close(
        model(torch.from_numpy(codes)), model.from_one_hot(torch.from_numpy(one_hot(codes)))
    )


def test_convnet_heads_differ_in_whether_place_matters():
    rows = ["A" * 40 + "GATTACA" + "A" * 41, "A" * 32 + "GATTACA" + "A" * 49]
    shifted = torch.from_numpy(encode(rows))
    anywhere = ConvNet(ConvNetConfig(), seed=1)(shifted)
    somewhere = ConvNet(ConvNetConfig(head="positional", length=88), seed=1)(shifted)
    torch.testing.assert_close(anywhere[0], anywhere[1])
    assert not torch.allclose(somewhere[0], somewhere[1])


def test_convnet_refuses_lengths_that_it_was_not_built_for():
    model = ConvNet(ConvNetConfig(head="positional", length=20))
    with pytest.raises(ValueError, match="21 bp, but the model was built for 20"):
        model(torch.zeros(1, 21, dtype=torch.uint8))
    with pytest.raises(ValueError, match="needs 4 or more"):
        ConvNet(ConvNetConfig())(torch.zeros(1, 3, dtype=torch.uint8))


def test_seeded_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    with seeded(9):
        torch.rand(5)
    assert torch.equal(torch.rand(1), expected)


def test_gradients_reach_every_parameter():
    model = Transformer(TransformerConfig(11, tied=False, positions="absolute", max_length=12))
    model(some_ids()).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
