"""Two files with the same code are the same harness, whatever they look like."""

import ast
from pathlib import Path

import pytest
from candidates import BASELINE, CATALOGUE, stacked
from hypothesis import given
from hypothesis import strategies as st

from harness_search.errors import InputError
from harness_search.promotion.validation import ast_digest, validate_candidate

FILE = Path("landing.py")
SOURCE = '''
"""A harness."""
LIMIT = 3

def solve(task, model):
    """Solve it."""
    found = [name for name in task.deliverables if name]  # all
    for number, name in enumerate(found):
        with model.opened(number) as reply:
            land(task, name, reply=reply)
    return lambda part: (found, part)

def land(task, name, reply, twice=LIMIT):
    try:
        return name
    except ValueError as error:
        raise TypeError("no such name here") from error
'''


def same(old: str, new: str) -> bool:
    assert old in SOURCE
    return ast_digest(SOURCE.encode()) == ast_digest(SOURCE.replace(old, new).encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # all", ""),
        ('"""Solve it."""', '"""Solve anything."""'),
        ('"""A harness."""', "# nothing"),
        ("found", "names"),
        ("number", "n"),
        ("error:", "error:\n"),
        (" as error", " as wrong"),
        ("LIMIT = 3", "LIMIT   =   (3)"),
        ("part", "rest"),
        ("twice=LIMIT", "again=LIMIT"),
    ],
)
def test_what_nobody_sees_does_not_count(old: str, new: str) -> None:
    if old == " as error":
        old, new = "as error:\n        raise TypeError(\"no such name here\") from error", (
            "as wrong:\n        raise TypeError(\"no such name here\") from wrong"
        )  # fmt: skip
    assert same(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("no such name", "no name"),
        ("deliverables", "documents"),
        ("def land", "def put"),
        ("name, reply, twice", "reply, name, twice"),
        ("reply=reply", "name=reply"),
        ("return name", "return task"),
        ("if name]", "if not name]"),
        ("twice=LIMIT", "twice=3"),
        ("twice=LIMIT", "*, twice=LIMIT"),
        ("enumerate(found)", "enumerate(task)"),
        ("ValueError", "KeyError"),
    ],
)
def test_what_it_does_counts(old: str, new: str) -> None:
    assert not same(old, new)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n    global y\n    y = x\n", "def f(x):\n    global z\n    z = x\n"),
        ("def f():\n    global y, z\n    y = 1\n    z = 2\n",
         "def f():\n    global y, z\n    z = 1\n    y = 2\n"),
        ("def f(a, b): return a - b\nf(a=1, b=2)\n", "def f(b, a): return b - a\nf(a=1, b=2)\n"),
        ("def f(x=x): return x\n", "def f(y=y): return y\n"),
        ("def f():\n    import a\n    a.b()\n", "def f():\n    import c\n    c.b()\n"),
        ("class C:\n    x = 1\n", "class C:\n    y = 1\n"),
        ("def f(x): return (x, y)\n", "def f(y): return (y, y)\n"),
        ('def f():\n    "a b c"\nprint(f.__doc__)\n', 'def f():\n    "d"\nprint(f.__doc__)\n'),
        ("def f():\n    x = 1\n    y = 2\n    return x\n",
         "def f():\n    x = 1\n    y = 2\n    return y\n"),
    ],
)  # fmt: skip
def test_names_that_other_code_sees_are_kept(one: str, other: str) -> None:
    assert ast_digest(one.encode()) != ast_digest(other.encode())


def test_every_mechanism_makes_a_harness_of_its_own() -> None:
    digests = {ast_digest(stacked([name]).encode()) for name in CATALOGUE}
    assert len(digests | {ast_digest(BASELINE.read_bytes())}) == len(CATALOGUE) + 1


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_file_written_anew_from_its_syntax_is_the_same(name: str) -> None:
    source = stacked([name])
    assert ast_digest(ast.unparse(ast.parse(source)).encode()) == ast_digest(source.encode())


NAMES = st.from_regex(r"[a-z]{3,8}", fullmatch=True).filter(lambda name: name not in {"def", "for"})


@given(st.lists(NAMES, min_size=3, max_size=3, unique=True), NAMES, NAMES)
def test_locals_may_be_called_anything(names: list[str], first: str, second: str) -> None:
    template = "def f(one_):\n    two_ = [three_ for three_ in one_]\n    return two_, CONSTANT\n"

    def called(*chosen: str) -> bytes:
        source = template
        for placeholder, name in zip(("one_", "two_", "three_"), chosen, strict=True):
            source = source.replace(placeholder, f"v_{name}")
        return source.encode()

    digest = ast_digest(called(*names))
    assert digest == ast_digest(called("a", "b", "c"))
    if first != second:
        assert digest != ast_digest(called(first, first, second))


# Held against the parent and all that was tried.


def test_a_candidate_with_one_mechanism_says_which() -> None:
    source = stacked(["deliverable_landing_gate"]).encode()
    found = validate_candidate(FILE, source, BASELINE.read_bytes(), {})
    assert found.kind == "one mechanism"
    assert found.added.startswith("code: land_deliverables, ")
    assert "edits in solve" in found.added


def test_a_candidate_with_two_says_both() -> None:
    source = stacked(["turn_counter", "outline_playbook"]).encode()
    found = validate_candidate(FILE, source, BASELINE.read_bytes(), {})
    assert found.kind == "mixed"
    assert len(found.reasons) == 2
    assert len(found.added) <= 300


def test_a_duplicate_is_refused_and_its_twin_is_named() -> None:
    baseline = BASELINE.read_bytes()
    source = stacked(["turn_counter"]).encode()
    tried = {"baseline": baseline, "counter_on_003": b"# later\n" + source}
    with pytest.raises(InputError, match="the same code as counter_on_003"):
        validate_candidate(FILE, source, baseline, tried)
