"""Short runs for the page on open questions: causes and bystanders, repeated runs, versions.

Design choices

- One seed is one world: its own rows for training, choosing and testing, and its own weights. So
  an interval over seeds holds the chance of all of them.
- Every model learns from what was observed, and is asked three times: on rows as they were
  observed, with the bystander set by a coin, and with the cause set by a coin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.baselines import KmerLogistic
from hypecheck.causes import CauseTruth, cause_and_bystander, intervene
from hypecheck.interpret import (
    at_bases,
    gradients,
    integrated_gradients,
    motif_recovery,
    word_attributions,
)
from hypecheck.models import ConvNet, ConvNetConfig, Transformer
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.scores import matthews
from hypecheck.sequences import Codes, LabelledSequences
from hypecheck.studies.labels import TOKENIZER, choose_frozen, pretrained_model
from hypecheck.studies.questions import pretrain
from hypecheck.training import fit_classifier, fit_language_model, tokenise
from hypecheck.versions import train_head
from hypecheck.worlds import World

Floats = npt.NDArray[np.float64]
Observed = World[LabelledSequences, CauseTruth]
NETWORK = TrainingConfig(steps=200, batch_size=64, learning_rate=1e-2)
LENGTH = 60


@dataclass(frozen=True, eq=False)
class Taught:
    """Models that learnt from one observed world, and that world's rows.

    Attributes
    ----------
    worlds : tuple of World
        Rows for training, choosing and testing.
    network : ConvNet
        A small convolutional network.
    words : KmerLogistic
        A linear model of word counts.
    answer : dict of str to callable
        By model, ``answer(codes)`` gives predicted classes.
    """

    worlds: tuple[Observed, Observed, Observed]
    network: ConvNet
    words: KmerLogistic
    answer: dict[str, Callable[[Codes], npt.NDArray[np.int64]]]


def teach(
    agreement: float,
    seed: int,
    *,
    sizes: tuple[int, int, int] = (1000, 300, 600),
    steps: int = NETWORK.steps,
) -> Taught:
    """Let three models learn from one world in which a bystander goes with the cause.

    Parameters
    ----------
    agreement : float
        As in `causes.cause_and_bystander`.
    seed : int
        Of the world and of the weights.
    sizes : (int, int, int)
        Rows for training, choosing and testing.
    steps : int
        Of the network's training.

    Returns
    -------
    taught : Taught
        "word counts", "small network" and "pretrained vectors".
    """
    rng = np.random.default_rng([seed, 3])
    first, second, third = (
        cause_and_bystander(
            rng.integers(0, 4, (size, LENGTH), dtype=np.uint8), rng, agreement=agreement
        )
        for size in sizes
    )
    words = KmerLogistic(C=0.01, canonical=False).fit(first.data.codes, first.data.labels)
    config = replace(NETWORK, steps=steps, seed=seed)
    fitted = fit_classifier(ConvNet(ConvNetConfig(), seed=seed), first.data, second.data, config)
    if not isinstance(fitted.model, ConvNet):
        raise TypeError("the small network is no ConvNet")
    vectors = choose_frozen(pretrained_model(seed), first.data, second.data)
    answer = {
        "word counts": words.predict,
        "small network": fitted.predict,
        "pretrained vectors": lambda codes: (vectors(codes) >= 0.5).astype(np.int64),
    }
    return Taught((first, second, third), fitted.model, words, answer)


def ask(taught: Taught, seed: int) -> dict[str, dict[str, float]]:
    """Score each model as observed, and after setting one word by a coin.

    Parameters
    ----------
    taught : Taught
        From `teach`.
    seed : int
        Of the coins.

    Returns
    -------
    found : dict of str to dict of str to float
        By model: Matthews correlation for "validation", "observed", "bystander set" and "cause
        set".
    """
    coins = np.random.default_rng([seed, 4]).random((2, len(taught.worlds[2].data))) < 0.5
    asked = {
        "validation": taught.worlds[1],
        "observed": taught.worlds[2],
        "bystander set": intervene(taught.worlds[2], bystander=coins[0]),
        "cause set": intervene(taught.worlds[2], cause=coins[1]),
    }
    return {
        name: {
            how: float(matthews(world.data.labels, answer(world.data.codes)))
            for how, world in asked.items()
        }
        for name, answer in taught.answer.items()
    }


def explain(
    taught: Taught, world: Observed, column: int, *, n_rows: int = 150
) -> dict[str, Floats]:
    """Ask three attribution methods for a planted word.

    Parameters
    ----------
    taught : Taught
        From `teach`.
    world : World
        Rows to explain.
    column : int
        0 for the cause, 1 for the bystander.
    n_rows : int, default 60
        Most rows that hold the word.

    Returns
    -------
    areas : dict of str to ndarray of float64, shape (N,)
        By method, AUROC of each row: do the word's bases come first?
    """
    mask = world.truth.mask(column)
    rows = np.flatnonzero(mask.any(axis=1))[:n_rows]
    codes, mask = world.data.codes[rows], mask[rows]
    found = {
        "gradients": at_bases(gradients(taught.network, codes), codes),
        "integrated gradients": at_bases(
            integrated_gradients(taught.network, codes, n_steps=16), codes
        ),
        "word weights": word_attributions(taught.words, codes),
    }
    return {
        name: np.array(
            [motif_recovery(one[None], where[None]) for one, where in zip(marks, mask, strict=True)]
        )
        for name, marks in found.items()
    }


def run_twice(windows: Codes, steps: int, *, seed: int = 0) -> float:
    """Pretrain one small model twice with the same seed, and compare all its weights.

    Parameters
    ----------
    windows : ndarray of uint8, shape (N, L)
        To read.
    steps : int
        Of training.
    seed : int, default 0
        The seed of both.

    Returns
    -------
    difference : float
        Largest absolute difference of a weight; 0 if the runs are equal bit for bit.
    """
    config = TrainingConfig(steps=steps, batch_size=32, learning_rate=3e-3, seed=seed)
    one, two = (pretrain(windows, None, config).state_dict() for _ in range(2))
    return max(float((one[name] - two[name]).abs().max()) for name in one)


def updated(model: Transformer, windows: Codes, steps: int, *, seed: int) -> Transformer:
    """Give a copy of a model that was trained on for some steps: a small update.

    Parameters
    ----------
    model : Transformer
        Stays as it is.
    windows : ndarray of uint8, shape (N, L)
        To read.
    steps : int
        Of further training.
    seed : int
        Of batches.

    Returns
    -------
    newer : Transformer
    """
    newer = Transformer(model.config, seed=seed)
    newer.load_state_dict(model.state_dict())
    config = TrainingConfig(steps=steps, batch_size=32, learning_rate=1e-3, seed=seed)
    fit_language_model(newer, tokenise(TOKENIZER, windows), config, MaskedObjective())
    return newer


def swap_versions(
    parts: Sequence[LabelledSequences], old: Transformer, new: Transformer
) -> dict[str, Any]:
    """Use a head of one version on the next, and train it again there.

    Parameters
    ----------
    parts : sequence of LabelledSequences
        Train, validation and test.
    old, new : Transformer
        The version that the head was trained on, and the next.

    Returns
    -------
    found : dict
        Predicted classes of the test part, "kept" (old head, new model) and "again" (new head, new
        model), and "caught", whether the fingerprint refuses the old head.
    """
    heads = {
        name: train_head(one, TOKENIZER, *parts[:2]) for name, one in (("old", old), ("new", new))
    }
    codes = parts[2].codes
    return {
        "kept": heads["old"].predict(new, codes, check=False),
        "again": heads["new"].predict(new, codes),
        "caught": heads["old"].made_for != heads["new"].made_for,
    }
