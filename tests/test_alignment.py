"""Relatives over a reference: by hand, against planted changes, and as a property."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hypecheck.alignment import columns, variable
from hypecheck.sequences import UNKNOWN, encode


def test_a_lost_base_leaves_a_hole_and_an_inserted_one_no_column():
    reference = encode("ACGTACGTTTGACCA")
    lost, inserted = np.delete(reference, 4), np.insert(reference, 9, 2)
    rows = columns(reference, [lost, inserted])
    assert rows.shape == (3, len(reference))
    assert (rows[1] == UNKNOWN).sum() == 1
    assert (rows[2] == reference).all()


def test_planted_substitutions_are_the_variable_columns():
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 4, 500).astype(np.uint8)
    places = rng.choice(500, 20, replace=False)
    relative = reference.copy()
    relative[places] = (relative[places] + 1) % 4
    assert set(np.flatnonzero(variable(columns(reference, [relative])))) == set(places)


@given(st.lists(st.text("ACGTN", min_size=6, max_size=6), min_size=1, max_size=5))
def test_a_column_varies_if_it_holds_two_known_letters(sequences):
    found = variable(encode(sequences))
    expected = [len(set(column) - {"N"}) > 1 for column in zip(*sequences, strict=True)]
    assert found.tolist() == expected
