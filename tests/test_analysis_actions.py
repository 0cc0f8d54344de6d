"""What a rollout did: kinds of actions, documents looked into, turns, length."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transcripts import assistant, reply_of, user

from harness_search.analysis.actions import Action, ActionMix, action_of, action_of_command
from harness_search.analysis.activity import Activity, count_words, read_activity
from harness_search.analysis.documents import Documents
from harness_search.gateway.transcript import TranscriptWriter

LEASE = "The annual rent is 100,000 USD, payable in advance.\nSigned."
LETTER = "The security deposit is 25,000 USD, held in escrow.\nSigned."
SAME = "This line stands in both of the documents, word for word."
TEXTS = {
    "lease.txt": f"{LEASE}\n{SAME}",
    "side letter.docx": f"{LETTER}\n{SAME}",
    "old/lease.txt": "A lease that was superseded a long time ago by another one.",
    "a side letter.docx": "",
}


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("read", Action.READ),
        ("glob", Action.READ),
        ("docx_inspect", Action.READ),
        ("ListDocuments", Action.READ),
        ("write_docx", Action.WRITE),
        ("MultiEdit", Action.WRITE),
        ("reconcile_numbers", Action.TOOL),
        ("Skill", Action.TOOL),
        ("bash", Action.TOOL),  # without a command
        ("frobnicate", Action.OTHER),
        ("", Action.OTHER),
    ],
)
def test_a_tool_is_known_by_the_words_of_its_name(name: str, action: Action) -> None:
    assert action_of(name, {}) is action


@pytest.mark.parametrize(
    ("command", "action"),
    [
        ("cat documents/a.txt | head", Action.READ),
        ("cd documents && rg -n rent .", Action.READ),
        ("ls -la 2>/dev/null", Action.READ),
        ("grep 'a > b' x", Action.READ),
        ("LC_ALL=C timeout 30 sort x", Action.READ),
        ("for f in *; do cat $f; done", Action.READ),
        ("/usr/bin/wc -w output/memo.md", Action.READ),
        ("cat > output/memo.md <<'EOF'\nlsof\nEOF", Action.WRITE),
        ("echo done >> log", Action.WRITE),
        ("sed -i s/a/b/ memo.md", Action.WRITE),
        ("mkdir -p output && python3 make.py", Action.WRITE),
        ("python3 - <<'EOF'\nprint(1)\nEOF", Action.TOOL),
        ("python3 make.py > out.txt", Action.TOOL),
        ("./check.sh", Action.TOOL),
        ("cd x\n\nnode a.js", Action.TOOL),
        ("echo done", Action.OTHER),
        ("cat 'no end", Action.READ),
        ("", Action.OTHER),
    ],
)
def test_a_shell_command_is_known_by_its_first_verb(command: str, action: Action) -> None:
    assert action_of_command(command) is action
    assert action_of("bash", {"command": command}) is action


@given(st.text(max_size=60))
def test_no_command_breaks_the_classifier(command: str) -> None:
    assert action_of_command(command) in Action


def recorded(file: Path, *turns: tuple[str, dict[str, Any], str, bool]) -> Activity:
    """A rollout with one tool call a turn: tool, arguments, result, whether that is an error."""
    messages = [user("Please look at lease.txt.")]
    with closing(TranscriptWriter(file)) as writer:
        for number, (tool, arguments, result, failed) in enumerate(turns, start=1):
            call = {"type": "tool_use", "id": f"t{number}", "name": tool, "input": arguments}
            writer.request(number, f"d{number}", {"messages": messages})
            writer.reply(number, 200, {"content": [call]})
            answer = {"type": "tool_result", "tool_use_id": f"t{number}", "content": result}
            messages += [assistant([call]), user([{**answer, "is_error": failed}])]
        last = len(turns) + 1
        writer.request(last, f"d{last}", {"messages": messages})
        writer.reply(last, 200, reply_of("Done."))
    return read_activity(file, Documents.of(TEXTS))


def test_calls_are_counted_by_kind_and_replies_as_turns(tmp_path: Path) -> None:
    found = recorded(
        tmp_path / "t",
        ("glob", {"pattern": "*"}, "documents/side letter.docx", False),
        ("bash", {"command": "python3 x.py"}, "", False),
        ("write", {"file_path": "memo.md", "content": "see side letter.docx"}, "ok", False),
        ("frob", {}, "", False),
    )
    assert found.actions == ActionMix(read=1, tool=1, write=1, other=1)
    assert (found.turns, found.actions.total) == (5, 4)
    # a listing shows names, a memo cites them: neither is a look into the document
    assert found.coverage.looked_into == 0


def test_a_document_counts_when_it_is_opened_by_its_own_name_and_that_worked(
    tmp_path: Path,
) -> None:
    found = recorded(
        tmp_path / "t",
        ("bash", {"command": "cat documents/a\\ side\\ letter.docx"}, "text", False),
        ("read", {"file_path": "documents/old/lease.txt"}, "text", False),
        ("read", {"file_path": "documents/side letter.docx"}, "ValueError: damaged", True),
    )
    # `side letter.docx` within `a side letter.docx` is none, nor is lease.txt in old/lease.txt
    assert found.coverage.by_name == {"a side letter.docx", "old/lease.txt"}
    assert found.coverage.share == 0.5


def test_a_name_counts_as_a_whole_word_and_where_it_means_one_document() -> None:
    documents = Documents.of({"a/lease.txt": "", "b/lease.txt": "", "c/memo.md": ""})
    assert documents.named_in(["lease.txt", "mymemo.md", "memo.mdx"]) == set()
    assert documents.named_in(["b/lease.txt", "memo.md"]) == {"b/lease.txt", "c/memo.md"}


def test_a_document_counts_when_a_line_of_its_own_was_shown(tmp_path: Path) -> None:
    hit = LETTER.splitlines()[0]
    found = recorded(
        tmp_path / "t",
        ("bash", {"command": "cat documents/*"}, f"  {LEASE}\n{SAME}\n", False),
        ("grep", {"pattern": "deposit"}, f"documents/side letter.docx: {hit}", False),
    )
    assert found.coverage.by_text == {"lease.txt", "side letter.docx"}
    only_shared = recorded(tmp_path / "u", ("bash", {"command": "x"}, f"{SAME}\nSigned.", False))
    assert only_shared.coverage.looked_into == 0


def test_a_document_that_the_harness_puts_into_a_message_counts_as_shown(tmp_path: Path) -> None:
    file = tmp_path / "t"
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "d", {"messages": [user(f"Here it is:\n{LEASE}")]})
    assert read_activity(file, Documents.of(TEXTS)).coverage.by_text == {"lease.txt"}


def test_a_task_without_documents_has_no_coverage(tmp_path: Path) -> None:
    file = tmp_path / "t"
    file.write_text('{"call": 1, "req')
    found = read_activity(file, Documents.of({}))
    assert found.coverage.share is None
    assert found.damaged_lines == 1


PATHS = st.from_regex(r"([ab]/)?[ab]{1,2}( [ab]{1,2})?\.txt", fullmatch=True)


@given(st.dictionaries(PATHS, st.text(max_size=80), max_size=5))
def test_every_document_is_found_by_its_own_whole_name_and_no_other_is_by_its_lines(
    texts: dict[str, str],
) -> None:
    documents = Documents.of(texts)
    for name, text in texts.items():
        assert documents.named_in([f"cat 'documents/{name}'"]) == {name}
        assert documents.shown_in(text) <= {name}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# Rent\n\n| a | b |\n|---|---|\n\n- 1,250.50 USD of the client's", 8),
        ("", 0),
        ("** -- ##", 0),
    ],
)
def test_marks_of_markdown_are_no_words(text: str, words: int) -> None:
    assert count_words(text) == words
