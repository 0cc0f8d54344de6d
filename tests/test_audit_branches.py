"""A branch on a task's identity is found however it is spelt, and honest code for what it is."""

import ast

import audited
import pytest
from audited import BASE, with_code
from hypothesis import given
from hypothesis import strategies as st

from harness_search.audit.candidate import CandidateTexts, audit_candidate
from harness_search.audit.knowledge import Knowledge
from harness_search.audit.report import AuditReport
from harness_search.audit.source import LONGEST_FOLDED, folded

COMPANY = audited.company(5)
HALF, REST = COMPANY[:5], COMPANY[5:]
HASHES = """
import hashlib
from zlib import crc32 as check
digest_of = hashlib.sha256
"""
LENGTHS = 'ADVICE = {66: "a", 2_874: "b"}'
SPELLINGS = {
    "a length by name": (LENGTHS, "size = len(task.instructions)\n    if size == 2_874: print()"),
    "a length in a table": (LENGTHS, "ADVICE.get(len(task.instructions))"),
    "a length as a key": (LENGTHS, "size = len(task.instructions)\n    ADVICE[size]"),
    "a length in a match": (LENGTHS, "match len(task.instructions):\n        case 2_874: pass"),
    "a checksum by another name": (HASHES, "if check(task.instructions.encode()) == 3_055: 1"),
    "a digest by another name": (
        HASHES,
        "if digest_of(task.instructions.encode()).hexdigest() == 'ab': 1",
    ),
    "a sum of letters": ("", "if sum(map(ord, task.instructions)) % 9_973 == 1_234: print()"),
    "a sum of bytes": (LENGTHS, "ADVICE.get(sum(task.instructions.encode()))"),
    "a name backwards": ("", f"if {COMPANY[::-1]!r}[::-1] in task.instructions: print()"),
    "a name in pieces": ("", f"if '{{}}{{}}'.format({HALF!r}, {REST!r}) in task.instructions: 1"),
    "a name in percents": ("", f"if '%s%s' % ({HALF!r}, {REST!r}) in task.instructions: 1"),
    "a name with a filling": (
        "",
        f"if {'_'.join(COMPANY)!r}.replace('_', '') in task.instructions: print()",
    ),
    "a pattern of one letter": (
        "import re",
        f"if re.search({f'[{COMPANY[0]}]{COMPANY[1:]}'!r}, task.instructions): print()",
    ),
}
HONEST = {
    "a bound on the length": "if len(task.instructions) > 20_000: print()",
    "a short assignment": "if len(task.instructions) == 0: print()",
    "a share of the length": "room = 60_000 - len(task.instructions)\n    if room < 9_000: print()",
    "a number of documents": "if len(list(task.documents.iterdir())) == 120: print()",
    "a sum of sizes": "if sum(p.stat().st_size for p in task.documents.iterdir()) > 5_000: 1",
    "a size in bytes": "if sum(len(m['content'].encode()) for m in messages) > 200_000: print()",
    "lines of a paper": "if sum(1 for line in str(task).encode().splitlines()) > 500: print()",
    "chunks": "[task.instructions[i : i + 2_000] for i in range(0, len(task.instructions), 2_000)]",
    "a clip": "text = task.instructions\n    text[:4_000] + text[len(text) - 4_000 :]",
    "room for papers": "print(str(task)[: 60_000 - len(task.instructions)])",
    "a paragraph's end": "task.instructions.find('x', min(len(task.instructions), 4_000))",
    "a size by name": (
        "size = 'small' if len(task.instructions) < 2_000 else 'large'\n"
        "    {'small': 4_000, 'large': 9_000}[size]"
    ),
    "a filled template": "note = 'Read {} of {}.'.format(1, 200)\n    if note: print()",
}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    return audited.knowledge_of(tmp_path_factory.mktemp("benchmark"))


def audit(code: str, call: str, known: Knowledge) -> AuditReport:
    return audit_candidate(CandidateTexts(with_code(code, call), BASE, "", {}), known)


@pytest.mark.parametrize(("code", "call"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_another_spelling_of_a_branch_is_rejected(known: Knowledge, code: str, call: str) -> None:
    found = {(item.rule, item.severity.value) for item in audit(code, call, known).findings}
    assert ("branch", "reject") in found


@pytest.mark.parametrize("call", HONEST.values(), ids=HONEST.keys())
def test_an_honest_condition_is_none(known: Knowledge, call: str) -> None:
    assert audit("", call, known).findings == ()


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="%{}"), max_size=20)


@given(TEXT, TEXT, TEXT)
def test_a_text_of_constants_is_read_as_python_reads_it(
    first: str, second: str, third: str
) -> None:
    for source in (
        f"{first!r} + {second!r}",
        f"{first!r}.join([{second!r}, {third!r}])",
        f"'{{}}-{{}}'.format({first!r}, {second!r})",
        f"'%s-%s' % ({first!r}, {second!r})",
        f"{first!r}.replace({second!r}, {third!r})",
        f"{first!r}[::-1]",
    ):
        tree = ast.parse(source, mode="eval")
        assert folded(tree.body) == eval(source)


@pytest.mark.parametrize(
    "source",
    [
        "'{x}'.format(x='a')",
        "'{:>9}'.format('a')",
        "'%d' % 3",
        "'a'[:1]",
        "name.replace('a', 'b')",
        f"{'a' * 1_000!r}.replace('a', {'b' * 1_000!r})",
    ],
)
def test_what_is_no_plain_text_of_constants_is_left(source: str) -> None:
    text = folded(ast.parse(source, mode="eval").body)
    assert text is None or len(text) <= LONGEST_FOLDED
