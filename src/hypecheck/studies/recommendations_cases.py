"""The cases of the decision map, read from the records that hold them.

Design choices

- Every case comes from a record: ladders of eleven tasks, label curves, pairs of species, pairs of
  collections, expression, variants without labels, and one planted dependency.
- Nothing is trained here, and no test part is read again: predictions were kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.decision_map import PRETRAINED, Case, Method
from hypecheck.label_curves import label_predictions
from hypecheck.ladder_result import LadderResult, unpack
from hypecheck.ladder_study import recorded_ladder
from hypecheck.recorded import RecordedRun
from hypecheck.scores import auroc, matthews
from hypecheck.studies.gains_result import SpeciesPairs, numbers

Floats = npt.NDArray[np.float64]
Records = Mapping[str, RecordedRun]
NEEDED = ("ladder", "families", "labels", "gains", "reach", "recommendations")
TITLES = {
    "gue/tf/0": "binding 0", "gue/tf/2": "binding 2", "gue/prom/prom_core_tata": "TATA promoters",
    "gue/prom/prom_core_all": "human promoters", "ecoli_promoters_2860": "E. coli promoters",
    "splice-sites": "splice sites", "enhancers": "enhancers", "reporter-activity": "reporters",
    "histone-h3": "histone H3", "brca1-conservation": "conservation", "brca1-variants": "variants",
    "coding": "coding", "ecoli-promoters": "E. coli promoters",
}  # fmt: skip
FAMILY = {
    "gue/tf/0": "binding", "gue/tf/2": "binding", "gue/prom/prom_core_tata": "promoters",
    "gue/prom/prom_core_all": "promoters", "ecoli_promoters_2860": "promoters",
    "splice-sites": "splicing", "enhancers": "enhancers", "reporter-activity": "expression",
    "histone-h3": "chromatin", "brca1-conservation": "conservation", "brca1-variants": "variants",
    "coding": "coding", "ecoli-promoters": "promoters",
}  # fmt: skip


def all_cases(records: Records) -> list[Case]:
    """Put every case together that the records hold.

    Parameters
    ----------
    records : mapping of str to RecordedRun
        Those of `NEEDED`.

    Returns
    -------
    cases : list of Case
    """
    return [
        *ladder_cases(records),
        *label_cases(records),
        *species_cases(records["gains"]),
        *source_cases(records["recommendations"]),
        *regression_cases(records),
        planted_case(records),
    ]


def ladder_cases(records: Records) -> list[Case]:
    """Give the eleven tasks with a whole ladder, each with all its labels.

    Parameters
    ----------
    records : mapping of str to RecordedRun
        "ladder", "families", "gains" and "recommendations".

    Returns
    -------
    cases : list of Case
        Splice sites and two kinds of promoter with a table by position as the established method.
    """
    found = []
    for run in ("ladder", "families"):
        for task in records[run].results["ladders"]:
            ladder = recorded_ladder(records[run], task, "kmer3")
            methods = {r.name: _rung_method(ladder, r.name) for r in ladder.rungs}
            table = _table(records, task, ladder)
            if table is not None:
                methods["position_table"] = Method(table)
            found.append(
                Case(
                    f"{TITLES[task]}, {ladder.n_train:,} labels",
                    TITLES[task],
                    FAMILY[task],
                    ladder.n_train,
                    ladder.y_true,
                    methods,
                    ladder.groups,
                    established="position_table" if table is not None else "",
                )
            )
    return found


def _rung_method(ladder: LadderResult, name: str) -> Method:
    rung = ladder[name]
    trials = sum(trial.cpu_seconds for trial in rung.trials)
    known = [trial.validation for trial in rung.trials if trial.validation is not None]
    return Method(
        rung.predictions,
        max(known, default=float("nan")),
        rung.cpu_seconds if rung.deterministic else trials,
        rung.pretraining_seconds / len(rung.seeds),
    )


def _table(records: Records, task: str, ladder: LadderResult) -> Floats | None:
    """Predictions of a table of bases by position, where there is one; it must fit the ladder."""
    if task == "splice-sites":
        splice = records["gains"].results["splice"]
        rows = np.array([[int(digit) for digit in splice[k]] for k in ("truth", "predicted")])
        if not np.array_equal(rows[0], ladder.y_true):
            raise ValueError("the records saw other splice sites; record the study of gains again")
        return np.asarray(rows[1:])
    tables = records["recommendations"].results["tables"]
    return np.asarray(unpack(tables[task]["predicted"])) if task in tables else None


def label_cases(records: Records) -> list[Case]:
    """Give every point of the label curves, and the task with many labels.

    Parameters
    ----------
    records : mapping of str to RecordedRun
        "ladder", "labels" and "recommendations".

    Returns
    -------
    cases : list of Case
        One for each task and number of labels.
    """
    models = [m for m in records["ladder"].results["pretraining"] if m["tokenizer"] == "kmer3"]
    spent = float(np.mean([model["cpu_seconds"] for model in models]))
    found = []
    for results in (records["labels"].results, records["recommendations"].results["labels"]):
        for task, part in results["tasks"].items():
            counts = sorted({int(n) for rung in part["rungs"].values() for n in rung})
            for count in counts:
                methods = {
                    rung: _label_method(results, task, rung, count, spent)
                    for rung, cells in part["rungs"].items()
                    if str(count) in cells
                }
                name = f"{TITLES[task]}, {count:,} labels"
                truth, groups = unpack(part["y_true"]), unpack(part["groups"])
                found.append(Case(name, TITLES[task], FAMILY[task], count, truth, methods, groups))
    return found


def _label_method(results: Any, task: str, rung: str, count: int, spent: float) -> Method:
    cell = results["tasks"][task]["rungs"][rung][str(count)]
    seeds, tried = len(cell["validation"]), len(cell["trials"])
    trained = rung in ("fine_tuned", "from_scratch", "cnn")  # one search, then the other seeds
    share = tried / (tried + seeds - 1) if trained else 1 / seeds
    return Method(
        label_predictions(results, task, rung, count),
        float(np.mean(cell["validation"])),
        cell["cpu_seconds"] * share,
        spent if rung in PRETRAINED else 0.0,
    )


def species_cases(gains: RecordedRun) -> list[Case]:
    """Give genes told from other DNA, in each species and from each to each other.

    Parameters
    ----------
    gains : RecordedRun
        The record "gains".

    Returns
    -------
    cases : list of Case
        Nine pairs, two numbers of labels; seconds were not kept by rung.
    """
    part, pairs, found = gains.results["species"], SpeciesPairs(gains), []
    for a in pairs.species:
        for b in pairs.species:
            for labels in pairs.labels:
                methods = {}
                for rung in ("kmer_linear", "random_frozen", "from_scratch", *PRETRAINED[:2]):
                    predicted = pairs.predictions(a, b, rung, labels)
                    if len(predicted):
                        methods[rung] = Method(predicted, _validation(part, a, rung, labels))
                where = f"{a} → {b}" if a != b else f"{a} genes"
                truth = np.array([int(digit) for digit in part["truth"][b]])
                found.append(
                    Case(
                        f"{where}, {labels:,} labels",
                        where,
                        "coding",
                        labels,
                        truth,
                        methods,
                        numbers(part["groups"][b]).astype(np.int64),
                        is_divergent=a != b,
                    )
                )
    return found


def _validation(part: Any, source: str, rung: str, labels: int) -> float:
    return float(
        np.mean(
            [
                one["validation"]
                for run in part["runs"]
                for one in run["rungs"]
                if run["source"] == source and (one["rung"], one["labels"]) == (rung, labels)
            ]
        )
    )


def source_cases(run: RecordedRun, *, same: bool = False) -> list[Case]:
    """Give the cases that were trained on one collection and tested on another.

    Parameters
    ----------
    run : RecordedRun
        The record "recommendations".
    same : bool, default False
        The test part of the same collection instead.

    Returns
    -------
    cases : list of Case
        Four: two questions, each in both directions. The validation score that chose within a
        rung was not kept, so the simple side is the one that does better on the same source.
    """
    found = []
    for name, part in run.results["sources"].items():
        predicted = {rung: unpack(rows) for rung, rows in part["other"].items()}
        at_home = {rung: unpack(rows) for rung, rows in part["same"].items()}
        truth = unpack(part["truth"])
        score = {
            rung: float(np.mean([matthews(truth, row) for row in rows]))
            for rung, rows in at_home.items()
        }
        question, turned = name.split(",")[0], name.endswith("turned")
        where = f"{question}, {'2 → 1' if turned else '1 → 2'}"
        chosen = at_home if same else predicted
        found.append(
            Case(
                f"{where}, {part['n_train']:,} labels",
                where,
                question,
                part["n_train"],
                truth if same else unpack(part["truth_other"]),
                {rung: Method(rows, score[rung]) for rung, rows in chosen.items()},
                unpack(part["groups"]) if same else None,
                is_divergent=not same,
            )
        )
    return found


def regression_cases(records: Records) -> list[Case]:
    """Give expression and reporters in E. coli, and the edited variants of BRCA1 without labels.

    Parameters
    ----------
    records : mapping of str to RecordedRun
        "gains" and "recommendations".

    Returns
    -------
    cases : list of Case
        Scored by Pearson's r and by AUROC; the genes twice, from short and from long windows. The
        simple model for genes is codon usage, for long windows words.
    """
    results, long = records["gains"].results, records["recommendations"].results
    expression, reporter, variants = (results[k] for k in ("expression", "reporter", "variants"))
    names = {"pretrained": "pretrained_frozen", "codon usage": "trivial", "classical": "classical"}
    genes = _regression(expression, names)
    best = best_reporter_name(reporter)
    activity = _regression(reporter, {best: "pretrained_frozen", "words": "words"})
    chance = {"zero_shot": Method(np.array([numbers(run["llr"]) for run in variants["runs"]]))}
    for name, values in {"trivial": best_trivial_row(variants), "CADD": variants["cadd"]}.items():
        chance[name] = Method(numbers(values)[None])
    seen = {
        "frozen pieces": "long_frozen",
        "network": "long_network",
        "classical features": "classical",
        "words": "words",
    }
    far = _long_methods(long, seen)
    scored: dict[str, Any] = {"metric": "Pearson r"}
    return [
        Case(
            f"gene expression, {expression['n_train']:,} labels", "gene expression", "expression",
            expression["n_train"], numbers(expression["truth"]), genes,
            numbers(expression["groups"]).astype(np.int64), established="classical", **scored,
        ),
        Case(
            f"reporters (r), {reporter['n_train']:,} labels", "reporters", "expression",
            reporter["n_train"], numbers(reporter["truth"]), activity,
            numbers(reporter["groups"]).astype(np.int64), **scored,
        ),
        Case(
            f"gene expression, 2 kb, {expression['n_train']:,} labels", "gene expression, 2 kb",
            "expression", expression["n_train"], unpack(long["long_facts"]["truth"]), far,
            unpack(long["long_facts"]["groups"]), is_long=True, established="classical", **scored,
        ),
        Case(
            "BRCA1 variants, no labels", "BRCA1 variants", "variants", 0,
            np.array([int(digit) for digit in variants["lost"]]), chance,
            numbers(variants["positions"]).astype(np.int64), "AUROC", established="CADD",
        ),
    ]  # fmt: skip


def best_reporter_name(reporter: Mapping[str, Any]) -> str:
    """Name the pretrained protocol with the better mean validation score on reporters."""
    runs = reporter["runs"]
    return max(
        ("pretrained", "fine-tuned"),
        key=lambda name: np.mean([one["validation"][name] for one in runs]),
    )


def best_trivial_row(variants: Mapping[str, Any]) -> str:
    """Give the trivial score with the highest AUROC, chosen on the same variants, to be hard."""
    lost = np.array([int(digit) for digit in variants["lost"]])
    rows: list[str] = list(variants["trivial"].values())
    return max(rows, key=lambda row: auroc(lost, numbers(row)))


def _rows(part: Mapping[str, Any], name: str) -> Floats:
    return np.array(
        [numbers(run["predicted"][name]) for run in part["runs"] if name in run["predicted"]]
    )


def _regression(part: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Method]:
    return {to: Method(_rows(part, name)) for name, to in names.items()}


def _long_methods(long: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Method]:
    cells, facts = long["long"], long["long_facts"]
    found = {}
    for name, to in names.items():
        if name in facts["predicted"]:
            found[to] = Method(unpack(facts["predicted"][name]), facts["validation"][name])
        else:
            rows = np.stack([unpack(cell["predicted"][name]) for cell in cells])
            score = float(np.mean([cell["validation"][name] for cell in cells]))
            found[to] = Method(rows, score)
    return found


def planted_case(records: Records) -> Case:
    """Give the dependency planted over the longest distance: right or wrong, by seed.

    Parameters
    ----------
    records : mapping of str to RecordedRun
        "reach" and "recommendations".

    Returns
    -------
    case : Case
        Simulated; its predictions are shares of right answers.
    """
    distance = records["recommendations"].results["plan"]["distance"]
    reach = [c for c in records["reach"].results["planted"] if c["distance"] == distance]
    simple = records["recommendations"].results["planted"]
    methods = {
        "long_network": _accuracies([cell["accuracy"] for cell in reach]),
        "words": _accuracies([cell["accuracy"]["words"] for cell in simple]),
        "agreement": _accuracies([cell["accuracy"]["place that agrees"] for cell in simple]),
    }
    return Case(
        f"planted over {distance:,} bp", "planted word", "simulated", 150 * 32, np.ones(512),
        methods, metric="accuracy", is_long=True, is_simulated=True,
    )  # fmt: skip


def _accuracies(shares: Sequence[float], n: int = 512) -> Method:
    rows = [np.arange(n) < round(share * n) for share in shares]
    return Method(np.array(rows, dtype=np.float64), float(np.mean(shares)))
