"""Where pretraining pays: other species, novel items, expression, reporters, zero-shot.

Design choices

- Five seeds of everything trained, pretraining included; the untrained twin of a seed has the
  weights from which its pretraining began.
- The language model of the species pairs has read all three genomes without labels, test blocks
  left out: the case in which transfer should be easiest.
- The learning rate is chosen once, with the first seed among two, on validation data of E. coli;
  frozen vectors and k-mers choose among six configurations.
- Predictions are kept, as strings of digits, so that a page draws every interval itself.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck import scores
from hypecheck.baselines import KmerLogistic, PositionWeightMatrix, choose_on_validation
from hypecheck.cells import Cell, run_cells
from hypecheck.corpus import draw_windows
from hypecheck.datasets import load
from hypecheck.edited_gene import EditedGene, read_edited_gene
from hypecheck.embeddings import embed_sequences
from hypecheck.expression import (
    Genes,
    Reporters,
    fit_cnn,
    fit_network,
    fit_ridge,
    read_genes,
    read_reporters,
)
from hypecheck.gene_windows import GeneWindows, gene_windows, open_frames, spectrum_distance
from hypecheck.kmers import KmerCounts
from hypecheck.ladder import Rung
from hypecheck.ladder_study import LadderPlan, study_corpus
from hypecheck.markov import MarkovModel
from hypecheck.models import (
    Classifier,
    ClassifierConfig,
    Transformer,
    TransformerConfig,
    random_twin,
    save,
)
from hypecheck.models import load as load_model
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import RecordedRun, describe_run, weights_path
from hypecheck.rungs import fine_tuned_rung, frozen_rung
from hypecheck.sequences import LabelledSequences, Task, gc_content, reverse_complement
from hypecheck.similarity import NO_WORD, canonical_words, near_duplicates
from hypecheck.splits import audit, homology_clusters
from hypecheck.task_families import family_task
from hypecheck.tokenizers import CharTokenizer, KmerTokenizer
from hypecheck.training import evaluate_language_model, fit_language_model, tokenise

SPECIES = ("E. coli", "yeast", "S. suis")
LABELS = (100, 1000)
RATES = (1e-3, 4e-3)
NETS = ("random_frozen", "pretrained_frozen", "from_scratch", "fine_tuned")
PRETRAINING = TrainingConfig(steps=500, batch_size=32, learning_rate=3e-3)
NETWORK = TrainingConfig(steps=120, batch_size=64, learning_rate=3e-3, evaluate_every=40)
DATA = (
    "genome_ecoli_k12", "genome_yeast", "genome_bacteria", "genome_human_pieces",
    "ecoli_expression", "ecoli_tss_mpra", "brca1_sge",
    "genomic_benchmarks_seq/promoters_nontata", "gue/splice/reconstructed",
    "gue/prom/prom_300_all",
    "gue/prom/prom_core_all", "gue/tf/0", "gue/tf/1", "gue/tf/2",
)  # fmt: skip


@dataclass(frozen=True)
class GainsPlan:
    """Everything that decides the numbers.

    Parameters
    ----------
    seeds : tuple of int
        Of everything trained.
    length : int
        Of the species' windows, in bp.
    sizes : (int, int, int)
        Windows in the train, validation and test part of a species.
    pretraining : TrainingConfig
        Of the language model of the species.
    steps : tuple of (int, int)
        Steps of fine-tuning by number of labels, where it is done; ``0`` is the promoter task.
    promoters : (int, int, int)
        Training, validation and test sequences of the promoter task.
    cnn : TrainingConfig
        Of the network for expression.
    epochs : int
        Not used; it is part of the name of every cell.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    length: int = 102
    sizes: tuple[int, int, int] = (1050, 500, 1000)
    pretraining: TrainingConfig = PRETRAINING
    steps: tuple[tuple[int, int], ...] = ((1000, 120), (0, 100))
    promoters: tuple[int, int, int] = (2000, 500, 2000)
    cnn: TrainingConfig = NETWORK
    epochs: int = 10


def gains_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Run the experiments of the chapter on limited gains.

    Parameters
    ----------
    folder : Path
        Where cells are kept.
    n_jobs : int, default 1
        Processes, one thread each.
    progress : bool, default True
        Show a bar.

    Returns
    -------
    run : RecordedRun
        Read it with `hypecheck.studies.gains_result`.
    weights : tuple of Path
        The models of the first two seeds, which a page loads.
    """
    plan = GainsPlan()
    loaded = [load(name, offline=False) for name in DATA]
    results = gains_results(plan, folder, n_jobs=n_jobs, progress=progress)
    run = describe_run(
        "gains",
        results,
        command="hypecheck record gains",
        data=loaded,
        seeds=plan.seeds,
        cpu_hours=results["cpu_seconds"] / 3600,
    )
    return run, tuple(_place(plan, folder) / f"species-{seed}.safetensors" for seed in (0, 1))


def _place(plan: GainsPlan, folder: Path) -> Path:
    """Where the cells of a plan lie."""
    return folder / f"plan-{hashlib.sha256(repr(plan).encode()).hexdigest()[:16]}"


def gains_results(
    plan: GainsPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run every cell that is not there yet, and put the results together.

    Parameters
    ----------
    plan : GainsPlan
        What to run.
    folder, n_jobs, progress
        As in `gains_study`.

    Returns
    -------
    results : dict
        "plan", "species", "promoters", "expression", "reporter", "variants", "splice" and
        "cpu_seconds".
    """
    place = _place(plan, folder)
    decided = place.name.removeprefix("plan-")
    place.mkdir(parents=True, exist_ok=True)

    def run(function: Any, *arguments: tuple[Any, ...]) -> list[dict[str, Any]]:
        label = function.__name__.removesuffix("_cell")
        cells = [
            Cell(
                "-".join([label, *(str(part) for part in one if not isinstance(part, tuple))]),
                function,
                (plan, place, *one),
                f"{decided} {one}",
            )
            for one in arguments
        ]
        done = run_cells(cells, place, n_jobs=n_jobs, progress=progress)
        spent.extend(one.get("cpu_seconds", 0.0) for one in done)
        return done

    spent: list[float] = []
    seeds = [(seed,) for seed in plan.seeds]
    zero_shot = run(zero_shot_cell, *seeds)
    models = run(pretrain_cell, *seeds)
    expression = run(expression_cell, *seeds)
    chosen = run(rate_cell, ())[0]
    rates = tuple((net, chosen[net]) for net in ("from_scratch", "fine_tuned"))
    pairs = [(source, seed) for source in SPECIES for seed in plan.seeds]
    species = run(species_cell, *[(*one, rates) for one in pairs])
    promoters = run(promoters_cell, *[(seed, rates) for (seed,) in seeds])
    results = {
        "plan": asdict(plan),
        "species": {
            "pretraining": models,
            "rates": dict(rates),
            "truth": {name: _text(_windows(plan, name).parts["test"].labels) for name in SPECIES},
            "groups": {name: _groups(plan, name) for name in SPECIES},
            "runs": [
                one | {"source": pair[0], "seed": pair[1]}
                for one, pair in zip(species, pairs, strict=True)
            ],
            **run(describe_species_cell, ())[0],
        },
        "promoters": {"runs": promoters, **run(describe_promoters_cell, ())[0]},
        "expression": {
            "runs": expression,
            **run(describe_expression_cell, ())[0],
        },
        "reporter": {"runs": run(reporter_cell, *seeds), **run(describe_reporter_cell, ())[0]},
        "variants": {"runs": zero_shot, **run(describe_variants_cell, ())[0]},
        "splice": run(splice_cell, ())[0],
    }
    whole: dict[str, Any] = packed(results)
    return whole | {"cpu_seconds": float(sum(spent))}


def packed(part: Any) -> Any:
    """Write long rows of numbers as one text each: a record has a line for every item of a list.

    Parameters
    ----------
    part : object
        Anything that JSON can hold.

    Returns
    -------
    part : object
        The same, rows of more than twenty numbers joined by spaces.

    Examples
    --------
    >>> packed({"short": [1, 2], "long": list(range(21))})["long"][:9]
    '0 1 2 3 4'
    """
    if isinstance(part, dict):
        return {key: packed(value) for key, value in part.items()}
    if isinstance(part, list) and len(part) > 20 and all(isinstance(x, int | float) for x in part):
        return " ".join(f"{x:g}" if isinstance(x, float) else str(x) for x in part)
    return [packed(one) for one in part] if isinstance(part, list) else part


# --- data ---------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _windows(plan: GainsPlan, species: str) -> GeneWindows:
    """Coding and other windows of one species, without training relatives of test windows."""
    records, genes, avoid = annotated(species)
    drawn = gene_windows(
        records, genes, avoid, length=plan.length, sizes=plan.sizes, rng=np.random.default_rng(0)
    )
    test = drawn.parts["test"].codes
    for name in ("train", "validation"):
        part = drawn.parts[name]
        related = np.unique(near_duplicates(part.codes, test)[0][:, 0])
        drawn.parts[name] = part.take(np.setdiff1d(np.arange(len(part)), related))
    return drawn


def annotated(species: str) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """Give a genome, what counts as a gene there, and what windows outside genes must avoid.

    Parameters
    ----------
    species : str
        One of `SPECIES`. Nothing is annotated in S. suis: stretches of 900 bases without a stop
        codon count as genes, and none of 390 may lie under a window outside.

    Returns
    -------
    records : dict of str to ndarray of uint8
    genes, avoid : list of (str, int, int)
        For `gene_windows.gene_windows`.
    """
    if species == "S. suis":
        records = {"S. suis": load("genome_bacteria").records["Streptococcus_suis"]}
        long, short = (open_frames(records["S. suis"], least=n) for n in (900, 390))
        return records, [("S. suis", *one) for one in long], [("S. suis", *one) for one in short]
    genome = load("genome_ecoli_k12" if species == "E. coli" else "genome_yeast")
    features = genome.features
    inside = features[features["kind"].isin(["CDS", "ORF"])]
    other = features[~features["kind"].isin(["region", "mobile_genetic_element", "transcript"])]
    columns = ["record", "start", "end"]
    records = {name: codes for name, codes in genome.records.items() if name != "Mito"}
    return (
        records,
        list(inside[columns].itertuples(index=False, name=None)),
        list(other[columns].itertuples(index=False, name=None)),
    )


@lru_cache(maxsize=2)
def _species_corpus(plan: GainsPlan) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Windows for pretraining and for its loss, as many of each species, test blocks left out."""
    rng, rows = np.random.default_rng(1), []
    for name in SPECIES:
        blind = list(_windows(plan, name).blind.values())
        drawn = draw_windows(blind, plan.length, 7000, rng)
        drawn[::2] = reverse_complement(drawn[::2])
        rows.append(drawn)
    return np.concatenate([one[300:] for one in rows]), np.concatenate([one[:300] for one in rows])


@lru_cache(maxsize=4)
def _species_task(plan: GainsPlan, species: str, n: int) -> Task:
    """Make the task of one species with n labels, and as many for validation, at most 500."""
    parts = _windows(plan, species).parts
    return Task(
        name=species,
        train=parts["train"].take(slice(n)),
        validation=parts["validation"].take(slice(min(n, 500))),
        test=parts["test"].take(slice(0)),
        classes=("not coding", "coding"),
    )


@lru_cache(maxsize=1)
def promoter_task(plan: GainsPlan) -> tuple[Task, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Promoters split at random; clusters of the test part, and which test items are familiar.

    A test item is familiar if some training or validation sequence is in its cluster. Items that
    share a word of 24 bases with the corpus of the language model are left out.
    """
    pooled, (train, validation, test), clusters = _promoter_rows(plan)
    familiar = np.isin(clusters[test], clusters[np.concatenate([train, validation])])
    bare = LabelledSequences(pooled.codes, pooled.labels)
    task = Task(
        name="promoters_nontata",
        train=bare.take(train),
        validation=bare.take(validation),
        test=bare.take(test),
        classes=("other", "promoter"),
    )
    return task, clusters[test], familiar


@lru_cache(maxsize=1)
def _promoter_rows(plan: GainsPlan) -> tuple[Any, list[npt.NDArray[np.int64]], Any]:
    """Give all promoters, the rows of the three parts, and clusters of relatives."""
    pooled = load("genomic_benchmarks_seq/promoters_nontata").pooled()
    order = np.random.default_rng(0).permutation(len(pooled))[: sum(plan.promoters)]
    train, validation, test = np.split(order, np.cumsum(plan.promoters)[:2])
    seen = _sharing(study_corpus(replace(LadderPlan(), tasks=())).train, pooled.codes[test])
    return pooled, [train, validation, test[~seen]], homology_clusters(pooled.codes)


def _sharing(corpus: npt.NDArray[np.uint8], codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    known = np.unique(canonical_words(corpus, 24))
    asked = canonical_words(codes, 24)
    shared: npt.NDArray[np.bool_] = (np.isin(asked, known) & (asked != NO_WORD)).any(axis=1)
    return shared


@lru_cache(maxsize=1)
def expression_genes() -> Genes:
    """Read the genes of E. coli with their mean expression."""
    frames = load("ecoli_expression").frames
    genome = next(iter(load("genome_ecoli_k12").records.values()))
    return read_genes(genome, frames["gene_info"], frames["log_tpm"])


@lru_cache(maxsize=1)
def reporters() -> Reporters:
    """Read promoters of E. coli on a reporter, with their activity."""
    frame = load("ecoli_tss_mpra").frames["TSS_characterization"]
    return read_reporters(frame, most=4000, rng=np.random.default_rng(0))


@lru_cache(maxsize=1)
def edited_gene() -> EditedGene:
    """Read the edited variants of BRCA1."""
    return read_edited_gene(next(iter(load("brca1_sge").frames.values())))


# --- models -------------------------------------------------------------------------------------


@lru_cache(maxsize=12)
def _model(path: Path) -> Transformer:
    model = load_model(path)
    if not isinstance(model, Transformer):
        raise TypeError(f"{path} holds no language model")
    return model


def _own(folder: Path, seed: int) -> Transformer:
    return _model(folder / f"species-{seed}.safetensors")


def _human(seed: int) -> Transformer:
    return _model(weights_path(f"ladder-kmer3-{seed}"))


def _rung(name: str, pretrained: Any, steps: int, rate: float | None = None) -> Rung:
    """One of `NETS` around a language model, with one learning rate if it is chosen already."""
    source = pretrained if name in ("pretrained_frozen", "fine_tuned") else _twin(pretrained)
    if name.endswith("frozen"):
        return frozen_rung(name, source, KmerTokenizer(3, 3))
    training = TrainingConfig(steps=steps, batch_size=32, evaluate_every=max(steps // 5, 1))
    rates = RATES if rate is None else (rate,)
    grid = tuple({"learning_rate": one} for one in rates)
    return replace(
        fine_tuned_rung(name, source, KmerTokenizer(3, 3), training), configurations=grid
    )


def _twin(pretrained: Any) -> Any:
    return lambda seed: random_twin(pretrained(seed), seed)


def _best(rung: Rung, task: Task, seed: int) -> tuple[Any, dict[str, Any], float]:
    """Fit every configuration; give the predictor, the configuration and its validation score."""
    tried = []
    for one in rung.configurations:
        fitted = rung.fit(task, one, seed)
        score = scores.matthews(task.validation.labels, fitted(task.validation.codes))
        tried.append((fitted, dict(one), float(score)))
    return max(tried, key=lambda trial: trial[2])


def _text(classes: npt.ArrayLike) -> str:
    return "".join(map(str, np.asarray(classes).tolist()))


# --- cells --------------------------------------------------------------------------------------


def pretrain_cell(plan: GainsPlan, folder: Path, seed: int) -> dict[str, Any]:
    """Pretrain on three genomes, and say how much of the learnable gap was captured."""
    start = time.process_time()
    train, held_out = _species_corpus(plan)
    reader = KmerTokenizer(3, 3)
    tokens, unseen = tokenise(reader, train), tokenise(reader, held_out)
    model = Transformer(TransformerConfig(reader.vocab_size, d_model=64, n_layers=2), seed=seed)
    fit_language_model(model, tokens, replace(plan.pretraining, seed=seed), MaskedObjective())
    save(model, folder / f"species-{seed}.safetensors")
    counts = np.bincount(tokens[tokens > 0], minlength=reader.vocab_size) + 1.0
    flat = unseen[unseen > 0].numpy()
    unigram = -float(np.log2(counts / counts.sum())[flat].mean()) / 3
    loss = evaluate_language_model(model, unseen, MaskedObjective()) / 3
    best = min(float(MarkovModel(order).fit(train).score(held_out)) for order in range(2, 9))
    return {
        "seed": seed,
        "bits_per_base": loss,
        "unigram_bits_per_base": unigram,
        "markov_bits_per_base": best,
        "learnable_gap_share": scores.learnable_gap_share(loss, unigram=unigram, best=best),
        "cpu_seconds": time.process_time() - start,
    }


def rate_cell(plan: GainsPlan, folder: Path) -> dict[str, Any]:
    """Choose the learning rates, with the first seed and on the validation part of E. coli."""
    start, task = time.process_time(), _species_task(plan, SPECIES[0], LABELS[-1])
    steps = dict(plan.steps)[LABELS[-1]]
    chosen = {
        net: _best(_rung(net, lambda one: _own(folder, one), steps), task, plan.seeds[0])
        for net in ("from_scratch", "fine_tuned")
    }
    rates = {net: one["learning_rate"] for net, (_, one, _) in chosen.items()}
    return rates | {"cpu_seconds": time.process_time() - start}


def species_cell(
    plan: GainsPlan, folder: Path, source: str, seed: int, rates: tuple[tuple[str, float], ...]
) -> dict[str, Any]:
    """Train on one species with few and many labels, and predict the test windows of all."""
    start, found, steps = time.process_time(), [], dict(plan.steps)
    for n in LABELS:
        task = _species_task(plan, source, n)
        rungs = [
            _rung(net, lambda one: _own(folder, one), steps.get(n, 0), dict(rates).get(net))
            for net in NETS
            if n in steps or net.endswith("frozen")
        ]
        trained = {rung.name: _best(rung, task, seed) for rung in rungs}
        if seed == plan.seeds[0]:
            model, configuration, tried = choose_on_validation(
                KmerLogistic, task.train, task.validation, scores.matthews
            )
            trained["kmer_linear"] = (model.predict, configuration, float(tried.max()))
        for name, (fitted, configuration, validation) in trained.items():
            predicted = {
                one: _text(fitted(_windows(plan, one).parts["test"].codes)) for one in SPECIES
            }
            found.append(
                {
                    "rung": name,
                    "labels": n,
                    "configuration": configuration,
                    "validation": validation,
                    "predicted": predicted,
                }
            )
    return {"rungs": found, "cpu_seconds": time.process_time() - start}


def describe_species_cell(plan: GainsPlan, _folder: Path) -> dict[str, Any]:
    """Say how far apart the species are, and audit their splits."""
    test = {name: _windows(plan, name).parts["test"].codes for name in SPECIES}
    audits = {
        f"{one} to {other}": audit(
            _windows(plan, one).parts["train"], _windows(plan, other).parts["test"]
        )
        for one in SPECIES
        for other in SPECIES
    }
    return {
        "gc": {name: float(gc_content(codes).mean()) for name, codes in test.items()},
        "distance": {
            f"{a} to {b}": spectrum_distance(test[a], test[b]) for a in SPECIES for b in SPECIES
        },
        "audits": {
            key: {"n_exact": one.n_exact, "n_near": one.n_near} for key, one in audits.items()
        },
    }


def promoters_cell(
    plan: GainsPlan, _folder: Path, seed: int, rates: tuple[tuple[str, float], ...]
) -> dict[str, Any]:
    """Train on the promoters, and predict their test part, familiar and novel items alike."""
    start, task = time.process_time(), promoter_task(plan)[0]
    blind, steps = replace(task, test=task.test.take(slice(0))), dict(plan.steps)[0]
    nets = ("random_frozen", "pretrained_frozen", "fine_tuned")
    found = {
        net: _best(_rung(net, _human, steps, dict(rates).get(net)), blind, seed) for net in nets
    }
    if seed == plan.seeds[0]:
        model, configuration, tried = choose_on_validation(
            KmerLogistic, task.train, task.validation, scores.matthews
        )
        found["kmer_linear"] = (model.predict, configuration, float(tried.max()))
    rungs = [
        {
            "rung": name,
            "configuration": configuration,
            "validation": validation,
            "predicted": _text(fitted(task.test.codes)),
        }
        for name, (fitted, configuration, validation) in found.items()
    ]
    return {"seed": seed, "rungs": rungs, "cpu_seconds": time.process_time() - start}


def describe_promoters_cell(plan: GainsPlan, _folder: Path) -> dict[str, Any]:
    """Keep truth, clusters and familiarity of the promoters' test part."""
    task, clusters, familiar = promoter_task(plan)
    _, numbered = np.unique(clusters, return_inverse=True)
    return {
        "truth": _text(task.test.labels),
        "rows": [rows.tolist() for rows in _promoter_rows(plan)[1]],
        "groups": numbered.tolist(),
        "familiar": _text(familiar.astype(int)),
        "n_pooled": len(task.train) + len(task.validation) + len(task.test),
        "audit": audit(task.train, task.test).sentence(),
    }


def expression_cell(plan: GainsPlan, folder: Path, seed: int) -> dict[str, Any]:
    """Predict the expression of E. coli genes from vectors, and by a network on bases."""
    start, genes = time.process_time(), expression_genes()
    split = genes.split(np.random.default_rng(0))
    found = {}
    for name, model in (
        ("pretrained", _own(folder, seed)),
        ("random", random_twin(_own(folder, seed), seed)),
    ):
        vectors = np.hstack(
            [
                embed_sequences(model, KmerTokenizer(3, 3), part)
                for part in (genes.promoters, genes.starts)
            ]
        )
        found[name] = fit_ridge(vectors, genes.expression, split)
        if name == "pretrained":
            both = np.hstack([vectors, genes.classical])
            found["pretrained and classical"] = fit_ridge(both, genes.expression, split)
    found["cnn"], _ = fit_cnn(genes.windows, genes.expression, split, plan.cnn, seed=seed)
    if seed == plan.seeds[0]:
        found["classical"] = fit_ridge(genes.classical, genes.expression, split)
        found["codon usage"] = fit_ridge(genes.codons, genes.expression, split)
        found["operon and promoter"] = fit_ridge(genes.classical[:, 64:], genes.expression, split)
    predicted = {name: np.round(one[split.test], 3).tolist() for name, one in found.items()}
    return {"seed": seed, "predicted": predicted, "cpu_seconds": time.process_time() - start}


def describe_expression_cell(_plan: GainsPlan, _folder: Path) -> dict[str, Any]:
    """Keep truth and regions of the test genes."""
    genes = expression_genes()
    split = genes.split(np.random.default_rng(0))
    return {
        "truth": np.round(genes.expression[split.test], 4).tolist(),
        "groups": genes.regions[split.test].tolist(),
        "n_train": len(split.train),
        "n_validation": len(split.validation),
    }


def reporter_cell(plan: GainsPlan, folder: Path, seed: int) -> dict[str, Any]:
    """Predict reporter activity from vectors, by fine-tuning, and from words."""
    start, data, reader = time.process_time(), reporters(), KmerTokenizer(3, 3)
    split, target = data.split(np.random.default_rng(0)), data.activity
    found = {}
    for name in ("pretrained", "random"):
        model = (
            _own(folder, seed) if name == "pretrained" else random_twin(_own(folder, seed), seed)
        )
        found[name] = fit_ridge(embed_sequences(model, reader, data.codes), target, split)
        net = Classifier(ClassifierConfig(model.config, 1), seed=seed)
        net.body.load_state_dict(model.state_dict())
        config = replace(plan.cnn, batch_size=32, learning_rate=1e-3, seed=seed)
        tuned, _ = fit_network(net, tokenise(reader, data.codes), target, split, config)
        found["fine-tuned" if name == "pretrained" else "from scratch"] = tuned
    if seed == plan.seeds[0]:
        words = KmerCounts((1, 4)).fit_transform(data.codes)
        found["words"] = fit_ridge(np.asarray(words, dtype=np.float64), target, split)
    checked = {
        name: float(scores.pearson(target[split.validation], one[split.validation]))
        for name, one in found.items()
    }
    predicted = {name: np.round(one[split.test], 3).tolist() for name, one in found.items()}
    seconds = time.process_time() - start
    return {"seed": seed, "predicted": predicted, "validation": checked, "cpu_seconds": seconds}


def describe_reporter_cell(_plan: GainsPlan, _folder: Path) -> dict[str, Any]:
    """Keep truth and regions of the test promoters."""
    data = reporters()
    split = data.split(np.random.default_rng(0))
    return {
        "truth": np.round(data.activity[split.test], 4).tolist(),
        "groups": data.regions[split.test].tolist(),
        "n_train": len(split.train),
        "n_validation": len(split.validation),
    }


def zero_shot_cell(_plan: GainsPlan, _folder: Path, seed: int) -> dict[str, Any]:
    """Score the variants of BRCA1 with one recorded model and with its untrained twin."""
    start, gene = time.process_time(), edited_gene()
    model = _model(weights_path(f"ladder-char-{seed}"))
    return {
        "seed": seed,
        "llr": np.round(gene.llr(model, CharTokenizer()), 4).tolist(),
        "random": np.round(gene.llr(random_twin(model, seed), CharTokenizer()), 4).tolist(),
        "cpu_seconds": time.process_time() - start,
    }


def describe_variants_cell(_plan: GainsPlan, _folder: Path) -> dict[str, Any]:
    """Keep what is known of the variants: function, place, CADD, phyloP, and trivial scores."""
    gene = edited_gene()
    return {
        "lost": _text(gene.lost),
        "positions": gene.positions.tolist(),
        "cadd": gene.cadd.tolist(),
        "phylop": np.round(gene.phylop, 3).tolist(),
        "trivial": {name: np.round(one, 3).tolist() for name, one in gene.trivial().items()},
    }


def splice_cell(_plan: GainsPlan, _folder: Path) -> dict[str, Any]:
    """Tell splice sites apart by a Markov model of order 1 that knows positions."""
    start, task = time.process_time(), family_task("splice-sites")
    predicted, score, configuration = positional_markov(task)
    return {
        "truth": _text(task.test.labels),
        "predicted": _text(predicted),
        "validation": score,
        "configuration": configuration,
        "cpu_seconds": time.process_time() - start,
    }


def positional_markov(
    task: Task,
) -> tuple[npt.NDArray[np.int64], float, dict[str, float]]:
    """Fit order-1 Markov models by position, and choose width and pseudocount on validation data.

    Parameters
    ----------
    task : Task
        Sites in the middle of its sequences.

    Returns
    -------
    predicted : ndarray of int64, shape (N,)
        Classes of the test part.
    validation : float
        Macro F1 on the validation part.
    configuration : dict
        "width" in bp around the middle, and "pseudocount": six to choose among.
    """
    best: tuple[float, Any, dict[str, float]] = (-1.0, None, {})
    middle = task.train.codes.shape[1] // 2
    for width in (20, 60, 2 * middle):
        for pseudocount in (1.0, 3.0):
            cut = slice(middle - width // 2, middle + width // 2)
            model = PositionWeightMatrix(order=1, pseudocount=pseudocount)
            model.fit(task.train.codes[:, cut], task.train.labels)
            score = macro_f1(task.validation.labels, model.predict(task.validation.codes[:, cut]))
            if score > best[0]:
                predicted = model.predict(task.test.codes[:, cut])
                best = (score, predicted, {"width": width, "pseudocount": pseudocount})
    return best[1], best[0], best[2]


def macro_f1(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> float:
    """Mean over the classes of the harmonic mean of precision and recall.

    Parameters
    ----------
    y_true, y_pred : array_like of int, shape (N,)
        Classes.

    Returns
    -------
    score : float

    Examples
    --------
    >>> round(macro_f1([0, 0, 1, 2], [0, 1, 1, 2]), 3)
    0.778
    """
    truth, predicted = np.asarray(y_true), np.asarray(y_pred)
    found = []
    for one in np.unique(truth):
        both = np.sum((truth == one) & (predicted == one))
        found.append(2 * both / (np.sum(truth == one) + np.sum(predicted == one)))
    return float(np.mean(found))


def _groups(plan: GainsPlan, species: str) -> list[int]:
    groups = _windows(plan, species).parts["test"].groups
    return np.asarray(groups).tolist()
