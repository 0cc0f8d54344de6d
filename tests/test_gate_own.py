"""A gate of one's own is loaded by its name, and refused by the setting's name."""

import pytest
from comparisons import pairing

from harness_search.errors import InputError
from harness_search.promotion.gate import StagedGate, gate_of
from harness_search.promotion.rules import PRESETS

RULES = PRESETS["standard"]


def test_without_one_the_gate_is_the_project_s() -> None:
    assert gate_of(RULES, "") == StagedGate(RULES)


def test_a_gate_of_one_s_own_gets_the_rules_and_decides() -> None:
    decision = gate_of(RULES, "own_gates:Generous").decide(pairing([], [], {"a/t": 1}))
    assert (decision.verdict, decision.reason) == ("promote", "1.0 points, or none at all.")


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ("no_such_module:Gate", "No module named 'no_such_module'"),
        ("own_gates:Missing", "has no attribute 'Missing'"),
        ("own_gates", "'own_gates'"),
        (":Gate", "Empty module name"),
        ("own_gates:undeciding", "which gives a GateRules without `decide`"),
        ("fractions:Fraction", "argument should be a string or a Rational"),
    ],
)
def test_what_is_no_gate_is_refused_by_the_name_of_the_setting(own: str, found: str) -> None:
    with pytest.raises(InputError, match=r"promotion\.gate") as refused:
        gate_of(RULES, own)
    assert found in str(refused.value)
    assert "expected module:factory" in str(refused.value)
