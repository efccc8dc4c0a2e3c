"""The language of the rules: what it says, and what it refuses."""

import pytest
from scipy import stats

from bookkeeping.results import Result
from bookkeeping.rules import Expression, Facts, Rule, RuleError
from hypecheck.resampling import Interval as OurInterval
from hypecheck.resampling import compare, holm


def result(name, value, half=None, **more):
    ends = (None, None) if half is None else (value - half, value + half)
    return Result(name, value, *ends, **more)


def facts(*results, **more):
    return Facts({r.name: r for r in results}, **more)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ('value("a.b.c") == 2', True),
        ('1 < value("a.b.c") <= 2 < 3', True),
        ('not value("a.b.c") > 2 and value("a.b.d") == 3', True),
        ('value("a.b.c") + 2 * value("a.b.d") / 3 - 1 == 3', True),
        ('-value("a.b.c") < 0 or value("a.b.d") > 100', True),
        ('max(value("a.b.c"), value("a.b.d"), 1) == 3 and min(4, 5) == 4 and abs(-2) == 2', True),
        ('count(value("a.b.c") > 1, value("a.b.d") > 1, 1 > 2) == 2', True),
        ('low("a.b.i") > 0.4 and high("a.b.i") < 0.6', False),
        ('seeds("a.b.i") == 5 and enough_seeds("a.b.i")', True),
        ('enough_seeds("a.b.i", "a.b.c")', False),
        ('verdict("X.1") == "holds in part" and supported("X.1") and not refuted("X.1")', True),
        ('known("X.1", "X.2", "X.3") == 2 and refuted("X.2")', True),
    ],
)
def test_words_by_hand(text, truth):
    known = facts(
        result("a.b.c", 2.0),
        result("a.b.d", 3.0),
        result("a.b.i", 0.5, 0.1, seeds=5),
        verdicts={"X.1": "holds in part", "X.2": "does not hold", "X.3": "not yet run"},
    )
    assert Expression(text)(known) is truth


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__",
        "[x for x in (1,)]",
        "lambda: 1",
        'value("a.b.c").real',
        'value(name="a.b.c")',
        "exec('1')",
        "f'{1}'",
        "a.b.c > 1",
        "(x := 1)",
        "2 ** 99999",
        'value("a.b.c"',
        "",
    ],
)
def test_all_else_is_refused(text):
    with pytest.raises(RuleError):
        Expression(text)


def test_what_an_expression_reads():
    text = 'beats("a.b.c") and low("a.b.d") > 0.5 or supported("X.1")'
    expression = Expression(text)
    assert expression.read("names") == ("a.b.c", "a.b.d")
    assert expression.read("claims") == ("X.1",)
    assert expression.read("tested") == ("a.b.c",)


@pytest.mark.parametrize(
    ("name", "message"),
    [("a.b.none", "nobody published"), ("a.b.text", "sentence"), ("a.b.bare", "no 95% interval")],
)
def test_results_that_a_rule_cannot_use(name, message):
    known = facts(result("a.b.text", "words"), result("a.b.bare", 1.0))
    with pytest.raises(RuleError, match=message):
        Expression(f'low("{name}") > 0')(known)


def test_an_interval_of_another_level_is_refused():
    known = facts(result("a.b.c", 0.2, 0.1, level=0.9))
    with pytest.raises(RuleError, match="no 95% interval"):
        Expression('beats("a.b.c")')(known)


@pytest.mark.parametrize("seeds", [None, 5, 20])
@pytest.mark.parametrize("value", [-0.2, -0.05, -0.028, 0.0, 0.005, 0.028, 0.05, 0.2])
@pytest.mark.parametrize("error", [0.002, 0.015, 0.05])
def test_words_agree_with_the_package(value, error, seeds):
    """The ledger judges by the definitions that the ladder prints."""
    freedom = seeds - 1 if seeds else 1e9
    interval95, interval90 = (
        OurInterval(value, value - half, value + half, level=level, n_seeds=seeds)
        for level in (0.95, 0.90)
        for half in [float(stats.t.ppf((1 + level) / 2, freedom)) * error]
    )
    half = interval95.high - value
    known = facts(result("a.b.c", value, half, seeds=seeds))
    word = compare(interval95, interval90, 0.03)
    assert Expression('beats("a.b.c")')(known) == (word == "beats")
    assert Expression('loses("a.b.c")')(known) == (word == "loses")
    inside = Expression('matches("a.b.c")')(known)
    assert inside == (interval90.low > -0.03 and interval90.high < 0.03)
    assert Expression('not_worse("a.b.c", 0.03) and no_better("a.b.c")')(known) == inside


def test_holm_counts_the_tests_of_one_kind():
    half = 0.1
    near = result("a.b.near", 0.11, half)
    others = [result(f"a.b.c{i}", 0.105, half) for i in range(3)]
    alone = facts(near)
    crowd = facts(near, *others, tested=["a.b.near", *(r.name for r in others)])
    recorded = [result(r.name, 0.105, half, kind="recorded") for r in others]
    apart = facts(near, *recorded, tested=["a.b.near", *(r.name for r in others)])
    beats = Expression('beats("a.b.near")')
    assert beats(alone)
    assert not beats(crowd)
    assert beats(apart)
    p = 2 * stats.norm.sf(0.11 / half * stats.norm.ppf(0.975))
    assert crowd.adjusted_p("a.b.near") == pytest.approx(4 * p)
    assert crowd.adjusted_p("a.b.near") == pytest.approx(
        holm([p, *(2 * stats.norm.sf(0.105 / half * stats.norm.ppf(0.975)),) * 3])[0]
    )


def test_first_true_case_decides_and_needs_come_first():
    rule = Rule.from_mapping(
        {
            "reads": "In words.",
            "needs": 'enough_seeds("a.b.c")',
            "holds": 'low("a.b.c") > 0',
            "holds in part": 'value("a.b.c") > 0',
            "does not hold": 'high("a.b.c") < 0',
        }
    )
    verdict = {
        (0.2, 0.1, 5): "holds",
        (0.2, 0.3, 5): "holds in part",
        (-0.2, 0.1, 5): "does not hold",
        (-0.2, 0.3, 5): "not resolved here",
        (0.2, 0.1, 4): "not resolved here",
        (-0.2, 0.1, None): "not resolved here",
    }
    for (value, half, seeds), expected in verdict.items():
        assert rule(facts(result("a.b.c", value, half, seeds=seeds))) == expected


@pytest.mark.parametrize(
    "cases", [{}, {"maybe": "1 > 0"}, {"not resolved here": "1 > 0"}], ids=["none", "other", "open"]
)
def test_a_rule_needs_known_verdicts(cases):
    with pytest.raises(RuleError, match="needs cases"):
        Rule.from_mapping({"reads": "In words.", **cases})


def test_digest_follows_what_decides_and_not_its_layout():
    raw = {"reads": "In words.", "holds": 'low("a.b.c") > 0'}
    same = {"reads": "In other words.", "holds": 'low("a.b.c")\n   > 0'}
    digest = Rule.from_mapping(raw).digest
    assert Rule.from_mapping(same).digest == digest
    for change in (
        {"holds": 'low("a.b.c") > 0.1'},
        {"margin": 0.1},
        {"needs": 'seeds("a.b.c") > 1'},
        {"does not hold": 'high("a.b.c") < 0'},
    ):
        assert Rule.from_mapping(raw | change).digest != digest
