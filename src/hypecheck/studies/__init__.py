"""The longer runs of the book, each one function, to be made again by one command.

Design choices

- A study is made of cells (`hypecheck.cells`): stopped and started again, it goes on.
- Fixed steps, never fixed seconds.
- Nothing is recorded from a stand-in: what is not at hand stops a study.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypecheck.ladder_study import ladder_study
from hypecheck.recorded import RECORDED, RecordedRun, keep_weights, write_run
from hypecheck.studies.architectures import architectures_study
from hypecheck.studies.cell_types import cells_study
from hypecheck.studies.emerging import emerging_study
from hypecheck.studies.entropy import entropy_study
from hypecheck.studies.evaluation import evaluation_study
from hypecheck.studies.families import families_study
from hypecheck.studies.fitness import fitness_study
from hypecheck.studies.gains import gains_study
from hypecheck.studies.labels import labels_study
from hypecheck.studies.learning import learning_study
from hypecheck.studies.nomenclature import nomenclature_study
from hypecheck.studies.perturbation import perturbation_study
from hypecheck.studies.pretraining import pretraining_study
from hypecheck.studies.promise import promise_study
from hypecheck.studies.questions import questions_study
from hypecheck.studies.reach import reach_study
from hypecheck.studies.recommendations import recommendations_study
from hypecheck.studies.scale import scale_study
from hypecheck.studies.why import why_study


@dataclass(frozen=True)
class Study:
    """A longer run that ``hypecheck record NAME`` makes.

    Parameters
    ----------
    name, description : str
        What it is called and what it answers.
    run : callable
        ``run(folder, n_jobs=1, progress=True)`` gives the record and the weights to keep with it.
    """

    name: str
    description: str
    run: Callable[..., tuple[RecordedRun, tuple[Path, ...]]]


STUDIES = {
    study.name: study
    for study in (
        Study(
            "ladder",
            "the full ladder on GUE tasks, with small transformers pretrained on human DNA: "
            "three tokenizers, five seeds of everything trained",
            ladder_study,
        ),
        Study(
            "promise",
            "one small design trained on text, proteins and DNA, with a convolutional twin, and "
            "what the models do frozen and untouched",
            promise_study,
        ),
        Study(
            "evaluation",
            "how models are judged: loss against downstream score, frozen vectors with their "
            "controls, heads and costs",
            evaluation_study,
        ),
        Study(
            "perturbation",
            "a transformer over gene tokens on the doubles of a screen, five seeds",
            perturbation_study,
        ),
        Study(
            "emerging",
            "a codon objective beside masking, and pretraining on made-up sequence, judged on "
            "three marks of yeast histones; five seeds",
            emerging_study,
        ),
        Study(
            "families",
            "the full ladder on eight more tasks, from splice sites to conservation, with the "
            "block 3-mer models of the ladder study, five seeds",
            families_study,
        ),
        Study(
            "labels",
            "seven rungs with 50 to 4,000 labels on two human tasks and a bacterial one, "
            "and on a test part with simulated sequencing errors",
            labels_study,
        ),
        Study(
            "reach",
            "what more bases to pretrain on bring, over what distance a planted dependency is "
            "learnt, and what a longer context saves on human DNA",
            reach_study,
        ),
        Study(
            "gains",
            "where pretraining pays: species pairs, novel items, expression, reporters and "
            "zero-shot variants, five seeds",
            gains_study,
        ),
        Study(
            "fitness",
            "fitness of pairs of activated genes, genes left out: additive, low rank, a network",
            fitness_study,
        ),
        Study(
            "learning",
            "what masked training learns of a genome, and when, against Markov floors; "
            "five seeds of the masked model",
            learning_study,
        ),
        Study(
            "scale",
            "one species against many at equal tokens, more data and more weights: small masked "
            "models, five seeds of the comparison",
            scale_study,
        ),
        Study(
            "nomenclature",
            "how much of its window each recorded model uses, by swapping what is far away",
            nomenclature_study,
        ),
        Study(
            "recommendations",
            "what a practitioner asks: ensembles, untuned baselines, many labels, another source, "
            "long windows, seconds for one prediction",
            recommendations_study,
        ),
        Study(
            "questions",
            "one small model over five amounts of data and of computing: scores on four tasks, and "
            "hidden stretches marked base by base and all or nothing",
            questions_study,
        ),
        Study(
            "why",
            "what small models keep of their training sequences, whether explanations find what "
            "was planted, and what three diets teach about genes and promoters, five seeds",
            why_study,
        ),
        Study(
            "cells",
            "types of blood cells: a masked-gene transformer, pretrained and from random weights, "
            "beside principal components, five seeds",
            cells_study,
        ),
        Study(
            "entropy",
            "matched ensembles on text, DNA, proteins and controls: how sure, how alike, and where "
            "the information sits; five members each",
            entropy_study,
        ),
        Study(
            "pretraining",
            "the gain of pretraining by how hard each side was tuned, on letters, block 6-mers and "
            "BPE tokens, five seeds",
            pretraining_study,
        ),
        Study(
            "architectures",
            "eight families of sequence models at equal parameters and tokens: bits on DNA, recall "
            "by distance, cost in length; five seeds",
            architectures_study,
        ),
    )
}


def record(
    name: str,
    *,
    folder: Path | None = None,
    n_jobs: int = 1,
    progress: bool = True,
    into: Path = RECORDED,
) -> list[Path]:
    """Run a study, or what is left of it, and write its record into the package.

    Parameters
    ----------
    name : str
        One of `STUDIES`.
    folder : Path, optional
        Where its cells are kept; by default ``_build/studies/NAME``.
    n_jobs : int, default 1
        Processes, one thread each.
    progress : bool, default True
        Show a bar.
    into : Path
        Where the record goes; by default where `recorded.read_run` looks.

    Returns
    -------
    paths : list of Path
        The files of the record.

    Raises
    ------
    ValueError
        If there is no such study.
    RecordError
        If a data set is a stand-in, or a file is too large.

    Examples
    --------
    >>> record("no such study")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: no study is called 'no such study'; there are: ...
    """
    if name not in STUDIES:
        raise ValueError(f"no study is called {name!r}; there are: {', '.join(STUDIES)}")
    folder = folder or Path("_build", "studies", name)
    run, weights = STUDIES[name].run(folder, n_jobs=n_jobs, progress=progress)
    kept = [write_run(run, folder=into)]
    return kept + [keep_weights(path, run, folder=into) for path in weights]
