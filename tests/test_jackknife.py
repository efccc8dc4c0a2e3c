"""Equal to Student for a mean; covers a known truth; refuses what cannot be left out."""

import numpy as np
import pytest

from hypecheck.jackknife import jackknife_interval, member_difference, pair_interval
from hypecheck.seeds import seed_interval


def test_of_a_mean_it_is_students_interval():
    values = np.random.default_rng(0).normal(size=6)
    left_out = [np.delete(values, one).mean() for one in range(6)]
    ours, student = jackknife_interval(values.mean(), left_out), seed_interval(values)
    assert (ours.low, ours.high) == pytest.approx((student.low, student.high))


def test_pairs_cover_their_mean():
    rng, hits = np.random.default_rng(1), 0
    for _ in range(300):  # distance between members on a line: |a - b| has the mean 2 / sqrt(pi)
        places = rng.normal(size=6)
        hits += not pair_interval(abs(places[:, None] - places)).excludes(2 / np.sqrt(np.pi))
    assert 0.85 < hits / 300 <= 1.0


def test_difference_adds_variances():
    rng = np.random.default_rng(2)
    a, b = (pair_interval(abs(np.subtract.outer(x, x))) for x in rng.normal(size=(2, 5)))
    gap = member_difference(a, b)
    assert gap.estimate == pytest.approx(a.estimate - b.estimate)
    assert gap.standard_error == pytest.approx(np.hypot(a.standard_error, b.standard_error))
    assert gap.n_seeds == 5


def test_two_members_are_too_few():
    with pytest.raises(ValueError, match="three"):
        jackknife_interval(1.0, [1.0, 1.0])
