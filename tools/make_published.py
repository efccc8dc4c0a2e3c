"""Transcribe the frozen-model scores on GUE into src/hypecheck/assets/published.

Run from the root of the repository with HYPECHECK_DATA set:

    python tools/make_published.py
"""

from pathlib import Path

from hypecheck import datasets

TARGET = Path("src/hypecheck/assets/published/dnafm_benchmark.csv")


def main() -> None:
    """Write mean-pooled MCC and AUC of every GUE task, four decimals, with the test size."""
    frames = datasets.load("results_dnafm_benchmark", offline=False).frames
    scores = frames["scores"].merge(frames["sizes"], on="task")
    kept = scores[(scores["gue"] != "") & (scores["pooling"] == "mean")]
    kept = kept.rename(columns={"train": "n_train", "test": "n_test"})
    columns = ["gue", "model", "mcc", "auc", "n_train", "n_test"]
    kept = kept.sort_values(["gue", "model"])[columns]
    kept.to_csv(TARGET, index=False, float_format="%.4f", lineterminator="\n")
    print(f"{TARGET}: {len(kept)} rows")


if __name__ == "__main__":
    main()
