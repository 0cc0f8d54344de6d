"""A long conversation on a page of limited size."""

from conversations import calls, entries
from hypothesis import given
from hypothesis import strategies as st

from harness_search.analysis.entries import Conversation, Entry, Kind
from harness_search.pages.room import bytes_of, fitted
from harness_search.pages.turns import MOST_ENTRIES, turns_of


def test_of_a_long_conversation_the_beginning_and_the_end_are_shown() -> None:
    long = Conversation(tuple(entries(3 * MOST_ENTRIES, "said")), calls(2, 7_000), 5, {})
    turns = turns_of(long)
    (gap,) = [turn for turn in turns if "left out here" in " ".join(turn.remarks)]
    assert gap.remarks == ("3,000 entries of the conversation are left out here",)
    assert 0 < turns.index(gap) < len(turns) - 100
    assert turns[-1].remarks == ("5 more entries were not read",)
    assert turns[-2].number == 7_000


def test_calls_without_a_reply_stand_where_they_were_made() -> None:
    said = [
        Entry("1.0.0", 1, "user", Kind.TEXT, "Please", 6),
        Entry("3.1.0", 3, "assistant", Kind.TEXT, "Yes", 3),
    ]
    failed = calls(1, 2, end="failed", cause="status 529: Overloaded")
    turns = turns_of(Conversation(tuple(said), (*failed, *calls(3)), 0, {}))
    assert [(turn.speaker, turn.number, turn.trouble) for turn in turns] == [
        ("Harness", 1, ""),
        ("No reply", 1, "failed: status 529: Overloaded"),
        ("No reply", 2, "failed: status 529: Overloaded"),
        ("Model", 3, ""),
    ]


@given(
    st.text(st.sampled_from("a<&\"'\u202e\u00e9\n\x1b\U0001f600"), max_size=300),
    st.integers(1, 500),
)
def test_a_text_takes_no_more_than_its_room(text: str, room: int) -> None:
    found = fitted(text, room)
    assert len(found.shown.encode()) <= room
    assert found.characters == len(text) or found.note
    assert bytes_of(text) > room or found.characters == len(text)
