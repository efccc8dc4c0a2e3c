"""What the chapter on names reads from records."""

import numpy as np
import pytest

from hypecheck import recorded
from hypecheck.intervals import Interval
from hypecheck.seeds import grid_interval
from hypecheck.studies import nomenclature


def test_grid_interval_by_hand():
    found = grid_interval([[1.0, 3.0], [3.0, 5.0]])  # row means 2, 4; column means 2, 4
    assert found.estimate == 3.0
    assert found.standard_error == pytest.approx(np.sqrt(2 / 2 + 2 / 2))
    assert (found.n, found.n_seeds, found.degrees_of_freedom) == (2, 2, 1.0)


def test_grid_interval_needs_two_of_both():
    with pytest.raises(ValueError, match="two seeds and two cases"):
        grid_interval([[1.0, 2.0]])


def test_difference_of_scores_adds_variances():
    one = Interval(0.7, 0.6, 0.8, n=9, standard_error=0.03, degrees_of_freedom=4, n_seeds=5)
    other = Interval(0.4, 0.3, 0.5, n=7, standard_error=0.04, degrees_of_freedom=3, n_seeds=5)
    found = nomenclature.difference_of_scores(one, other)
    assert found.standard_error == pytest.approx(0.05)
    assert (found.n, found.degrees_of_freedom) == (7, 3)


def test_recorded_bits_have_their_shape():
    run = recorded.read_run("nomenclature")
    for reader in ("char", "kmer3"):
        bits, distances = nomenclature.recorded_bits(run, reader)
        assert bits.shape == (5, 500, len(distances))
        assert (bits <= 0).all()
        assert distances[0] == 0
        assert bits[:, :, -1].mean() > bits[:, :, 0].mean()


def test_family_gains_agree_with_the_ladders():
    families = nomenclature.FamilyGains(recorded.read_run("families"))
    assert len(families.farthest()) == round(len(families.names) / 3)
    assert list(families.distance.values()) == sorted(families.distance.values())
    table = families.gains_by_seed()
    assert table.shape == (5, len(families.names))
    for column, name in zip(table.T, families.names, strict=True):
        assert column.mean() == pytest.approx(families.gain(name).estimate)
    one = families.names[:1]
    assert families.mean_gain(one).standard_error == pytest.approx(
        families.gain(one[0]).standard_error, rel=1e-6
    )
