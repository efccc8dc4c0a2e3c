"""``python -m benchmarks [WORD ...]``: run the benchmarks whose name or file holds a word."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path

from benchmarks.harness import Benchmark, Result, run

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "_build" / "benchmarks.json"


def collect(words: list[str]) -> list[Benchmark]:
    """All benchmarks of ``bench_*.py``, or those whose file or else whose name holds a word."""
    stems = [path.stem for path in sorted(Path(__file__).parent.glob("bench_*.py"))]
    named = [stem for stem in stems if any(word in stem for word in words)]
    modules = [importlib.import_module(f"benchmarks.{stem}") for stem in named or stems]
    return [
        benchmark
        for module in modules
        for benchmark in module.BENCHMARKS
        if named or not words or any(word in benchmark.name for word in words)
    ]


def row(result: Result) -> str:
    """One line of the printed table."""
    memory = "" if result["peak_memory"] is None else f"{result['peak_memory']:.2f}x"
    return (
        f"{result['name']:<44} {result['ratio']:8.2f} [{result['low']:.2f}, {result['high']:.2f}]"
        f"  must {result['must_reach']:g}  {result['verdict']:<12}"
        f" {result['seconds_ours']:.4f} s v {result['seconds_peer']:.4f} s {memory}"
    )


def save(results: list[Result]) -> None:
    """Merge by name into ``_build/benchmarks.json``, so that a partial run forgets nothing."""
    known = json.loads(RESULTS.read_text())["results"] if RESULTS.exists() else {}
    known |= {result["name"]: result for result in results}
    RESULTS.parent.mkdir(exist_ok=True)
    content = {"machine": platform.platform(), "results": known}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")


def main() -> int:
    """Run, print, save; 1 if a mark was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("words", nargs="*", help="parts of names; none means all")
    parser.add_argument("--pairs", type=int, default=7, help="interleaved pairs (default 7)")
    options = parser.parse_args()
    chosen = collect(options.words)
    if not chosen:
        parser.error(f"no benchmark matches {options.words}")
    results: list[Result] = []
    for benchmark in chosen:
        results.append(run(benchmark, pairs=options.pairs))
        print(row(results[-1]), flush=True)
        save(results)
    return int(any(result["verdict"] == "not reached" for result in results))


if __name__ == "__main__":
    sys.exit(main())
