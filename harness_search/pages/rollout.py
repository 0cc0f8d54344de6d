"""The page of one rollout: the conversation, and beside it the deliverables and what the judge made
of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness_search.pages.passages import Passage, shown_deliverables
from harness_search.pages.room import Fitted, fitted, fitted_line
from harness_search.pages.site import Links, Site
from harness_search.pages.turns import turns_of
from harness_search.reports.rollout import JudgedCriterion, RolloutView

STYLES = ("rollout.css",)
MOST_CRITERIA = 400
ROOM_OF_CRITERIA = 500_000
"""Bytes of all their texts."""
LONGEST_OF_CRITERION = 6_000
LONGEST_TITLE = 600
ROOM_OF_LOG = 40_000
MOST_ATTEMPTS = 20
MOST_NOTES = 40
MOST_FILES = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A criterion on the page."""

    number: int
    criterion: JudgedCriterion
    title: Markup
    reason: Fitted
    asks: Fitted
    passages: tuple[Passage, ...]


def rollout_page(
    site: Site, view: RolloutView, links: Links, *, home: str = "", made_at: str = ""
) -> str:
    """A rollout on a page of its own, of less than 4 MB; `home`: where the name of the workspace
    leads."""
    criteria = view.criteria[:MOST_CRITERIA]
    files, passages = shown_deliverables(view.deliverables[:MOST_FILES], criteria)
    return site.page(
        "rollout.html",
        workspace=view.workspace,
        simulated=view.simulated,
        home=home,
        made_at=made_at,
        styles=STYLES,
        view=view,
        links=links,
        turns=turns_of(view.conversation) if view.conversation else None,
        files=files,
        files_left=max(0, len(view.deliverables) - MOST_FILES),
        rows=_rows(criteria, passages),
        rows_left=max(0, len(view.criteria) - MOST_CRITERIA),
        verdicts=Counter(item.verdict or "not judged" for item in view.criteria),
        log=fitted(view.log, ROOM_OF_LOG),
        earlier=[item for item in view.attempts if item.number != view.attempt.number][
            -MOST_ATTEMPTS:
        ],
        notes=view.notes[:MOST_NOTES],
        notes_left=max(0, len(view.notes) - MOST_NOTES),
    )


def _rows(criteria: Sequence[JudgedCriterion], passages: dict[int, list[Passage]]) -> list[Row]:
    room = min(LONGEST_OF_CRITERION, ROOM_OF_CRITERIA // max(len(criteria), 1)) // 2
    return [
        Row(
            number,
            item,
            fitted_line(item.title, min(room, LONGEST_TITLE)),
            fitted(item.reason, room),
            fitted(item.asks, room),
            tuple(_distinct(passages.get(number, []))),
        )
        for number, item in enumerate(criteria)
    ]


def _distinct(passages: list[Passage], most: int = 4) -> list[Passage]:
    return list(dict.fromkeys(passages))[:most]
