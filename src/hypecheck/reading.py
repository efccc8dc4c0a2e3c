"""Can one read off a model what it uses? Asked of a motif that was planted.

Design choices

- One world: random bases, one noisy motif in every second row, always at another place. The truth
  is known, so a way of reading can be right or wrong.
- A word model is read by its weights and by exchanging bases; a pretrained transformer, fine-tuned,
  by attention, by its roll-out, and by exchanging bases.
- Test rows are the same for all seeds; rows and weights of the training differ.
- The best way of reading is chosen on half of the test rows, and told of the other half.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hypecheck.attention_maps import attention_weights, received, rollout
from hypecheck.baselines import KmerLogistic
from hypecheck.interpret import motif_recovery, perturbation, word_attributions
from hypecheck.intervals import Interval
from hypecheck.models import Classifier, Transformer
from hypecheck.models import load as load_model
from hypecheck.motifs import consensus_matrix
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import weights_path
from hypecheck.resampling import paired_seeds_and_items, seeds_and_items_interval
from hypecheck.scores import matthews
from hypecheck.sequences import Codes
from hypecheck.simulate import planted_motifs
from hypecheck.tokenizers import CharTokenizer
from hypecheck.training import FittedClassifier, fit_classifier, tokenise

MOTIF = "TGACGTCA"
LENGTH = 48
NOISE = 0.05  # chance that a base of the motif is drawn anew
TRAINING = TrainingConfig(steps=120, batch_size=32, learning_rate=2e-3)
Floats = npt.NDArray[np.float64]
SIMPLE, PRETRAINED = "words", "pretrained"


def read_planted(
    seed: int, *, n_train: int = 1000, n_read: int = 20, steps: int = TRAINING.steps
) -> dict[str, Floats]:
    """Train both models on a planted motif, and ask every way of reading where it is.

    Parameters
    ----------
    seed : int
        Of the training rows and of the language model, 0 to 4.
    n_train : int, default 1000
        Training rows.
    n_read : int, default 20
        Test rows with a motif that are read.
    steps : int, default 120
        Of fine-tuning.

    Returns
    -------
    recovery : dict of str to ndarray, shape (n_read,)
        By model and way, e.g. "words: weights": AUROC of the planted places in each row. And
        "words" and "pretrained", shape (1,): Matthews correlation on 500 new rows.

    Raises
    ------
    RecordError
        If the weights are not there.
    """
    motif = consensus_matrix(MOTIF, noise=NOISE)
    train = planted_motifs(_background(n_train, [seed, 1]), [motif], np.random.default_rng(seed))
    test = planted_motifs(_background(500, [99, 1]), [motif], np.random.default_rng(99))
    rows = np.flatnonzero(test.data.labels == 1)[:n_read]
    truth = test.truth.mask[rows]
    codes, tokenizer = test.data.codes[rows], CharTokenizer()
    words = KmerLogistic(C=0.03).fit(train.data.codes, train.data.labels)
    body = load_model(weights_path(f"ladder-char-{seed}"))
    if not isinstance(body, Transformer):
        raise TypeError(f"the recorded weights ladder-char-{seed} are no language model")
    config = TrainingConfig(
        steps=steps, batch_size=32, learning_rate=TRAINING.learning_rate, seed=seed
    )
    tuned = fit_classifier(body, train.data, None, config, tokenizer=tokenizer)
    if not isinstance(tuned.model, Classifier):
        raise TypeError("the fine-tuned model is no transformer with a head")
    weights = attention_weights(tuned.model, tokenise(tokenizer, codes))
    maps: Mapping[str, npt.ArrayLike] = {
        f"{SIMPLE}: weights": word_attributions(words, codes),
        f"{SIMPLE}: exchange": perturbation(lambda c: words.predict_proba(c)[:, 1], codes),
        f"{PRETRAINED}: attention": received(weights),
        f"{PRETRAINED}: roll-out": received(rollout(weights)),
        f"{PRETRAINED}: exchange": perturbation(lambda c: _log_odds(tuned, c), codes),
    }
    found = {name: per_row(shown, truth) for name, shown in maps.items()}
    known = test.data.labels
    for name, model in ((SIMPLE, words), (PRETRAINED, tuned)):
        found[name] = np.array([matthews(known, model.predict(test.data.codes))])
    return found


def per_row(attributions: npt.ArrayLike, truth: npt.NDArray[np.bool_]) -> Floats:
    """Motif recovery of each row, shape (N,)."""
    pairs = zip(np.asarray(attributions), truth, strict=True)
    return np.array([motif_recovery(one[None], inside[None]) for one, inside in pairs])


def recovery(runs: list[dict[str, Floats]], way: str) -> Interval:
    """Mean recovery of one way of reading, over seeds and sequences.

    Parameters
    ----------
    runs : list of dict
        From `read_planted`, one for each seed.
    way : str
        E.g. "pretrained: attention".

    Returns
    -------
    auroc : Interval
    """
    table = np.stack([run[way] for run in runs])
    return seeds_and_items_interval(
        _mean, np.zeros(table.shape[1]), table, rng=np.random.default_rng(0), n_resamples=300
    )


def simple_minus_pretrained(runs: list[dict[str, Floats]]) -> tuple[Interval, str, str]:
    """Compare the best way of reading either model, each chosen on every other row.

    Parameters
    ----------
    runs : list of dict
        From `read_planted`.

    Returns
    -------
    difference : Interval
        On the rows that did not choose.
    simple, pretrained : str
        The ways that were chosen.
    """
    ways = [
        max(
            (way for way in runs[0] if way.startswith(f"{model}: ")),
            key=lambda way: np.mean([run[way][::2] for run in runs]),
        )
        for model in (SIMPLE, PRETRAINED)
    ]
    tables = [np.stack([run[way][1::2] for run in runs]) for way in ways]
    rng = np.random.default_rng(0)
    gap = paired_seeds_and_items(
        _mean, np.zeros(tables[0].shape[1]), *tables, rng=rng, n_resamples=300
    )
    return gap, ways[0], ways[1]


def _mean(_truth: Floats, values: Floats) -> float:
    return float(np.mean(values))


def _background(n_rows: int, seed: list[int]) -> Codes:
    return np.random.default_rng(seed).integers(0, 4, (n_rows, LENGTH), dtype=np.uint8)


def _log_odds(fitted: FittedClassifier, codes: Codes) -> Floats:
    shares = np.clip(fitted.predict_proba(codes).astype(np.float64), 1e-9, 1)
    return np.asarray(np.log(shares[:, 1]) - np.log(shares[:, 0]))
