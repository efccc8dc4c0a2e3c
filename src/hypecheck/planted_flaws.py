"""Sixteen ways to spoil an evaluation, planted on real sequences, so that an audit can be audited.

Design choices

- An honest evaluation is made first: a frozen model's vectors under a small network, against word
  counts tuned on validation data, on a test part without relatives in the training part.
- A flaw changes that evaluation as its authors would have: what depends on the change is trained
  again. Three flaws leave no trace that the checks of `hypecheck.audit` could see; they stay in the
  list, so that the audit can fail.
- What an evaluation says of itself follows from its own numbers, by the same rule for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from hypecheck import baselines, leakage
from hypecheck.audit import Evaluation, Predictions, Report
from hypecheck.corpus import purge
from hypecheck.scores import accuracy, matthews
from hypecheck.sequences import (
    UNKNOWN,
    Codes,
    LabelledSequences,
    encode,
    reverse_complement,
)

ALPHAS = (0.01, 1.0, 30.0)  # penalties of the small network to choose among
SEEDS = (0, 1, 2, 3, 4)
PASSES = 15  # over the training part
SHARE = 0.25  # of the test items that a leak touches
TAG = "GATCGG"  # what a library preparation might leave at the end of its reads

Vectors = Callable[[Codes], npt.NDArray[np.floating]]


class SmallHead:
    """A small network on the vectors of a frozen model, which are computed once for a sequence.

    Parameters
    ----------
    vectors : callable
        ``vectors(codes)`` gives an array of shape (N, D).
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self._known: dict[bytes, npt.NDArray[np.floating]] = {}

    def embed(self, codes: Codes) -> npt.NDArray[np.floating]:
        """Return the vectors of sequences, shape (N, D)."""
        keys = [row.tobytes() for row in codes]
        new = {key: row for key, row in zip(keys, codes, strict=True) if key not in self._known}
        if new:
            self._known.update(zip(new, self._vectors(np.stack(list(new.values()))), strict=True))
        return np.stack([self._known[key] for key in keys])

    def predict(
        self, train: LabelledSequences, codes: Codes, *, alpha: float, seed: int
    ) -> Predictions:
        """Train on `train` and predict the classes of `codes`, shape (N,)."""
        scaler = StandardScaler().fit(self.embed(train.codes))
        head = MLPClassifier(
            (16,), alpha=alpha, batch_size=64, learning_rate_init=0.01, random_state=seed
        )
        for _ in range(PASSES):
            head.partial_fit(
                scaler.transform(self.embed(train.codes)), train.labels, classes=[0, 1]
            )
        found: Predictions = head.predict(scaler.transform(self.embed(codes)))
        return found

    def choose(self, train: LabelledSequences, part: LabelledSequences, *, seed: int = 0) -> float:
        """Return the penalty with the best MCC on `part`."""
        scores = [
            float(matthews(part.labels, self.predict(train, part.codes, alpha=alpha, seed=seed)))
            for alpha in ALPHAS
        ]
        return ALPHAS[int(np.argmax(scores))]


@dataclass(frozen=True, eq=False)
class World:
    """Real rows, a model, and the honest evaluation made of them.

    Parameters
    ----------
    train, validation, test : LabelledSequences
        Parts that share no relatives.
    corpus : ndarray of uint8, shape (M, L)
        What stands for the pretraining corpus; shares no word of 24 bases with the test part.
    head : SmallHead
        The new model.
    """

    train: LabelledSequences
    validation: LabelledSequences
    test: LabelledSequences
    corpus: Codes
    head: SmallHead

    @cached_property
    def honest(self) -> Evaluation:
        """The evaluation without a flaw."""
        return self.evaluation(self.train, self.validation, self.test)

    def evaluation(
        self,
        train: LabelledSequences,
        validation: LabelledSequences,
        test: LabelledSequences,
        *,
        alpha: float | None = None,
        seeds: Sequence[int] = SEEDS,
    ) -> Evaluation:
        """Train and score on these parts, and report it as the honest authors would."""
        chosen = self.head.choose(train, validation)
        used = chosen if alpha is None else alpha
        runs = [self.head.predict(train, test.codes, alpha=used, seed=seed) for seed in seeds]
        words, _, _ = baselines.choose_on_validation(
            baselines.KmerLogistic, train, validation, matthews
        )

        def rerun(seed: int) -> Predictions:
            return self.head.predict(train, test.codes, alpha=chosen, seed=seed)

        one = Evaluation(
            _report(test, np.stack(runs)),
            train,
            validation,
            test,
            self.corpus,
            np.stack(runs),
            words.predict(test.codes),
            rerun,
        )
        return replace(one, report=replace(one.report, claims_gain=one.gain().low > 0))


def make_world(
    rows: LabelledSequences,
    vectors: Vectors,
    *,
    rng: np.random.Generator,
    sizes: tuple[int, int, int] = (600, 300, 400),
    n_corpus: int = 1000,
) -> World:
    """Draw rows, and keep only test items without relatives in training or in the corpus.

    Parameters
    ----------
    rows : LabelledSequences
        Two classes, at least the sum of all sizes.
    vectors : callable
        Gives the frozen model's vectors.
    rng : numpy.random.Generator
        Source of randomness.
    sizes : (int, int, int)
        Rows to train, to choose, and to test on; the last before relatives are dropped.
    n_corpus : int, default 1000
        Further rows that stand for the pretraining corpus.

    Returns
    -------
    world : World
        With its honest evaluation.

    Raises
    ------
    ValueError
        If there are too few rows.
    """
    needed = sum(sizes) + n_corpus
    if len(rows) < needed:
        raise ValueError(f"{needed} rows are needed and {len(rows)} are there; ask for fewer")
    order = rng.permutation(len(rows))[:needed]
    ends = np.cumsum((*sizes, n_corpus))
    train, validation, test, rest = (
        rows.take(order[end - size : end])
        for end, size in zip(ends, (*sizes, n_corpus), strict=True)
    )
    seen = LabelledSequences(
        np.concatenate([train.codes, validation.codes]),
        np.concatenate([train.labels, validation.labels]),
    )
    test = test.take(leakage.audit(seen, test).clean_test_index)
    corpus = _apart(rest.codes, test.codes)
    return World(train, validation, test, corpus, SmallHead(vectors))


@dataclass(frozen=True)
class Flaw:
    """One way to spoil an evaluation.

    Parameters
    ----------
    name : str
        What is wrong, in plain words.
    chapter : str
        Where the book treats it.
    plant : callable
        ``plant(world, rng)`` gives the spoilt evaluation.
    """

    name: str
    chapter: str
    plant: Callable[[World, np.random.Generator], Evaluation]


def _report(test: LabelledSequences, runs: Predictions) -> Report:
    scores = [float(matthews(test.labels, run)) for run in runs]
    share = float(np.mean(test.labels == 1))
    return Report("MCC", float(np.mean(scores)), False, len(runs), max(share, 1 - share), 12, 12)


def _apart(codes: Codes, test: Codes) -> Codes:
    """Blank every long word of `test` in rows of `codes`."""
    gap = np.full((len(codes), 1), UNKNOWN, dtype=np.uint8)  # no word spans two rows
    one = purge(np.hstack([codes, gap]).ravel(), {"test": test})
    return one.reshape(len(codes), -1)[:, :-1]


def _on_rows(
    rerun: Callable[[int], Predictions], rows: npt.NDArray[np.int64]
) -> Callable[[int], Predictions]:
    return lambda seed: rerun(seed)[rows]


def _joined(part: LabelledSequences, codes: Codes, labels: npt.ArrayLike) -> LabelledSequences:
    return LabelledSequences(
        np.concatenate([part.codes, codes]), np.concatenate([part.labels, np.asarray(labels)])
    )


def _some(world: World, rng: np.random.Generator) -> LabelledSequences:
    rows = rng.permutation(len(world.test))[: int(SHARE * len(world.test))]
    return world.test.take(rows)


def _with_training(
    world: World, rng: np.random.Generator, change: Callable[[Codes], Codes]
) -> Evaluation:
    some = _some(world, rng)
    train = _joined(world.train, change(some.codes), some.labels)
    return world.evaluation(train, world.validation, world.test)


def _mutated(codes: Codes, rng: np.random.Generator, rate: float = 0.05) -> Codes:
    shift = rng.integers(1, 4, size=codes.shape).astype(np.uint8)
    is_changed = (rng.random(codes.shape) < rate) & (codes < 4)
    return np.where(is_changed, (codes + shift) % 4, codes).astype(np.uint8)


def copies(world: World, rng: np.random.Generator) -> Evaluation:
    """Put a quarter of the test items into the training part."""
    return _with_training(world, rng, lambda codes: codes)


def reverse_complements(world: World, rng: np.random.Generator) -> Evaluation:
    """Put their reverse complements there."""
    return _with_training(world, rng, reverse_complement)


def relatives(world: World, rng: np.random.Generator) -> Evaluation:
    """Put relatives there, in which one base in twenty differs."""
    return _with_training(world, rng, lambda codes: _mutated(codes, rng))


def repeats(world: World, rng: np.random.Generator) -> Evaluation:
    """Let a quarter of the test items stand twice in the test part."""
    some = _some(world, rng)
    return world.evaluation(
        world.train, world.validation, _joined(world.test, some.codes, some.labels)
    )


def seen_corpus(world: World, rng: np.random.Generator) -> Evaluation:
    """Let the pretraining corpus hold test items; the model itself is not trained again."""
    return replace(world.honest, corpus=np.concatenate([world.corpus, _some(world, rng).codes]))


def hidden_corpus(world: World, rng: np.random.Generator) -> Evaluation:
    """Let it hold them, and do not share it."""
    return replace(seen_corpus(world, rng), corpus=None)


def one_seed(world: World, rng: np.random.Generator) -> Evaluation:
    """Train once."""
    return world.evaluation(
        world.train, world.validation, world.test, seeds=[int(rng.integers(100))]
    )


def best_seeds(world: World, rng: np.random.Generator) -> Evaluation:
    """Train twenty times and tell of the best five."""
    one = world.evaluation(
        world.train, world.validation, world.test, seeds=rng.permutation(500)[:20].tolist()
    )
    scores = [float(matthews(world.test.labels, run)) for run in one.predictions]
    best = one.predictions[np.argsort(scores)[-len(SEEDS) :]]
    return replace(one, predictions=best, report=_report(world.test, best))


def chosen_on_test(world: World, _: np.random.Generator) -> Evaluation:
    """Choose the setting by its score on the test part."""
    alpha = world.head.choose(world.train, world.test)
    return world.evaluation(world.train, world.validation, world.test, alpha=alpha)


def weak_opponent(world: World, _: np.random.Generator) -> Evaluation:
    """Compare with single letters and call it word counts."""
    model = baselines.KmerLogistic(C=0.001, k=(1, 2)).fit(world.train.codes, world.train.labels)
    one = replace(world.honest, opponent=model.predict(world.test.codes))
    return replace(one, report=replace(one.report, claims_gain=one.gain().low > 0))


def noise(world: World, rng: np.random.Generator) -> Evaluation:
    """Call it a gain on sixty test items on which the mean happens to be higher."""
    for _ in range(500):
        rows = np.sort(rng.permutation(len(world.test))[:60])
        test = world.test.take(rows)
        one = replace(
            world.honest,
            test=test,
            predictions=world.honest.predictions[:, rows],
            opponent=world.honest.opponent[rows],
            rerun=_on_rows(world.honest.rerun, rows),
        )
        if one.gain().estimate > 0:
            break
    return replace(one, report=replace(_report(test, one.predictions), claims_gain=True))


def skewed_accuracy(world: World, rng: np.random.Generator) -> Evaluation:
    """Thin the second class out to a tenth and report accuracy."""
    first, second = (np.flatnonzero(world.test.labels == label) for label in (0, 1))
    rows = np.sort(np.concatenate([first, rng.permutation(second)[: len(first) // 9]]))
    one = world.evaluation(world.train, world.validation, world.test.take(rows))
    score = float(np.mean([accuracy(one.test.labels, run) for run in one.predictions]))
    return replace(one, report=replace(one.report, metric="accuracy", score=score))


def chosen_tasks(world: World, _: np.random.Generator) -> Evaluation:
    """Show four of the benchmark's twelve tasks."""
    return replace(world.honest, report=replace(world.honest.report, tasks_shown=4))


def composition(world: World, rng: np.random.Generator) -> Evaluation:
    """Draw the first class from random sequence of another composition."""

    def spoil(part: LabelledSequences) -> LabelledSequences:
        made = rng.choice(4, size=part.codes.shape, p=[0.32, 0.18, 0.18, 0.32]).astype(np.uint8)
        return replace(part, codes=np.where(part.labels[:, None] == 0, made, part.codes))

    return world.evaluation(*(spoil(p) for p in (world.train, world.validation, world.test)))


def library_tag(world: World, rng: np.random.Generator) -> Evaluation:
    """Leave six bases of the library preparation on most items of the second class."""

    def spoil(part: LabelledSequences) -> LabelledSequences:
        codes = part.codes.copy()
        is_tagged = (part.labels == 1) & (rng.random(len(part)) < 0.8)
        codes[is_tagged, -len(TAG) :] = encode(TAG)
        return replace(part, codes=codes)

    return world.evaluation(*(spoil(p) for p in (world.train, world.validation, world.test)))


def wrong_labels(world: World, rng: np.random.Generator) -> Evaluation:
    """Label a tenth of all items wrongly."""

    def spoil(part: LabelledSequences) -> LabelledSequences:
        is_wrong = rng.random(len(part)) < 0.1
        return replace(part, labels=np.where(is_wrong, 1 - part.labels, part.labels))

    return world.evaluation(*(spoil(p) for p in (world.train, world.validation, world.test)))


FLAWS = (
    Flaw("copies of test items in training", "benchmarking", copies),
    Flaw("their reverse complements in training", "benchmarking", reverse_complements),
    Flaw("their relatives in training", "benchmarking", relatives),
    Flaw("test items that stand twice", "benchmarking", repeats),
    Flaw("test items in a corpus that is shared", "scale", seen_corpus),
    Flaw("test items in a corpus that is not", "scale", hidden_corpus),
    Flaw("one training run", "benchmarking", one_seed),
    Flaw("the best five of twenty runs", "benchmarking", best_seeds),
    Flaw("settings chosen on the test", "evaluation", chosen_on_test),
    Flaw("an opponent left untuned", "limited-gains", weak_opponent),
    Flaw("a gain within noise", "benchmarking", noise),
    Flaw("accuracy on unequal classes", "evaluation", skewed_accuracy),
    Flaw("tasks left out", "leaderboards", chosen_tasks),
    Flaw("classes of other composition", "benchmark-tasks", composition),
    Flaw("a tag of the library", "why-they-fail", library_tag),
    Flaw("wrong labels", "value", wrong_labels),
)
