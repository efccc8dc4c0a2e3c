"""Published rows in which a model was compared with its own random start.

Design choices

- A row counts as a gain if pretraining adds more than the spread between seeds: that which another
  paper printed for the same model on the same data set, or the book's margin where none is printed.
- Scores stay in the units of their table; only the sign of gain less spread is used.
"""

from __future__ import annotations

import pandas as pd

from hypecheck.recorded import published

MARGIN = 3.0  # points, where no spread between seeds was printed


def published_gains() -> pd.DataFrame:
    """Gather the rows of all tables that hold a model and its random start.

    Returns
    -------
    rows : DataFrame
        Columns table, model, task, gain and spread, both in points.

    Examples
    --------
    >>> rows = published_gains()
    >>> rows["model"].nunique() > 5, bool((rows["spread"] > 0).all())
    (True, True)
    """
    gb = published("nguyen2023_gb").frame.set_index("dataset")
    spread = published("schiff2024_gb").frame.set_index("dataset")["hyenadna_spread"]
    rows = [
        ("nguyen2023_gb", model, task, row[f"{name}_pretrained"] - row[f"{name}_scratch"], noise)
        for model, name in (("GPT of its authors", "gpt"), ("HyenaDNA", "hyenadna"))
        for (task, row), noise in zip(gb.iterrows(), spread.loc[gb.index], strict=True)
    ]
    nt = published("nguyen2023_nt").frame
    rows += [
        ("nguyen2023_nt", "HyenaDNA", task, gain, MARGIN)
        for task, gain in zip(nt["task"], nt["pretrained"] - nt["scratch"], strict=True)
    ]
    means = published("vishniakov2024_gain").frame
    rows += [
        ("vishniakov2024_gain", model, "mean of tasks", 100 * gain, MARGIN)
        for model, gain in zip(means["model"], means["value"], strict=True)
    ]
    return pd.DataFrame(rows, columns=["table", "model", "task", "gain", "spread"])
