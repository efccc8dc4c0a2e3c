"""Exponents and memory of work that is known."""

import numpy as np
import pytest

from hypecheck.costs import exponents, peak_mebibytes, seconds_by_length
from hypecheck.sequence_families import SequenceModel


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_a_power_law_gives_its_exponent(power):
    lengths = [256, 512, 1024]
    seconds = 3e-6 * np.array([lengths, lengths], dtype=float) ** power
    assert exponents(seconds, lengths) == pytest.approx([power, power])


def test_memory_of_an_array_is_found():
    found = peak_mebibytes(lambda: np.ones(8 * 2**20))  # 64 MiB
    assert 60 < found < 90


def test_work_that_fails_is_told():
    def fail():
        raise SystemExit

    with pytest.raises(OSError, match="without an answer"):
        peak_mebibytes(fail)


def test_every_round_times_every_length():
    models = {"a": SequenceModel("convolution"), "b": SequenceModel("recurrence")}
    seconds = seconds_by_length(models, [8, 16], rounds=3)
    assert {name: rows.shape for name, rows in seconds.items()} == {"a": (3, 2), "b": (3, 2)}
    assert min(rows.min() for rows in seconds.values()) > 0
