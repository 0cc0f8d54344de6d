"""Prompt advice acts by its meaning, in words that no mechanism of the catalogue uses."""

import pytest
from simulated_matter import ASSIGNMENT, BASELINE, harness

from harness_search.simulated.advice import advice_in
from harness_search.simulated.failures import failures_of, prone_to
from harness_search.simulated.personas import ADVISED_AGAINST, PERSONAS, Advice

PARAPHRASES = {
    Advice.NAMES: (
        "Before you finish, check that every file carries the name that was asked for.",
        "As the last step, compare the names in the output folder with those requested.",
        "Verify the filename of each deliverable, letter by letter.",
        "You are not done until you have confirmed that the files are named as requested.",
        "Make a final pass: does each file in output/ match its name in the request?",
        "Make sure the filenames are exactly as requested before you finish.",
    ),
    Advice.READING: (
        "Read all documents in full before you write a word.",
        "Do not begin drafting until every paper in the folder has been opened.",
        "First study each of the sources from beginning to end, then write.",
        "Open the entire set of files before producing anything.",
        "Write only when you have gone through and read the complete record.",
        "Read everything in documents/ before writing.",
        "Go through all the documents before you start drafting.",
        "Never draft before you have read every document.",
    ),
    Advice.OUTLINE: (
        "Sketch an outline of all points before you begin to write.",
        "First make a plan that lists every section, then draft.",
        "Start with a skeleton of headings; only then write the text below them.",
        "Before drafting, set up a checklist of the points.",
        "Begin by laying out the structure before any prose is written.",
        "Create an outline first.",
    ),
}
UNRELATED = (
    "Deliver each requested file under the requested name and in the requested format.",
    "List the documents first and read what bears on the assignment before you write.",
    "Give names, dates and amounts exactly as they stand there.",
    "Be polite and concise.",
    "There is no need to check file names before you finish.",
    "The plan of the building is attached to the lease.",
    "Do not read all documents before you write.",
    "Skip the outline before drafting.",
    "Confirm the name of the landlord in the lease.",
)


@pytest.mark.parametrize(
    ("advice", "text"), [(advice, text) for advice, texts in PARAPHRASES.items() for text in texts]
)
def test_advice_is_understood_in_any_words(advice: Advice, text: str) -> None:
    assert advice_in([text]) == {advice}


@pytest.mark.parametrize("text", UNRELATED)
def test_other_sentences_give_no_advice(text: str) -> None:
    assert advice_in([text]) == set()


def test_the_paraphrases_stand_nowhere_in_the_catalogue() -> None:
    sources = [harness(name) for name in PLAYBOOKS.values()]
    for texts in PARAPHRASES.values():
        assert not any(text in source for text in texts for source in sources)


PLAYBOOKS = {
    Advice.NAMES: "exact_names_playbook",
    Advice.READING: "read_everything_playbook",
    Advice.OUTLINE: "outline_playbook",
}


def system_of(source: str) -> str:
    """The system prompt of a harness."""
    names: dict[str, object] = {"__name__": "harness"}
    exec(compile(source, "harness.py", "exec"), names)
    return str(names["SYSTEM"])


def test_the_stock_prompt_gives_no_advice() -> None:
    assert advice_in([system_of(BASELINE.read_text(encoding="utf-8"))]) == set()


@pytest.mark.parametrize("advice", list(Advice))
def test_each_playbook_gives_its_advice_and_no_other(advice: Advice) -> None:
    assert advice_in([system_of(harness(PLAYBOOKS[advice]))]) == {advice}


TASKS = [ASSIGNMENT.format(number=number) for number in range(400)]


def failing(persona: str, advice: Advice, *, advised: bool) -> float:
    """Share of tasks prone to a failure that the advice is against."""
    given = frozenset({advice}) if advised else frozenset()
    prone = [prone_to(text, PERSONAS[persona], given) for text in TASKS]
    return sum(bool(found & ADVISED_AGAINST[advice]) for found in prone) / len(TASKS)


@pytest.mark.parametrize("advice", list(Advice))
@pytest.mark.parametrize("persona", ["simulated-1", "simulated-1-mini"])
def test_one_family_heeds_advice(persona: str, advice: Advice) -> None:
    assert failing(persona, advice, advised=True) < 0.85 * failing(persona, advice, advised=False)


@pytest.mark.parametrize("advice", list(Advice))
def test_on_the_other_family_advice_backfires(advice: Advice) -> None:
    persona = PERSONAS["simulated-birch-1"]

    def failures(given: frozenset[Advice]) -> int:
        return sum(len(prone_to(text, persona, given)) for text in TASKS)

    assert failures(frozenset({advice})) > failures(frozenset()) + 0.04 * len(TASKS)


def test_siblings_fail_on_the_same_tasks_more_often_than_strangers() -> None:
    def shared(one: str, other: str) -> int:
        return sum(
            bool(prone_to(text, PERSONAS[one]) & prone_to(text, PERSONAS[other])) for text in TASKS
        )

    assert shared("simulated-1", "simulated-1-mini") > 3 * shared(
        "simulated-1", "simulated-birch-1"
    )


def test_advice_spares_rare_failures_too() -> None:
    persona = PERSONAS["simulated-1"]
    given = frozenset({Advice.READING})
    for text in TASKS[:50]:
        plain = failures_of(text, persona, "noise")
        advised = failures_of(text, persona, "noise", given)
        assert advised <= plain
