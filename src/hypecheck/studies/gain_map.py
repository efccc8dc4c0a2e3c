"""One map of what pretraining gains over simple models: by labels, distance and protocol.

Cells come from two studies: label curves on three tasks, and training on one species with tests on
another. A cell is resolved if its paired difference is clear either way after Holm's correction
over all cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hypecheck.intervals import Interval
from hypecheck.label_curves import best_rung, label_counts, label_gain
from hypecheck.recorded import RecordedRun
from hypecheck.resampling import share_interval
from hypecheck.studies.gains_result import SpeciesPairs, clear
from hypecheck.studies.labels import PRETRAINED, SIMPLE


def gain_map(labels: Mapping[str, Any], gains: RecordedRun) -> dict[str, Interval]:
    """Gather the pretrained model's gain over the best simple model in every cell at hand.

    Parameters
    ----------
    labels : mapping
        ``recorded.read_run("labels").results``; the simple model is chosen on validation rows.
    gains : RecordedRun
        ``recorded.read_run("gains")``; its simple model is that of word counts.

    Returns
    -------
    cells : dict of str to Interval
        Matthews correlation, pretrained minus simple, by cell.
    """
    cells = {}
    for task, facts in labels["tasks"].items():
        for rung in PRETRAINED:
            if rung not in facts["rungs"]:
                continue
            for count in label_counts(labels, task, rung):
                simple = [name for name in SIMPLE if str(count) in facts["rungs"].get(name, {})]
                over = best_rung(labels, task, count, simple)
                gap = label_gain(labels, task, count, rung, over)
                cells[f"{task}, {rung}, {count} labels"] = gap
    for protocol, rows in SpeciesPairs(gains).map().items():
        cells |= {f"{protocol}, {row}": gap for row, gap in rows.items()}
    return cells


def share_resolved(cells: Mapping[str, Interval]) -> Interval:
    """Give the share of cells whose difference is clear either way.

    Parameters
    ----------
    cells : mapping of str to Interval
        At level .95, with standard errors.

    Returns
    -------
    share : Interval
        Wilson's, over cells; cells of one study are not independent.

    Examples
    --------
    >>> sure = Interval(0.2, 0.1, 0.3, standard_error=0.04, degrees_of_freedom=9)
    >>> unsure = Interval(0.1, -0.1, 0.3, standard_error=0.09, degrees_of_freedom=9)
    >>> share_resolved({"near": sure, "far": unsure}).estimate
    0.5
    """
    return share_interval(np.array(clear(list(cells.values()))) != "open")
