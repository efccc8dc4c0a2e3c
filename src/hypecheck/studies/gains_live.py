"""The study of gains in small, for a page: frozen vectors against words, with few seeds.

Design choices

- Configurations are those that the study or an earlier one chose on validation data.
- Two seeds or more, and fewer than five: what is found here stays open by rule, and shows whether
  the record can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck import scores
from hypecheck.baselines import KmerLogistic
from hypecheck.benchmark_cnn import BenchmarkCNNConfig, fit_benchmark_cnn, predict
from hypecheck.datasets import load
from hypecheck.gene_windows import GeneWindows, gene_windows
from hypecheck.intervals import Interval
from hypecheck.models import Transformer
from hypecheck.models import load as load_model
from hypecheck.recorded import RecordedRun, weights_path
from hypecheck.resampling import paired_seeds_and_items
from hypecheck.rungs import frozen_rung
from hypecheck.sequences import LabelledSequences, Task
from hypecheck.splits import homology_clusters
from hypecheck.studies.gains import annotated
from hypecheck.studies.gains_result import numbers
from hypecheck.tokenizers import KmerTokenizer

FROZEN = {"pool": "mean+max", "C": 0.1}
ModelOfSeed = Callable[[int], Transformer]
Classes = npt.NDArray[np.int64]


@lru_cache(maxsize=8)
def model(name: str, seed: int) -> Transformer:
    """Load a recorded language model that reads block 3-mers.

    Parameters
    ----------
    name : {"ladder-kmer3", "species"}
        Pretrained on human DNA, or on three genomes.
    seed : int
        Which one.

    Returns
    -------
    model : Transformer

    Examples
    --------
    >>> model("ladder-kmer3", 0).config.vocab_size
    72
    """
    found = load_model(weights_path(f"{name}-{seed}"))
    if not isinstance(found, Transformer):
        raise TypeError(f"the weights {name}-{seed} are no language model")
    return found


def frozen(task: Task, name: str, seeds: Sequence[int], test: LabelledSequences) -> Classes:
    """Train on frozen vectors of each seed's model, and predict; shape (S, N)."""
    rung = frozen_rung("frozen", lambda seed: model(name, seed), KmerTokenizer(3, 3))
    blind = replace(task, test=task.test.take(slice(0)))
    return np.stack([rung.fit(blind, FROZEN, seed)(test.codes) for seed in seeds])


def frozen_minus_kmer(
    task: Task, name: str = "ladder-kmer3", *, seeds: Sequence[int], C: float = 0.003
) -> Interval:
    """Compare frozen vectors with words on one task.

    Parameters
    ----------
    task : Task
        ``test.groups``, if there, are resampled whole.
    name : str
        As in `model`.
    seeds : sequence of int
        Two or more.
    C : float, default .003
        Of the k-mer model.

    Returns
    -------
    difference : Interval
        Of Matthews correlations, over seeds and test items or groups.
    """
    return paired(task.test, frozen(task, name, seeds, task.test), kmer_classes(task, C))


def benchmark_nets(
    task: Task, *, seeds: Sequence[int], epochs: int
) -> dict[str, tuple[Classes, float]]:
    """Train the benchmark's network as described, and mended.

    Parameters
    ----------
    task : Task
        Two classes.
    seeds : sequence of int
        Two or more.
    epochs : int
        Rounds over the training part.

    Returns
    -------
    nets : dict of str to (ndarray, float)
        "as described" and "mended": predicted classes, shape (S, N), and the mean training loss
        of the last round.
    """
    found = {}
    for name, mended in (("as described", False), ("mended", True)):
        config = BenchmarkCNNConfig(task.train.codes.shape[1], mended, mended)
        nets = [fit_benchmark_cnn(task.train, config, seed=s, epochs=epochs) for s in seeds]
        classes = np.stack([predict(net, task.test.codes) for net, _ in nets])
        found[name] = classes, float(np.mean([loss for _, loss in nets]))
    return found


def kmer_classes(task: Task, C: float = 0.003) -> Classes:
    """Predict the test part by words, shape (1, N)."""
    model = KmerLogistic(C=C).fit(task.train.codes, task.train.labels)
    return np.asarray(model.predict(task.test.codes))[None]


def novel_promoters(run: RecordedRun, most: int) -> Task:
    """Give a small promoter task whose test items have no relative in the training part.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("gains")``: its rows are used, so that none that touches the
        models' own corpus is among the test items. On a stand-in rows are drawn anew.
    most : int
        Most sequences in the training and in the test part.

    Returns
    -------
    task : Task
    """
    loaded = load("genomic_benchmarks_seq/promoters_nontata")
    pooled, found = loaded.pooled(), run.results["promoters"]
    if loaded.provenance.is_stand_in:
        train, validation, test = np.split(
            np.random.default_rng(0).permutation(len(pooled)), [200, 250]
        )
        clusters = homology_clusters(pooled.codes)
        test = test[~np.isin(clusters[test], clusters[train])]
        groups = clusters[test]
    else:
        train, validation, test = (numbers(rows).astype(np.int64) for rows in found["rows"])
        novel = np.array(list(found["familiar"])) == "0"
        test, groups = test[novel], numbers(found["groups"]).astype(np.int64)[novel]
    bare = LabelledSequences(pooled.codes, pooled.labels)
    return Task(
        "novel promoters",
        train=bare.take(train[:most]),
        validation=bare.take(validation),
        test=replace(bare.take(test[:most]), groups=groups[:most]),
        classes=("other", "promoter"),
        stand_in=loaded.provenance.note or None,
    )


@lru_cache(maxsize=2)
def windows(species: str) -> GeneWindows:
    """Draw windows inside and outside the genes of "E. coli" or "yeast"; few from a stand-in."""
    name = "genome_ecoli_k12" if species == "E. coli" else "genome_yeast"
    small = load(name).provenance.is_stand_in
    sizes, block = ((100, 30, 60), 2000) if small else ((1000, 300, 1000), 20_000)
    rng = np.random.default_rng(0)
    return gene_windows(*annotated(species), length=102, sizes=sizes, rng=rng, block=block)


def species_pair(source: str, target: str, *, seeds: Sequence[int]) -> dict[str, Interval]:
    """Carry frozen vectors and words from one species to another.

    Parameters
    ----------
    source, target : str
        "E. coli" or "yeast".
    seeds : sequence of int
        Of the recorded models, 0 and 1.

    Returns
    -------
    differences : dict of str to Interval
        "pretrained minus kmer" and "retrained minus transferred", on the target's test windows.
    """
    tasks = {name: _task(name) for name in (source, target)}
    test = tasks[target].test
    moved, grown = (frozen(tasks[name], "species", seeds, test) for name in (source, target))
    part = tasks[source].train
    words = KmerLogistic(C=0.01).fit(part.codes, part.labels).predict(test.codes)
    return {
        "pretrained minus kmer": paired(test, moved, words[None]),
        "retrained minus transferred": paired(test, grown, moved),
    }


def _task(species: str) -> Task:
    train, validation, test = windows(species).parts.values()
    return Task(species, train, validation, test, classes=("not coding", "coding"))


def paired(test: LabelledSequences, a: Any, b: Any) -> Interval:
    """Compare two methods on a test part, over seeds and items or groups: Matthews correlation."""
    rng = np.random.default_rng(0)
    return paired_seeds_and_items(
        scores.matthews, test.labels, a, b, rng=rng, n_resamples=300, groups=test.groups
    )
