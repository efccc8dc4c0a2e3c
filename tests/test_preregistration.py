"""A card cannot be changed after the fact without notice."""

from dataclasses import fields, replace

import pytest

from hypecheck.intervals import Interval
from hypecheck.preregistration import Card, ChangedCardError, judge, smallest_visible_gain

CARD = Card("A beats B", "toy", "random", "A", "B", "none", "MCC", 0.03, 5, 400, "validation")


def around(estimate, error=0.005):
    spread = 2.5 * error
    return Interval(
        estimate,
        estimate - spread,
        estimate + spread,
        standard_error=error,
        degrees_of_freedom=10,
    )


@pytest.mark.parametrize(
    ("estimate", "verdict"), [(0.1, "beats"), (0.0, "matches"), (-0.1, "loses")]
)
def test_verdicts(estimate, verdict):
    assert judge(CARD, CARD.stamp(), around(estimate)) == verdict


def test_every_line_is_in_the_stamp():
    for field in fields(Card):
        value = getattr(CARD, field.name)
        other = replace(CARD, **{field.name: value + ("!" if isinstance(value, str) else 1)})
        assert other.stamp() != CARD.stamp()
        with pytest.raises(ChangedCardError, match=CARD.stamp()):
            judge(other, CARD.stamp(), around(0.1))


@pytest.mark.parametrize(("line", "value"), [("control", " "), ("margin", 0.0), ("seeds", 0)])
def test_an_empty_line_is_refused(line, value):
    with pytest.raises(ValueError, match=line):
        replace(CARD, **{line: value})


def test_visible_gain_by_hand():
    assert smallest_visible_gain(400, 0.04, z=2) == pytest.approx(0.04)
    with pytest.raises(ValueError, match="need a size and a share"):
        smallest_visible_gain(0, 0.1)
