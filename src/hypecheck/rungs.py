"""The seven standard rungs, made of this package's baselines and tiny models.

Design choices

- Every learned rung has six configurations, the number that a fair comparison needs to share.
- The untrained twin of a language model has the weights from which its pretraining began, so that
  a pretrained rung and its twin differ in nothing but pretraining, seed by seed.
- A fine-tuned model and its twin trained from scratch have the same steps and the same grid.
- Frozen vectors are computed once per seed and sequence set; the grid then works on their columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hypecheck.baselines import Composition, KmerLogistic, Majority
from hypecheck.embeddings import embed_sequences
from hypecheck.ladder import Configuration, Predict, Rung
from hypecheck.models import ConvNet, ConvNetConfig, Transformer, random_twin
from hypecheck.sequences import Codes, Task
from hypecheck.tokenizers import Tokenizer
from hypecheck.training import TrainingConfig, fit_classifier

ModelOfSeed = Callable[[int], Transformer]

CNN_GRID: tuple[Configuration, ...] = tuple(
    {"head": head, "learning_rate": rate}
    for head in ("global", "positional")
    for rate in (1e-3, 3e-3, 1e-2)
)
FROZEN_GRID: tuple[Configuration, ...] = tuple(
    {"pool": pool, "C": C} for pool in ("mean", "mean+max") for C in (0.01, 0.1, 1.0)
)
FINE_TUNING_GRID: tuple[Configuration, ...] = tuple(
    {"learning_rate": rate} for rate in (3e-4, 6e-4, 1e-3, 2e-3, 4e-3, 8e-3)
)
TRAINING = TrainingConfig(steps=1000, batch_size=32, evaluate_every=125)
CNN_TRAINING = TrainingConfig(steps=1000, batch_size=64, evaluate_every=100)


def standard_rungs(
    language_model: ModelOfSeed,
    tokenizer: Tokenizer,
    *,
    training: TrainingConfig = TRAINING,
    cnn_training: TrainingConfig = CNN_TRAINING,
    chosen: Mapping[str, Sequence[Configuration]] | None = None,
    pretraining_seconds: float = 0.0,
    from_scratch: bool = False,
) -> tuple[Rung, ...]:
    """Make the seven rungs of a ladder around one language model.

    Parameters
    ----------
    language_model : callable
        ``language_model(seed)`` gives the model pretrained with that seed; it is called often, so
        let it remember.
    tokenizer : Tokenizer
        The tokenizer of that model.
    training, cnn_training : TrainingConfig, default 1000 steps of 32 and of 64 sequences
        For fine-tuning and for the CNN; learning rate and seed are set by grid and ladder.
    chosen : mapping of str to sequence of mappings, optional
        Configurations by rung, where the choice was made before
        (`LadderResult.chosen_configurations`).
    pretraining_seconds : float, default 0
        CPU seconds that pretraining took for one seed.
    from_scratch : bool, default False
        Add an eighth rung: the fine-tuned network without its pretraining.

    Returns
    -------
    rungs : tuple of Rung
        From the bottom up.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> from hypecheck.tokenizers import CharTokenizer
    >>> def language_model(seed):
    ...     return Transformer(TransformerConfig(vocab_size=7, d_model=8, n_heads=2), seed=seed)
    >>> rungs = standard_rungs(language_model, CharTokenizer())
    >>> [len(rung.configurations) for rung in rungs]
    [1, 6, 6, 6, 6, 6, 6]
    """

    def twin(seed: int) -> Transformer:
        return random_twin(language_model(seed), seed)

    rungs = [
        baseline_rung("chance", Majority, [{}]),
        baseline_rung("composition", Composition, Composition.configurations()),
        baseline_rung("kmer_linear", KmerLogistic, KmerLogistic.configurations()),
        cnn_rung(cnn_training),
        frozen_rung("random_frozen", twin, tokenizer),
        frozen_rung("pretrained_frozen", language_model, tokenizer),
        fine_tuned_rung("fine_tuned", language_model, tokenizer, training),
    ]
    if from_scratch:
        rungs.append(fine_tuned_rung("from_scratch", twin, tokenizer, training))
    pretrained = {"pretrained_frozen", "fine_tuned"}
    grids = chosen or {}
    return tuple(
        replace(
            rung,
            configurations=grids.get(rung.name, rung.configurations),
            pretraining_seconds=pretraining_seconds if rung.name in pretrained else 0.0,
        )
        for rung in rungs
    )


def baseline_rung(
    name: str, estimator: Callable[..., Any], configurations: Sequence[Configuration]
) -> Rung:
    """Make a rung of a deterministic scikit-learn estimator over codes.

    Parameters
    ----------
    name : str
        Name of the rung.
    estimator : callable
        ``estimator(**configuration)`` gives an estimator, e.g. a class of `hypecheck.baselines`.
    configurations : sequence of mappings
        Its keyword arguments to choose among.

    Returns
    -------
    rung : Rung
        Run once, whatever the seeds.
    """

    def fit(task: Task, configuration: Configuration, _seed: int) -> Predict:
        fitted = estimator(**configuration).fit(task.train.codes, task.train.labels)
        predict: Predict = fitted.predict
        return predict

    return Rung(name, configurations, fit, deterministic=True)


def cnn_rung(training: TrainingConfig = CNN_TRAINING) -> Rung:
    """Make the rung of the small CNN, trained from scratch on one-hot bases.

    Parameters
    ----------
    training : TrainingConfig, default 1000 steps of 64 sequences
        How to train; learning rate and seed are set by grid and ladder.

    Returns
    -------
    rung : Rung
        With `CNN_GRID`.
    """

    def fit(task: Task, configuration: Configuration, seed: int) -> Predict:
        shape = ConvNetConfig(
            n_classes=len(task.classes),
            head=configuration["head"],
            length=task.train.codes.shape[1],
        )
        config = replace(training, learning_rate=configuration["learning_rate"], seed=seed)
        model = ConvNet(shape, seed=seed)
        return fit_classifier(model, task.train, task.validation, config).predict

    return Rung("cnn", CNN_GRID, fit)


def frozen_rung(name: str, model_of_seed: ModelOfSeed, tokenizer: Tokenizer) -> Rung:
    """Make a rung of frozen vectors and a logistic regression on top.

    Parameters
    ----------
    name : str
        Name of the rung.
    model_of_seed : callable
        ``model_of_seed(seed)`` gives the model; its weights do not change.
    tokenizer : Tokenizer
        The tokenizer of the model.

    Returns
    -------
    rung : Rung
        With `FROZEN_GRID`: how vectors are pooled, and the strength of the penalty.
    """
    vectors = FrozenVectors(model_of_seed, tokenizer)

    def fit(task: Task, configuration: Configuration, seed: int) -> Predict:
        pool = configuration["pool"]
        classifier = make_pipeline(
            StandardScaler(), LogisticRegression(C=configuration["C"], max_iter=2000)
        )
        classifier.fit(vectors(task.train.codes, seed, pool), task.train.labels)
        return lambda codes: classifier.predict(vectors(codes, seed, pool))

    return Rung(name, FROZEN_GRID, fit)


class FrozenVectors:
    """Sequence vectors of one seed's model, remembered until another seed is asked for.

    Parameters
    ----------
    model_of_seed : callable
        ``model_of_seed(seed)`` gives the model; its weights do not change.
    tokenizer : Tokenizer
        The tokenizer of the model.
    """

    def __init__(self, model_of_seed: ModelOfSeed, tokenizer: Tokenizer) -> None:
        self._model_of_seed, self._tokenizer = model_of_seed, tokenizer
        self._seed: int | None = None
        self._known: dict[str, npt.NDArray[np.float32]] = {}

    def __call__(self, codes: Codes, seed: int, pool: str) -> npt.NDArray[np.float32]:
        """Vectors of one seed's model, shape (N, D) for "mean", (N, 2 D) for "mean+max"."""
        if seed != self._seed:
            self._seed, self._known = seed, {}
        key = hashlib.sha256(codes.tobytes()).hexdigest()
        if key not in self._known:
            model = self._model_of_seed(seed)
            self._known[key] = embed_sequences(model, self._tokenizer, codes, pool="mean+max")
        both = self._known[key]  # (N, 2 D): mean, then maximum
        return both[:, : both.shape[1] // 2] if pool == "mean" else both


def fine_tuned_rung(
    name: str,
    model_of_seed: ModelOfSeed,
    tokenizer: Tokenizer,
    training: TrainingConfig = TRAINING,
) -> Rung:
    """Make a rung of a transformer trained on the task, body and head.

    Parameters
    ----------
    name : str
        Name of the rung.
    model_of_seed : callable
        ``model_of_seed(seed)`` gives the body to start from; it is copied, not changed.
    tokenizer : Tokenizer
        The tokenizer of the model.
    training : TrainingConfig, default 1000 steps of 32 sequences
        How to train; learning rate and seed are set by grid and ladder.

    Returns
    -------
    rung : Rung
        With `FINE_TUNING_GRID`, six learning rates.
    """

    def fit(task: Task, configuration: Configuration, seed: int) -> Predict:
        config = replace(training, learning_rate=configuration["learning_rate"], seed=seed)
        body = model_of_seed(seed)
        return fit_classifier(
            body, task.train, task.validation, config, tokenizer=tokenizer
        ).predict

    return Rung(name, FINE_TUNING_GRID, fit)
