"""What the study of gains found: paired differences, drawn again from the predictions it kept.

Design choices

- Every difference is paired over seeds and over groups of test items (blocks of a genome, clusters
  of relatives, regions, positions of a gene).
- Where a pretrained model can be used in two ways, the way is chosen by the validation score.
- "Clearly" asks Holm's correction over all differences that are judged together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from hypecheck import scores
from hypecheck.intervals import Interval, holm
from hypecheck.ladder_study import recorded_ladder
from hypecheck.recorded import RecordedRun
from hypecheck.resampling import paired_seeds_and_items, seed_interval, seeds_and_items_interval
from hypecheck.studies.gains import macro_f1

Predictions = npt.NDArray[Any]
TWIN = {"pretrained_frozen": "random_frozen", "fine_tuned": "from_scratch"}
ALPHA = 0.05


class SpeciesPairs:
    """Train on one species, test on another: predictions of the study, and their differences.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("gains")``.
    """

    def __init__(self, run: RecordedRun) -> None:
        self._part = run.results["species"]
        self.species = tuple(self._part["truth"])
        self.pairs = [(a, b) for a in self.species for b in self.species if a != b]
        self.distance: dict[str, float] = self._part["distance"]
        self.labels = sorted({one["labels"] for run in self._part["runs"] for one in run["rungs"]})

    def _rungs(self, source: str, rung: str, labels: int) -> list[dict[str, Any]]:
        return [
            one
            for run in self._part["runs"]
            if run["source"] == source
            for one in run["rungs"]
            if (one["rung"], one["labels"]) == (rung, labels)
        ]

    def predictions(self, source: str, target: str, rung: str, labels: int) -> Predictions:
        """Give predicted classes, shape (S, N), of a rung trained on `source`.

        Parameters
        ----------
        source, target : str
            Species to train and to test on.
        rung : str
            As in a ladder.
        labels : int
            Training sequences.

        Returns
        -------
        classes : ndarray of int64
            No rows if this was not run.
        """
        return _classes([one["predicted"][target] for one in self._rungs(source, rung, labels)])

    def best(self, source: str, labels: int) -> str:
        """Name the pretrained protocol with the better mean validation score on `source`."""
        found = {
            rung: [one["validation"] for one in self._rungs(source, rung, labels)] for rung in TWIN
        }
        return max((name for name in found if found[name]), key=lambda name: np.mean(found[name]))

    def difference(
        self,
        source: str,
        target: str,
        rung: str,
        other: str,
        labels: int,
        *,
        other_source: str = "",
    ) -> Interval:
        """Compare two rungs on the test windows of `target`.

        Parameters
        ----------
        source, target, rung, labels
            As in `predictions`.
        other : str
            The rung to subtract.
        other_source : str, optional
            Species that `other` was trained on; `source` if not given.

        Returns
        -------
        difference : Interval
            Of Matthews correlations, over seeds and blocks of the target's genome.
        """
        truth = _classes([self._part["truth"][target]])[0]
        both = [
            self.predictions(source, target, rung, labels),
            self.predictions(other_source or source, target, other, labels),
        ]
        return _difference(scores.matthews, truth, both, numbers(self._part["groups"][target]))

    def judged(self, labels: int) -> dict[str, list[str]]:
        """Say of every ordered pair how the better pretrained protocol stands to its controls.

        Parameters
        ----------
        labels : int
            Training sequences.

        Returns
        -------
        words : dict of str to list of str
            "kmer" and "random": words of `clear`, against the k-mer model and the untrained twin;
            "retrained": the same model trained on the target minus the one carried over.
        """
        gaps: dict[str, list[Interval]] = {"kmer": [], "random": [], "retrained": []}
        for a, b in self.pairs:
            rung = self.best(a, labels)
            gaps["kmer"].append(self.difference(a, b, rung, "kmer_linear", labels))
            gaps["random"].append(self.difference(a, b, rung, TWIN[rung], labels))
            gaps["retrained"].append(self.difference(b, b, rung, rung, labels, other_source=a))
        return {name: clear(found) for name, found in gaps.items()}

    def map(self) -> dict[str, dict[str, Interval]]:
        """Give every pretrained use minus the k-mer model, nearest species first.

        Returns
        -------
        series : dict of str to dict of str to Interval
            By protocol and labels, then by pair with its distance; for `figures.interval_rows`.
        """
        both = [(a, b) for a in self.species for b in self.species]
        order = sorted(both, key=lambda pair: self.distance[" to ".join(pair)])
        series = {}
        for rung, words in (("pretrained_frozen", "frozen"), ("fine_tuned", "fine-tuned")):
            for labels in self.labels:
                series[f"{words}, {labels:,} labels"] = {
                    f"{a} → {b} ({self.distance[f'{a} to {b}']:.2f})": self.difference(
                        a, b, rung, "kmer_linear", labels
                    )
                    for a, b in order
                    if len(self.predictions(a, b, rung, labels))
                }
        return {name: rows for name, rows in series.items() if rows}


def clear(differences: Sequence[Interval]) -> list[str]:
    """Say of each difference whether it is clear after Holm's correction over all of them.

    Parameters
    ----------
    differences : sequence of Interval
        At level .95.

    Returns
    -------
    words : list of str
        "beats", "loses" or "open".

    Examples
    --------
    >>> sure = Interval(0.2, 0.1, 0.3, standard_error=0.04, degrees_of_freedom=9)
    >>> unsure = Interval(0.1, -0.1, 0.3, standard_error=0.09, degrees_of_freedom=9)
    >>> clear([sure, unsure])
    ['beats', 'open']
    """
    adjusted = holm([one.p_value() for one in differences])
    return [
        "open" if p >= ALPHA else "beats" if one.estimate > 0 else "loses"
        for one, p in zip(differences, adjusted, strict=True)
    ]


def share_interval(count: int, of: int) -> Interval:
    """Give a share with its exact interval (Clopper and Pearson), which is wide for a few.

    Parameters
    ----------
    count, of : int
        How many of how many.

    Returns
    -------
    share : Interval

    Examples
    --------
    >>> print(share_interval(6, 6))
    1.000 [.541, 1.000]
    """
    ends = binomtest(count, of).proportion_ci(0.95, method="exact")
    return Interval(count / of, float(ends.low), float(ends.high), 0.95, "exact binomial", of)


def promoter_difference(run: RecordedRun, part: str, rung: str = "") -> Interval:
    """Compare a pretrained model with the k-mer model on novel or on familiar promoters.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("gains")``.
    part : {"novel", "familiar", "all"}
        Test items without, or with, a relative in the training part.
    rung : str, optional
        By default the protocol with the better validation score.

    Returns
    -------
    difference : Interval
        Of Matthews correlations, over seeds and clusters of relatives.
    """
    found = run.results["promoters"]
    rows = promoter_rows(run, part)
    both = [
        _classes(_predicted(found["runs"], name))[:, rows]
        for name in (rung or best_on_validation(found["runs"]), "kmer_linear")
    ]
    truth = _classes([found["truth"]])[0][rows]
    return _difference(scores.matthews, truth, both, numbers(found["groups"])[rows])


def promoter_rows(run: RecordedRun, part: str) -> npt.NDArray[np.int64]:
    """Give the rows of the test promoters that are "novel", "familiar", or "all"."""
    familiar = _classes([run.results["promoters"]["familiar"]])[0] == 1
    chosen = {"novel": ~familiar, "familiar": familiar, "all": familiar | True}
    return np.flatnonzero(chosen[part])


def best_on_validation(runs: Sequence[Mapping[str, Any]]) -> str:
    """Name the pretrained protocol with the better mean validation score."""
    found: dict[str, list[float]] = {name: [] for name in TWIN}
    for run in runs:
        for one in run["rungs"]:
            if one["rung"] in found:
                found[one["rung"]].append(one["validation"])
    return max(found, key=lambda name: np.mean(found[name]))


def expression_difference(run: RecordedRun, name: str, reference: str = "classical") -> Interval:
    """Compare predictions of gene expression, over seeds and regions.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("gains")``.
    name, reference : str
        "pretrained", "random", "cnn", "classical", "pretrained and classical", "codon usage" or
        "operon and promoter".

    Returns
    -------
    difference : Interval
        Of Pearson correlations.
    """
    return _regression(run.results["expression"], name, reference)


def expression_scores(run: RecordedRun, part: str = "expression") -> dict[str, Interval]:
    """Give Pearson r of every way to predict expression, or "reporter" activity, best first."""
    found = run.results[part]
    names = {name for one in found["runs"] for name in one["predicted"]}
    intervals = {name: _regression(found, name, None) for name in names}
    return dict(sorted(intervals.items(), key=lambda one: (-one[1].estimate, one[0])))


def reporter_difference(run: RecordedRun, name: str = "", reference: str = "words") -> Interval:
    """Compare predictions of reporter activity, over seeds and regions.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("gains")``.
    name : str, optional
        By default "pretrained" (frozen) or "fine-tuned", by the validation score.
    reference : str, default "words"
        What to subtract.

    Returns
    -------
    difference : Interval
        Of Pearson correlations.
    """
    return _regression(run.results["reporter"], name or best_reporter(run), reference)


def best_reporter(run: RecordedRun) -> str:
    """Name the pretrained protocol with the better mean validation score on reporters."""
    runs = run.results["reporter"]["runs"]
    return max(
        ("pretrained", "fine-tuned"),
        key=lambda name: np.mean([one["validation"][name] for one in runs]),
    )


def variant_difference(run: RecordedRun, name: str = "llr", other: str = "") -> Interval:
    """Compare two scores of the variants of BRCA1.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("gains")``.
    name, other : str
        "llr" (ours, every seed), "random" (its untrained twin), "cadd", "phylop", or one of the
        trivial scores; by default the best trivial one is subtracted.

    Returns
    -------
    difference : Interval
        Of AUROC for loss of function, over seeds and positions.
    """
    found = run.results["variants"]
    both = [_variant_scores(run, one) for one in (name, other or best_trivial(run))]
    return _difference(
        scores.auroc, _classes([found["lost"]])[0], both, numbers(found["positions"])
    )


def best_trivial(run: RecordedRun) -> str:
    """Name the trivial score with the highest AUROC: chosen on the same variants, to be hard."""
    found = run.results["variants"]
    lost = _classes([found["lost"]])[0]
    return max(
        found["trivial"], key=lambda name: scores.auroc(lost, numbers(found["trivial"][name]))
    )


def learned_minus_markov(families: RecordedRun, gains: RecordedRun) -> tuple[Interval, str]:
    """Compare the best learned rung on splice sites with the Markov model that knows positions.

    Parameters
    ----------
    families, gains : RecordedRun
        From ``recorded.read_run("families")`` and ``recorded.read_run("gains")``.

    Returns
    -------
    difference : Interval
        Of macro F1, over seeds and test items.
    rung : str
        Small CNN, frozen or fine-tuned, by the validation score.

    Raises
    ------
    ValueError
        If the two did not see the same test part.
    """
    ladder = recorded_ladder(families, "splice-sites", "kmer3")
    found = gains.results["splice"]
    truth = _classes([found["truth"]])[0]
    if not np.array_equal(truth, ladder.y_true):
        raise ValueError("the records saw other splice sites; record the study of gains again")
    learned = [ladder[name] for name in ("cnn", "pretrained_frozen", "fine_tuned")]
    best = max(learned, key=lambda rung: max(trial.validation or 0.0 for trial in rung.trials))
    both = [best.predictions, _classes([found["predicted"]])]
    return _difference(macro_f1, truth, both, ladder.groups), best.name


def cost_ratio(ladders: RecordedRun, tasks: Sequence[str], tokenizer: str = "kmer3") -> Interval:
    """Divide the seconds of one pretrained and tuned model by those of one tuned k-mer model.

    Parameters
    ----------
    ladders : RecordedRun
        From ``recorded.read_run("ladder")``.
    tasks : sequence of str
        Over which the ratio is averaged.
    tokenizer : str, default "kmer3"
        Of the pretrained model.

    Returns
    -------
    ratio : Interval
        Mean over tasks, over seeds. Seeds differ in pretraining alone: the search over learning
        rates was made once, with the first seed, and its seconds count for every seed.
    """
    models = [m for m in ladders.results["pretraining"] if m["tokenizer"] == tokenizer]
    ratios = np.zeros(len(models))
    for task in tasks:
        ladder = recorded_ladder(ladders, task, tokenizer)
        search = sum(trial.cpu_seconds for trial in ladder["fine_tuned"].trials)
        words = ladder["kmer_linear"].cpu_seconds
        ratios += [(model["cpu_seconds"] + search) / words for model in models]
    return seed_interval(ratios / len(tasks))


def _regression(found: Mapping[str, Any], name: str, reference: str | None) -> Interval:
    truth, groups = numbers(found["truth"]), numbers(found["groups"])
    runs = [np.array(_predicted_numbers(found["runs"], one)) for one in (name, reference) if one]
    if reference is None:
        rng = np.random.default_rng(0)
        return seeds_and_items_interval(scores.pearson, truth, runs[0], rng=rng, groups=groups)
    return _difference(scores.pearson, truth, runs, groups)


def _difference(
    metric: Any, truth: Predictions, both: Sequence[Predictions], groups: npt.ArrayLike | None
) -> Interval:
    rng = np.random.default_rng(0)
    return paired_seeds_and_items(metric, truth, *both, rng=rng, n_resamples=500, groups=groups)


def _variant_scores(run: RecordedRun, name: str) -> Predictions:
    found = run.results["variants"]
    if name in ("llr", "random"):
        return np.array([numbers(one[name]) for one in found["runs"]])
    return numbers(found[name] if name in found else found["trivial"][name])[None]


def _predicted(runs: Sequence[Mapping[str, Any]], rung: str) -> list[str]:
    return [one["predicted"] for run in runs for one in run["rungs"] if one["rung"] == rung]


def _predicted_numbers(runs: Sequence[Mapping[str, Any]], name: str) -> list[Predictions]:
    return [numbers(run["predicted"][name]) for run in runs if name in run["predicted"]]


def numbers(text: str) -> npt.NDArray[np.float64]:
    """Read a row of numbers that the record keeps as one text.

    Parameters
    ----------
    text : str
        Numbers with spaces between them.

    Returns
    -------
    values : ndarray of float64

    Examples
    --------
    >>> numbers("1 -2.5").tolist()
    [1.0, -2.5]
    """
    return np.array(text.split(), dtype=np.float64)


def _classes(texts: Sequence[str]) -> Predictions:
    return np.array([[int(digit) for digit in text] for text in texts])
