"""Matched ensembles on text, DNA, proteins and their controls: how sure, how alike, where learnt.

Design choices

- Members of an ensemble differ in their initial weights alone. Ensembles differ in their source,
  their vocabulary (always 64 tokens), in tied or untied weights, and in their number of layers.
- One learning rate and one number of steps for all; neither was tuned for any source.
- Hidden tokens stand at the same places for all members and for the counting reference.
- The aligned family is simulated: the first hundred codons of a real gene, and descendants that
  each differ from it by chance in 15 % of the bases. A codon, its column known, has 2.54 bits.
- The two worlds of equal entropy rate are read from left to right, so that the rate is exactly what
  the best model would pay.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hypecheck import alphabets
from hypecheck.cells import Cell, run_cells
from hypecheck.context_share import RESIDUES, proteome
from hypecheck.datasets import Genome, load
from hypecheck.ensembles import EnsemblePlan
from hypecheck.matched_ensembles import (
    PLACES,
    SHAPE,
    TRAINING,
    World,
    masked_ensemble,
    world_ensemble,
)
from hypecheck.models import TransformerConfig
from hypecheck.objectives import CausalObjective, MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import RecordedRun, describe_study
from hypecheck.sequences import Codes
from hypecheck.simulate import homologous_families
from hypecheck.token_sources import (
    N_TOKENS,
    TokenSource,
    block_source,
    common_characters,
    pair_source,
    shuffled_source,
    turn_dial,
)

DATA = ("text/war_and_peace", "genome_ecoli_k12", "genome_human_pieces")
HUMAN_RECORD = "z"  # the megabase of chromosome 20
FAMILY_GENE = slice(336, 636)  # the first hundred codons of thrA in E. coli K-12
FAMILY_RATE = 0.15  # share of bases in which a descendant differs from the ancestor


@dataclass(frozen=True)
class Trained:
    """Which ensemble: a source, a vocabulary, and what is changed in the model.

    Parameters
    ----------
    source : str
        "text", "text-30", "text-60", "text-90" (the dial), "text-shuffled", "ecoli",
        "ecoli-shuffled", "iid", "human", "family", "proteome", "copies" or "diffuse".
    vocabulary : {"blocks", "pairs", "world"}
        Letters or block 3-mers, byte pairs, or the tokens of a simulated world.
    tied : bool
        Whether the output uses the table of the input.
    n_layers : int
        Transformer layers.
    absolute : bool
        Learned vectors for positions instead of a bias by offset.
    longer : int
        Times the steps.
    """

    source: str
    vocabulary: str = "blocks"
    tied: bool = True
    n_layers: int = 2
    absolute: bool = False
    longer: int = 1

    @property
    def name(self) -> str:
        """What the record calls it."""
        parts = [self.source, self.vocabulary, "tied" if self.tied else "untied"]
        parts += ["no-layers"] if self.n_layers == 0 else []
        parts += ["absolute"] if self.absolute else []
        parts += [f"{self.longer}-times"] if self.longer > 1 else []
        return "-".join(parts)


ENSEMBLES = (
    Trained("text"),
    Trained("ecoli"),
    Trained("text", tied=False),
    Trained("ecoli", tied=False),
    Trained("text-60"),
    Trained("text-shuffled"),
    Trained("copies", "world"),
    Trained("diffuse", "world"),
    Trained("text-30"),
    Trained("text-90"),
    Trained("proteome", "pairs"),
    Trained("ecoli", "pairs"),
    Trained("text", "pairs"),
    Trained("human"),
    Trained("copies", "world", absolute=True),
    Trained("text", n_layers=0),
    Trained("ecoli", n_layers=0),
    Trained("text", tied=False, n_layers=0),
    Trained("ecoli", tied=False, n_layers=0),
    Trained("iid"),
    Trained("ecoli-shuffled"),
    Trained("family"),
    Trained("human", tied=False),
    Trained("iid", "pairs"),
)


@dataclass(frozen=True)
class EntropyPlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    model : TransformerConfig
        Shape of the members.
    training : TrainingConfig
        How each is trained.
    n_tokens, n_windows, n_fisher : int
        Training tokens, test windows that are scored, and windows of the Fisher information.
    places : tuple of int
        Hidden tokens of a test window.
    seeds : tuple of int
        Initial weights of the members.
    ensembles : tuple of Trained
        Which ensembles, the decisive ones first.
    """

    model: TransformerConfig = SHAPE
    training: TrainingConfig = TRAINING
    n_tokens: int = 300_000
    n_windows: int = 480
    n_fisher: int = 256
    places: tuple[int, ...] = PLACES
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    ensembles: tuple[Trained, ...] = ENSEMBLES


def entropy_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Train and measure all ensembles.

    Parameters
    ----------
    folder : Path
        Where cells and interrupted ensembles are kept.
    n_jobs : int, default 1
        Processes, one thread each.
    progress : bool, default True
        Show a bar.

    Returns
    -------
    run : RecordedRun
        "ensembles": measures by name; see `ensemble_cell`.
    weights : tuple
        Empty: no page loads them.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan = EntropyPlan()
    loaded = [load(name, offline=False) for name in DATA]  # a stand-in stops it here
    results = entropy_results(plan, folder, n_jobs=n_jobs, progress=progress)
    return describe_study("entropy", plan, results, loaded), ()


def entropy_results(
    plan: EntropyPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run every cell that is not there yet, and put the results together.

    Parameters
    ----------
    plan : EntropyPlan
        What to run.
    folder : Path
        Where cells are kept.
    n_jobs, progress
        As in `entropy_study`.

    Returns
    -------
    results : dict
        "ensembles" and "cpu_seconds", with what interrupted ensembles had spent before; two cells
        of the kept record are older than this count, and some 25 seconds are missing there.
    """
    core = replace(plan, ensembles=())  # ensembles can be added later
    cells = [
        Cell(one.name, ensemble_cell, (plan, one, folder / "ensembles"), f"{core} {one}")
        for one in plan.ensembles
    ]
    found = run_cells(cells, folder, n_jobs=n_jobs, progress=progress)
    named = {one.name: result for one, result in zip(plan.ensembles, found, strict=True)}
    return {
        "ensembles": named,
        "cpu_seconds": sum(
            result["cpu_seconds"] + result.get("earlier_cpu_seconds", 0.0) for result in found
        ),
    }


def ensemble_cell(plan: EntropyPlan, trained: Trained, folder: Path) -> dict[str, Any]:
    """Train one ensemble and measure it."""
    start = time.process_time()
    if trained.vocabulary == "world":
        found = _world(plan, trained, folder)
    else:
        found = _masked(plan, trained, folder)
    return found | {"cpu_seconds": time.process_time() - start}


def ensemble_plan(plan: EntropyPlan, trained: Trained) -> EnsemblePlan:
    """Say how one ensemble is trained.

    Parameters
    ----------
    plan : EntropyPlan
        The study's plan.
    trained : Trained
        Which ensemble.

    Returns
    -------
    ensemble : EnsemblePlan
        Its plan.
    """
    is_world = trained.vocabulary == "world"
    shape = replace(
        plan.model,
        n_layers=trained.n_layers,
        tied=trained.tied,
        positions="absolute" if trained.absolute else "relative",
        causal=is_world,
    )
    training = replace(plan.training, steps=plan.training.steps * trained.longer)
    objective = CausalObjective() if is_world else MaskedObjective()
    return EnsemblePlan(shape, objective, training, plan.seeds)


def _masked(plan: EntropyPlan, trained: Trained, folder: Path) -> dict[str, Any]:
    return masked_ensemble(
        study_source(trained.source, trained.vocabulary, plan),
        ensemble_plan(plan, trained),
        places=plan.places,
        n_windows=plan.n_windows,
        n_fisher=plan.n_fisher,
        folder=folder,
    )


def _world(plan: EntropyPlan, trained: Trained, folder: Path) -> dict[str, Any]:
    world: World = "copies" if trained.source == "copies" else "diffuse"
    return world_ensemble(
        world,
        ensemble_plan(plan, trained),
        n_rows=plan.n_tokens // plan.training.length,
        n_windows=plan.n_windows // 2,
        folder=folder,
    )


@lru_cache(maxsize=2)
def study_source(name: str, vocabulary: str, plan: EntropyPlan) -> TokenSource:
    """Make a source of the study.

    Parameters
    ----------
    name, vocabulary : str
        As in `Trained`.
    plan : EntropyPlan
        How many tokens, in windows of what length.

    Returns
    -------
    source : TokenSource
        In three parts.
    """
    if name.endswith("-shuffled"):
        plain = study_source(name.removesuffix("-shuffled"), vocabulary, plan)
        return shuffled_source(plain, np.random.default_rng(3))
    sizes = {"length": plan.training.length, "n_tokens": plan.n_tokens}
    most = plan.n_tokens * 7 // 5  # tokens: one in ten is held out, and some to spare
    if vocabulary == "pairs":
        return pair_source(_letters(name, pairs=True)[: most * 3], **sizes)
    if name.startswith("text"):
        letters = _letters(name, pairs=False)[:most]
        return block_source(letters, N_TOKENS, 1, **sizes)
    return block_source(_letters(name, pairs=False)[: most * 3], 4, 3, **sizes)


def _letters(name: str, *, pairs: bool) -> Codes:
    """Letters of a source: 27 or 64 of text, four of DNA, twenty of proteins."""
    if name == "iid":
        return np.random.default_rng(4).integers(4, size=1_300_000).astype(np.uint8)
    if name.startswith("text"):
        text = load(DATA[0]).text
        plain = alphabets.letters(text) if pairs else common_characters(text)
        share = float(name.removeprefix("text").removeprefix("-") or 0) / 100
        return turn_dial(plain, share, N_TOKENS, np.random.default_rng(5)) if share else plain
    genome: Genome = load(DATA[2] if name == "human" else DATA[1])
    if name == "family":
        ancestor = next(iter(genome.records.values()))[None, FAMILY_GENE]
        rows = homologous_families(
            ancestor, 4500, np.random.default_rng(6), mutation_rate=FAMILY_RATE
        )
        return rows.data.codes.ravel()
    if name == "proteome":
        residues = proteome(genome)
        return residues[residues < len(RESIDUES)]
    codes = genome.records[HUMAN_RECORD] if name == "human" else next(iter(genome.records.values()))
    return codes[codes < 4]
