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
from hypecheck.corpus import make_corpus
from hypecheck.datasets import Genome
from hypecheck.interpret import (
    at_bases,
    gradients,
    integrated_gradients,
    motif_recovery,
    word_attributions,
)
from hypecheck.learning import watch_training
from hypecheck.membership import deal_members, sequence_bits, write_canaries
from hypecheck.models import ConvNet, ConvNetConfig, Transformer, TransformerConfig
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.scores import matthews
from hypecheck.sequences import Codes, LabelledSequences
from hypecheck.stretches import fill_stretches
from hypecheck.studies.labels import TOKENIZER, choose_frozen, pretrained_model
from hypecheck.studies.questions import (
    QuestionsPlan,
    Results,
    pretrain,
    score_model,
    scored_task,
    task_facts,
)
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
    taught: Taught, world: Observed, column: int, *, n_rows: int = 40, words: bool = True
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
    n_rows : int, default 40
        Most rows that hold the word.
    words : bool, default True
        Whether the weights of the word counts are asked, too.

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
    }
    if words:
        found["word weights"] = word_attributions(taught.words, codes).astype(np.float32)
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


def short_curves(
    genome: Genome, plan: QuestionsPlan, *, n_stretches: int = 150, n_test: int = 500
) -> Results:
    """Run a small copy of the study "questions" on a piece of a genome, frozen models alone.

    Parameters
    ----------
    genome : Genome
        The first bases of its longest record are read, away from the test sequences.
    plan : QuestionsPlan
        Small.
    n_stretches : int, default 150
        Held-out windows in which stretches are filled in; half of them choose the steepest step.
    n_test : int, default 500
        Most test rows of a task.

    Returns
    -------
    results : dict
        As of `studies.questions.questions_results`.
    """
    tasks = {name: scored_task(name) for name in plan.tasks}
    tasks = {
        name: replace(task, test=task.test.take(np.arange(min(n_test, len(task.test)))))
        for name, task in tasks.items()
    }
    piece = max(genome.records.values(), key=len)[:200_000]
    tests = {name: task.test.codes for name, task in tasks.items()}
    rng = np.random.default_rng(0)
    most = max(*plan.data_windows, *(budget[0] for budget in plan.budgets))
    corpus = make_corpus([piece], tests, length=102, n_windows=most, rng=rng)
    aside = corpus.held_out[:n_stretches]
    models = []
    for seed in plan.seeds:
        runs = [("data", n, replace(plan.data_training, seed=seed)) for n in plan.data_windows]
        for n, steps, batch in plan.budgets:
            config = TrainingConfig(max(1, steps), max(1, batch), plan.learning_rate, seed=seed)
            runs.append(("computing", n, config))
        for axis, amount, config in runs:
            model = pretrain(corpus.train[:amount], None, config)
            marks = {
                part: fill_stretches(model, aside[first::2])
                for first, part in enumerate(("validation", "test"))
            }
            scored = {
                name: score_model(model, task, "frozen", plan, seed) for name, task in tasks.items()
            }
            found = {"axis": axis, "amount": amount, "seed": seed, "frozen": scored}
            models.append(found | {"stretches": marks})
    return {"models": models, "tasks": {name: task_facts(task) for name, task in tasks.items()}}


def attack_members(
    genome: Genome,
    seed: int,
    *,
    n_each: int = 150,
    passes: int = 20,
    copies: int = 10,
    length: int = 48,
) -> dict[str, Floats]:
    """Train a small model on some windows and on canaries, and attack it by its losses.

    Parameters
    ----------
    genome : Genome
        Its longest record gives members and others.
    seed : int
        Of weights and batches; the sequences are the same for all seeds.
    n_each : int
        Members, and others.
    passes : int
        How often the model reads its training part.
    copies : int
        How often each of ten canaries, random sequences, stands in it.
    length : int
        Bases of a sequence.

    Returns
    -------
    bits : dict of str to ndarray of float64
        Loss in bits per base of "members", "others", "canaries" and "decoys", which are random
        sequences that were not read.

    See Also
    --------
    hypecheck.membership : the attack, and what it can and cannot show.
    """
    rng = np.random.default_rng(1)
    record = max(genome.records.values(), key=len)
    rows = record[: len(record) // length * length].reshape(-1, length)
    known = rng.permutation(rows[(rows < 4).all(axis=1)])[: 4 * n_each]
    pool = deal_members(known, n_each, rng)
    random = rng.integers(4, size=(10 + n_each, length)).astype(np.uint8)
    canaries, decoys = random[:10], random[10:]
    mixed = write_canaries(pool.members, canaries, np.full(10, copies), rng)
    order = np.random.default_rng([seed, 1])
    read = mixed[np.concatenate([order.permutation(len(mixed)) for _ in range(passes)])]
    steps = len(read) // 32
    model = Transformer(TransformerConfig(7, d_model=48, n_layers=2, d_ff=96), seed=seed)
    asked = {"members": pool.members, "others": pool.others, "canaries": canaries, "decoys": decoys}
    seen = watch_training(
        model,
        read,
        MaskedObjective(),
        TrainingConfig(steps, 32, 3e-3, seed=seed),
        lambda net: {name: sequence_bits(net, codes) for name, codes in asked.items()},
        (steps,),
    )
    found: dict[str, Floats] = seen[steps]
    return found
