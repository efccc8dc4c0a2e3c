"""Heads: they learn what a linear one cannot, and contributions add up to what a head says."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hypecheck.baselines import KmerLogistic
from hypecheck.embeddings import embed_sequences, linear_probe
from hypecheck.heads import neural_probe, token_contributions, word_contributions
from hypecheck.interpret import motif_recovery
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.sequences import encode
from hypecheck.simulate import planted_motifs
from hypecheck.tokenizers import BPETokenizer, CharTokenizer, KmerTokenizer


@pytest.fixture
def xor(rng):
    signs = rng.choice([-1.0, 1.0], (400, 2))
    labels = (signs.prod(axis=1) > 0).astype(np.int64)
    features = signs + rng.normal(0, 0.2, signs.shape)
    return features[:200], labels[:200], features[200:], labels[200:]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_neural_head_learns_what_a_linear_one_cannot(xor):
    assert linear_probe(*xor).validation_score < 0.4
    assert neural_probe(*xor, seed=0, decays=[1e-3], passes=60).validation_score > 0.9


def test_neural_head_is_a_function_of_its_seed(xor):
    first, second = (neural_probe(*xor, seed=3, decays=[1e-3, 10.0], passes=5) for _ in range(2))
    assert (first.predict_proba(xor[2]) == second.predict_proba(xor[2])).all()
    assert set(first.validation_scores) == {1e-3, 10.0}


def test_neural_head_needs_a_decay(xor):
    with pytest.raises(ValueError, match="decays is empty"):
        neural_probe(*xor, seed=0, decays=[])


@pytest.mark.parametrize("cut", [CharTokenizer(), KmerTokenizer(3, 3)], ids=["letters", "blocks"])
def test_contributions_of_tokens_average_to_the_head(cut, rng):
    codes = rng.integers(0, 4, (40, 12)).astype(np.uint8)
    model = Transformer(TransformerConfig(cut.vocab_size, d_model=8), seed=1)
    vectors, labels = embed_sequences(model, cut, codes, pool="mean"), np.arange(40) % 2
    probe = linear_probe(vectors, labels, vectors, labels)
    head = probe.model[-1]
    found = token_contributions(probe, model, cut, codes, batch_size=16)
    assert found.shape == codes.shape
    expected = probe.model.decision_function(vectors) - head.intercept_
    np.testing.assert_allclose(found.mean(axis=1), expected, atol=1e-4)


def test_contributions_refuse_what_cannot_be_split(rng):
    codes = rng.integers(0, 4, (20, 12)).astype(np.uint8)
    model = Transformer(TransformerConfig(7, d_model=8), seed=1)
    labels = np.arange(20) % 2
    both = embed_sequences(model, CharTokenizer(), codes, pool="mean+max")
    with pytest.raises(ValueError, match="pool='mean'"):
        token_contributions(linear_probe(both, labels, both, labels), model, CharTokenizer(), codes)
    bpe = BPETokenizer(10).fit(["ACGTACGTAAAA"])
    other = Transformer(TransformerConfig(bpe.vocab_size, d_model=8), seed=1)
    vectors = embed_sequences(other, bpe, codes, pool="mean")
    with pytest.raises(ValueError, match="tokens of one length"):
        token_contributions(linear_probe(vectors, labels, vectors, labels), other, bpe, codes)


def test_words_spread_over_their_bases():
    model = KmerLogistic(k=(1, 2))
    model.model_ = LogisticRegression()
    model.model_.coef_ = np.zeros((1, 20))
    model.model_.coef_[0, 2] = 1.0  # G
    model.model_.coef_[0, 4 + 11] = 2.0  # GT: 2 * 4 + 3 = 11
    found = word_contributions(model, encode(["AGTG"]))
    assert found.tolist() == [[0.0, 2.0, 1.0, 1.0]]


@pytest.mark.parametrize(
    ("model", "sequence"), [(KmerLogistic(canonical=True), "ACGT"), (KmerLogistic(), "ACGN")]
)
def test_words_refuse_strands_and_unknown_bases(model, sequence):
    with pytest.raises(ValueError, match="not canonical"):
        word_contributions(model, encode([sequence]))


def test_words_find_a_planted_motif(rng):
    background = rng.integers(0, 4, (400, 60)).astype(np.uint8)
    world = planted_motifs(background, ["TGACTCA"], rng)
    model = KmerLogistic(k=(1, 5)).fit(world.data.codes[:300], world.data.labels[:300])
    found = word_contributions(model, world.data.codes[300:])
    assert motif_recovery(found - found.min(), world.truth.mask[300:]) > 0.85
