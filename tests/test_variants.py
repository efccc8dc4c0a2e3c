import numpy as np
import pytest
import torch
from benchmarks import bench_mutagenesis
from benchmarks.harness import check_equality
from hypothesis import given, settings
from hypothesis import strategies as st

from hypecheck.models import ConvNet, ConvNetConfig, Transformer, TransformerConfig
from hypecheck.sequences import decode, encode, reverse_complement
from hypecheck.tokenizers import CharTokenizer, KmerTokenizer
from hypecheck.training import MaskedObjective, TrainingConfig, fit_language_model
from hypecheck.variants import (
    VariantError,
    Variants,
    base_log_probabilities,
    in_silico_mutagenesis,
    log_likelihood_ratio,
    snvs,
)

CHARS = CharTokenizer()
MODEL = Transformer(TransformerConfig(CHARS.vocab_size, d_model=16, max_length=24), seed=2)
DNA = st.text("ACGTN", min_size=1, max_size=30)


def dna(length, seed=0):
    return np.random.default_rng(seed).integers(0, 4, length).astype(np.uint8)


def test_snvs_by_hand():
    variants = snvs(encode("TNA"), positions=[2, 1])
    assert variants.positions.tolist() == [2, 2, 2]
    assert decode(variants.alt) == "CGT"
    assert decode(variants.apply(encode("TNA"))) == ["TNC", "TNG", "TNT"]


@settings(max_examples=30, deadline=None)
@given(DNA)
def test_snvs_are_all_single_differences(sequence):
    codes = encode(sequence)
    variants = snvs(codes)
    known = sum(letter != "N" for letter in sequence)
    mutants = variants.apply(codes)
    assert len(variants) == 3 * known
    assert ((mutants != codes).sum(1) == 1).all()
    assert len(np.unique(mutants, axis=0)) == 3 * known


def test_one_forward_pass_by_hand():
    codes = dna(20)
    ids = torch.from_numpy(CHARS.encode(decode(codes)))[None].clone()
    ids[0, 7] = CHARS.mask_id
    with torch.no_grad():
        expected = MODEL(ids)[0, 7, 3:7].log_softmax(-1).numpy()
    found = base_log_probabilities(MODEL, CHARS, codes, [7])
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)


def test_llr_equals_a_loop_over_variants():
    codes = dna(40)
    variants = snvs(codes, positions=[0, 3, 20, 39])
    scores = log_likelihood_ratio(MODEL, CHARS, codes, variants, context=15, batch_size=3)
    for score, position, ref, alt in zip(
        scores, variants.positions, variants.ref, variants.alt, strict=True
    ):
        start = min(max(position - 7, 0), 25)
        log_probs = base_log_probabilities(
            MODEL, CHARS, codes[start : start + 15], [position - start]
        )
        assert score == pytest.approx(log_probs[0, alt] - log_probs[0, ref], abs=1e-5)


def test_hidden_base_does_not_count_and_there_and_back_cancel():
    codes = dna(24)
    there = Variants([5], codes[[5]], (codes[[5]] + 1) % 4)
    mutant = there.apply(codes)[0]
    back = Variants([5], there.alt, there.ref)
    forth = log_likelihood_ratio(MODEL, CHARS, codes, there)
    np.testing.assert_allclose(forth, -log_likelihood_ratio(MODEL, CHARS, mutant, back), rtol=1e-5)


def test_both_strands_score_a_variant_and_its_mirror_alike():
    codes = dna(30)
    variants = snvs(codes)
    mirrored = Variants(29 - variants.positions, 3 - variants.ref, 3 - variants.alt)
    np.testing.assert_allclose(
        log_likelihood_ratio(MODEL, CHARS, codes, variants, both_strands=True),
        log_likelihood_ratio(MODEL, CHARS, reverse_complement(codes), mirrored, both_strands=True),
        rtol=1e-4,
        atol=1e-6,
    )


def test_trained_model_knows_a_repeat():
    repeat = np.tile(encode("ACGGT"), 200)
    model = Transformer(TransformerConfig(CHARS.vocab_size, d_model=16, n_heads=2), seed=0)
    config = TrainingConfig(steps=120, batch_size=8, length=20, learning_rate=0.01)
    fit_language_model(model, CHARS.encode(decode(repeat)), config, MaskedObjective())
    codes = repeat[:20]
    assert (log_likelihood_ratio(model, CHARS, codes, snvs(codes, [9, 10, 11])) < -1).all()


def test_mutagenesis_equals_a_loop():
    model, codes = ConvNet(ConvNetConfig(n_classes=3), seed=1), encode("ACGTNACGTACG")
    effects = in_silico_mutagenesis(model, codes, batch_size=5)
    assert effects.shape == (12, 4, 3)
    with torch.no_grad():
        reference = model(torch.from_numpy(codes[None]))[0]
        for position in range(12):
            for base in range(4):
                mutant = codes.copy()
                mutant[position] = base
                change = (model(torch.from_numpy(mutant[None]))[0] - reference).numpy()
                expected = change if codes[position] < 4 else np.full(3, np.nan)
                np.testing.assert_allclose(effects[position, base], expected, atol=1e-6)


def test_mutagenesis_equals_tangermeme():
    for benchmark in bench_mutagenesis.BENCHMARKS:
        check_equality(benchmark)


def test_variants_that_do_not_fit():
    codes = encode("ACGT")
    with pytest.raises(VariantError, match="variant 1 replaces code 2 by 2"):
        Variants([0, 1], [0, 2], [1, 2])
    with pytest.raises(VariantError, match="have shapes"):
        Variants([0], [0, 2], [1, 2])
    with pytest.raises(VariantError, match="expects T at position 1, but the sequence has C"):
        log_likelihood_ratio(MODEL, CHARS, codes, Variants([1], [3], [0]))
    with pytest.raises(VariantError, match="position 4 lies outside the sequence of 4 bp"):
        snvs(codes, positions=[4])
    with pytest.raises(VariantError, match="position -1 lies outside"):
        base_log_probabilities(MODEL, CHARS, codes, [-1])


def test_models_that_cannot_hide_one_base():
    codes = dna(12)
    causal = Transformer(TransformerConfig(CHARS.vocab_size, causal=True))
    with pytest.raises(ValueError, match="needs a model that sees both sides"):
        log_likelihood_ratio(causal, CHARS, codes, snvs(codes))
    kmers = KmerTokenizer(3, 1)
    with pytest.raises(ValueError, match="one token per base"):
        log_likelihood_ratio(
            Transformer(TransformerConfig(kmers.vocab_size)), kmers, codes, snvs(codes)
        )


def test_no_variants_no_scores():
    codes = encode("NN")
    assert log_likelihood_ratio(MODEL, CHARS, codes, snvs(codes)).shape == (0,)
    assert np.isnan(in_silico_mutagenesis(ConvNet(ConvNetConfig()), encode("N" * 5))).all()
