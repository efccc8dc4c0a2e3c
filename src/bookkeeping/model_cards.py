"""Cards of the recorded tiny models: what each is, what it cost, and what it is not for."""

from __future__ import annotations

import html
from itertools import groupby
from statistics import fmean
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from hypecheck.ladder_result import WATTS_PER_CORE
from hypecheck.recorded import RECORDED, RecordedRun, RecordError, read_run

logger = logging.getLogger(__name__)
_TOKENIZERS = {
    "char": "single bases",
    "kmer3": "blocks of three bases",
    "bpe512": "byte-pair encoding, 512 tokens learnt on the corpus",
}


class ModelCards(SphinxDirective):
    """``{model-cards} run``: the language models that a recorded run pretrained."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the cards as folded details, and the command that makes the models again."""
        try:
            run = read_run(self.arguments[0])
        except RecordError as error:
            logger.warning("%s", error, location=self.get_location(), type="bookkeeping")
            return []
        models = run.results["pretraining"]
        families = groupby(models, key=lambda model: model["tokenizer"])
        cards = "".join(_card(run, name, list(seeds)) for name, seeds in families)
        again = (
            f"<p>Made by <code>{html.escape(run.command)}</code> at commit "
            f"<code>{html.escape(run.commit[:8])}</code>, in {run.cpu_hours:.1f} hours of "
            "processor time with everything that the run did besides.</p>"
        )
        markup = f'<div class="computed data-cards">{cards}{again}</div>'
        return [nodes.raw("", markup, format="html")]


def _card(run: RecordedRun, tokenizer: str, models: list[dict[str, Any]]) -> str:
    facts = {
        "Architecture": _architecture(run, models[0]),
        "Tokens": _TOKENIZERS.get(tokenizer, tokenizer),
        "Data": _data(run),
        "Objective": f"masked tokens, {run.results['plan']['pretraining']['steps']:,} steps of "
        f"{run.results['plan']['pretraining']['batch_size']} windows",
        "Cost": _cost(models),
        "What it learnt": _quality(models),
        "Weights kept": _weights(run, tokenizer, len(models)),
        "For": "showing mechanisms on the pages of this book, and as a rung of its ladder.",
        "Not for": "any use on real questions: it is some thousand times smaller than published "
        "models and saw a millionth of their data.",
    }
    terms = "".join(f"<dt>{term}</dt><dd>{html.escape(text)}</dd>" for term, text in facts.items())
    return (
        f'<details class="data-card" id="model-{tokenizer}"><summary><code>{run.name}-{tokenizer}'
        "</code> <span>a tiny transformer that reads "
        f"{html.escape(_TOKENIZERS.get(tokenizer, tokenizer))}</span></summary>"
        f"<dl>{terms}</dl></details>"
    )


def _architecture(run: RecordedRun, model: dict[str, Any]) -> str:
    plan = run.results["plan"]
    return (
        f"transformer encoder, {plan['n_layers']} layers, width {plan['d_model']}, relative "
        f"positions, {model['n_parameters']:,} parameters"
    )


def _data(run: RecordedRun) -> str:
    plan, corpus = run.results["plan"], run.results["corpus"]
    return (
        f"{corpus['bases']:,} bases of {plan['corpus']}, in {plan['n_windows']:,} windows of "
        f"{plan['length']}; {corpus['removed']:,} bases were removed first, because they share a "
        "word of 24 letters with a test sequence"
    )


def _cost(models: list[dict[str, Any]]) -> str:
    seconds = fmean(model["cpu_seconds"] for model in models)
    return (
        f"{seconds:.0f} s of one processor core a model, some "
        f"{seconds * WATTS_PER_CORE / 1000:.1f} kJ at an assumed {WATTS_PER_CORE:g} W"
    )


def _quality(models: list[dict[str, Any]]) -> str:
    bits = fmean(model["bits_per_base"] for model in models)
    tables = models[0]["markov_bits_per_base"]
    order = min(tables, key=tables.get)
    return (
        f"{bits:.3f} bits a hidden base on held-out windows; a table of its tokens scores "
        f"{models[0]['unigram_bits_per_base']:.3f}, and the best Markov model (order {order}), "
        f"which sees one side only, {tables[order]:.3f}"
    )


def _weights(run: RecordedRun, tokenizer: str, n_seeds: int) -> str:
    kept = len(list(RECORDED.glob(f"{run.name}-{tokenizer}-*.safetensors")))
    return f"{kept} of {n_seeds} seeds, in float16" if kept else "none: no page loads them"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("model-cards", ModelCards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
