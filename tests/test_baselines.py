"""Baselines: by hand, against scikit-learn and SciPy, and on data with known truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import matthews_corrcoef

from hypecheck.baselines import (
    Composition,
    KmerLogistic,
    KmerRidge,
    Majority,
    MarkovClassifier,
    OneClassError,
    PositionWeightMatrix,
    check_labels,
    choose_on_validation,
)
from hypecheck.markov import MarkovModel
from hypecheck.sequences import LabelledSequences, decode, encode, reverse_complement

LEARNED = (Composition, KmerLogistic, MarkovClassifier, PositionWeightMatrix)


def random_codes(n, length, seed=0):
    return np.random.default_rng(seed).integers(0, 4, (n, length), dtype=np.uint8)


def planted(n, word, seed, at=None):
    """Half of the sequences carry a word, at a random place or at a fixed one."""
    rng = np.random.default_rng(seed)
    codes, labels = random_codes(n, 60, seed), np.arange(n) % 2
    for row in np.flatnonzero(labels):
        start = rng.integers(0, 60 - len(word)) if at is None else at
        codes[row, start : start + len(word)] = encode(word)
    return LabelledSequences(codes, labels)


def mcc_of(estimator, train, test):
    predicted = estimator.fit(train.codes, train.labels).predict(test.codes)
    return matthews_corrcoef(test.labels, predicted)


def test_majority_by_hand():
    model = Majority().fit(encode(["A", "C", "G", "T"]), ["x", "y", "y", "y"])
    assert model.predict(encode(["A", "A"])).tolist() == ["y", "y"]
    np.testing.assert_array_equal(model.predict_proba(encode(["A"])), [[0.25, 0.75]])


def test_position_weight_matrix_by_hand():
    # position 0: class 0 saw A, A and class 1 saw A, C; one of each base is added
    model = PositionWeightMatrix(pseudocount=1).fit(encode(["A", "A", "A", "C"]), [0, 0, 1, 1])
    likelihoods = np.array([3 / 6, 2 / 6])
    np.testing.assert_allclose(
        model.predict_proba(encode(["A"]))[0], likelihoods / likelihoods.sum()
    )
    np.testing.assert_allclose(model.predict_proba(encode(["N"]))[0], [0.5, 0.5])


def test_weight_array_by_hand():
    # after A, class 0 saw C twice and class 1 saw G twice; the first base says nothing
    model = PositionWeightMatrix(order=1).fit(encode(["AC", "AC", "AG", "AG"]), [0, 0, 1, 1])
    np.testing.assert_allclose(model.predict_proba(encode(["AC"]))[0], [3 / 4, 1 / 4])
    np.testing.assert_allclose(model.predict_proba(encode(["TC"]))[0], [1 / 2, 1 / 2])


def test_markov_classifier_is_bayes_rule_on_two_markov_models():
    codes, labels = random_codes(40, 30), np.arange(40) % 4 // 3
    model = MarkovClassifier(order=2).fit(codes, labels)
    bits = [
        30 * MarkovModel(2).fit(codes[labels == c]).score(codes[5]) - np.log2(np.mean(labels == c))
        for c in (0, 1)
    ]
    expected = expit((bits[0] - bits[1]) * np.log(2))
    assert model.predict_proba(codes[5:6])[0, 1] == pytest.approx(expected)


def test_kmer_logistic_equals_scikit_learn_on_its_own_counts(monkeypatch):
    monkeypatch.setattr(KmerLogistic, "_tolerance", 1e-5)
    codes, labels = random_codes(60, 40), np.arange(60) % 2
    counts = CountVectorizer(analyzer="char", ngram_range=(1, 3), lowercase=False)
    features = np.sqrt(counts.fit_transform(decode(codes)).toarray())
    peer = LogisticRegression(C=0.1, tol=1e-6, max_iter=5000).fit(features, labels)
    ours = KmerLogistic(C=0.1, k=(1, 3)).fit(codes, labels)
    np.testing.assert_allclose(
        logit(ours.predict_proba(codes)[:, 1]), peer.decision_function(features), atol=1e-3
    )


def test_kmer_ridge_equals_scikit_learn_on_its_own_counts():
    codes = random_codes(60, 40)
    values = np.random.default_rng(1).normal(size=60)
    counts = CountVectorizer(analyzer="char", ngram_range=(1, 3), lowercase=False)
    features = np.sqrt(counts.fit_transform(decode(codes)).toarray())
    ours = KmerRidge(alpha=3.0, k=(1, 3)).fit(codes, values)
    peer = Ridge(alpha=3.0).fit(features, values)
    np.testing.assert_allclose(ours.predict(codes), peer.predict(features), atol=1e-3)


def test_composition_converges():
    codes, labels = random_codes(400, 50), np.arange(400) % 2
    shares = np.stack([(codes == base).mean(axis=1) for base in range(3)], axis=1)
    peer = LogisticRegression(C=100, tol=1e-10, solver="newton-cg").fit(shares, labels)
    ours = Composition(C=100).fit(codes, labels)
    np.testing.assert_allclose(ours.predict_proba(codes), peer.predict_proba(shares), atol=1e-4)


@given(arrays(np.uint8, (12, 20), elements=st.integers(0, 4)))
@settings(max_examples=10, deadline=None)
def test_probabilities_sum_to_one_whatever_the_bases(codes):
    codes[:2] = encode(["ACGT" * 5, "TTGCA" * 4])  # each class has known bases
    labels = np.arange(12) % 2
    for estimator in (*LEARNED, Majority):
        probabilities = estimator().fit(codes, labels).predict_proba(codes)
        assert probabilities.shape == (12, 2)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize("estimator", LEARNED)
def test_class_names_and_three_classes_are_kept(estimator):
    codes = encode(["AAAAAAAA", "ACAAAAAA", "CCCCCCCC", "CCCCCACC", "GGGGGGGG", "GGGCGGGG"])
    model = estimator().fit(codes, ["a", "a", "c", "c", "g", "g"])
    assert set(model.predict(codes)) <= {"a", "c", "g"}
    assert model.predict_proba(codes).shape == (6, 3)


def test_each_baseline_finds_what_it_can_see():
    # a word at any place is seen by k-mers, at one place by position; composition sees neither
    anywhere, anywhere_test = planted(600, "GATAAGCA", 0), planted(400, "GATAAGCA", 1)
    fixed, fixed_test = planted(600, "CATG", 2, at=30), planted(400, "CATG", 3, at=30)
    assert mcc_of(KmerLogistic(C=0.3, k=6), anywhere, anywhere_test) > 0.8
    assert mcc_of(PositionWeightMatrix(), anywhere, anywhere_test) < 0.4
    assert mcc_of(PositionWeightMatrix(), fixed, fixed_test) > 0.9
    assert mcc_of(KmerLogistic(C=0.3, k=3), fixed, fixed_test) < 0.8
    assert mcc_of(Composition(C=1), fixed, fixed_test) < 0.3
    assert mcc_of(Majority(), fixed, fixed_test) == 0


def test_weights_name_the_planted_word():
    train = planted(600, "GATAAGCA", 0)
    weights = KmerLogistic(C=0.1, k=4).fit(train.codes, train.labels).weights()
    heaviest = list(weights)[:5]
    assert set(heaviest) == {"GATA", "ATAA", "TAAG", "AAGC", "AGCA"}
    assert all(weights[word] > 0 for word in heaviest)


def test_canonical_predictions_do_not_depend_on_the_strand():
    train = planted(200, "GATAAGCA", 0)
    model = KmerLogistic(k=(1, 4), canonical=True).fit(train.codes, train.labels)
    np.testing.assert_allclose(
        model.predict_proba(train.codes), model.predict_proba(reverse_complement(train.codes))
    )


@pytest.mark.parametrize("estimator", [*LEARNED, KmerRidge])
def test_six_different_configurations_that_all_can_be_set(estimator):
    configurations = estimator.configurations()
    assert len({str(one) for one in configurations}) == len(configurations) == 6
    for one in configurations:
        assert clone(estimator(**one)).get_params() == estimator().get_params() | one


def test_choice_falls_on_the_best_validation_score():
    train, validation = planted(200, "GATAAGCA", 0), planted(200, "GATAAGCA", 1)
    grid = [{"k": 1, "C": 0.1}, {"k": 6, "C": 0.1}, {"k": 2, "C": 0.1}]
    model, chosen, scores = choose_on_validation(
        KmerLogistic, train, validation, matthews_corrcoef, grid
    )
    assert chosen == grid[int(np.argmax(scores))] == {"k": 6, "C": 0.1}
    again = [mcc_of(KmerLogistic(**one), train, validation) for one in grid]
    np.testing.assert_allclose(scores, again)
    assert matthews_corrcoef(validation.labels, model.predict(validation.codes)) == max(scores)


def test_a_choice_that_cannot_be_made_is_refused():
    part = planted(20, "GATA", 0)
    with pytest.raises(ValueError, match="validation part is empty"):
        choose_on_validation(Composition, part, part.take([]), matthews_corrcoef)
    with pytest.raises(ValueError, match=r"NaN for \{'C': 0.01\}; does the validation part"):
        choose_on_validation(Composition, part, part, lambda *_: float("nan"))


@pytest.mark.parametrize("estimator", [*LEARNED, Majority])
def test_one_class_is_named(estimator):
    with pytest.raises(OneClassError, match="all 3 labels are 1"):
        estimator().fit(random_codes(3, 12), [1, 1, 1])
    with pytest.raises(OneClassError, match="all 0 labels are none"):
        estimator().fit(random_codes(0, 12), [])


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: check_labels(random_codes(2, 5), [0.0, np.nan]), "1 labels are NaN"),
        (lambda: check_labels(random_codes(2, 5), [0, 1, 1]), "2 sequences and labels of shape"),
        (lambda: check_labels(encode("ACG"), [0, 1, 1]), "2 axes"),
        (lambda: KmerRidge().fit(random_codes(2, 9), [0.5, np.nan]), "1 values to predict are NaN"),
        (lambda: KmerLogistic(k=6).fit(random_codes(2, 5), [0, 1]), "k = 6 is longer"),
        (lambda: PositionWeightMatrix(order=2).fit(random_codes(2, 5), [0, 1]), "order must be"),
        (
            lambda: PositionWeightMatrix().fit(random_codes(2, 5), [0, 1]).predict(encode(["AC"])),
            "sequences of 2 bases and a matrix of 5",
        ),
        (
            lambda: KmerLogistic(k=2).fit(random_codes(3, 5), [0, 1, 2]).weights(),
            "weights of 3 classes",
        ),
    ],
)
def test_bad_input_is_named(attempt, message):
    with pytest.raises(ValueError, match=message):
        attempt()
