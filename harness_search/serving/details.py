"""The pages of candidates and rollouts, made when they are asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness_search.errors import InputError, SearchStoppedError
from harness_search.ledger.rows import Purpose
from harness_search.ledger.store import has_begun
from harness_search.serving.views import LINKS, Views
from harness_search.visible import one_line

HOME = "/"


class UnknownPageError(Exception):
    """There is no such candidate or rollout; the sentence says what there is instead."""


def candidate_page(views: Views, name: str) -> str:
    """A harness of the search, by its name or by what `show` takes; raises UnknownPageError, and
    UNREADABLE."""
    from harness_search.pages.candidate import candidate_page as made
    from harness_search.reports.candidate import subject_of

    with _unknown_said(views):
        return made(views.site, subject_of(views.looks.workspace(), name), LINKS, home=HOME)


def rollout_page(views: Views, harness: str, task: str, trial: int, purpose: str) -> str:
    """One rollout; raises UnknownPageError, and UNREADABLE."""
    from harness_search.pages.rollout import rollout_page as made
    from harness_search.reports.rollout import rollout_of

    if purpose not in {"", *Purpose}:
        raise UnknownPageError("There are no rollouts of this purpose.")
    kind = Purpose(purpose) if purpose else Purpose.SEARCH
    with _unknown_said(views):
        view = rollout_of(views.looks.workspace(), harness, task, trial, kind)
        return made(views.site, view, LINKS, home=HOME)


@contextmanager
def _unknown_said(views: Views) -> Iterator[None]:
    """What a person asked for is not there, or it cannot be read."""
    try:
        yield
    except SearchStoppedError as error:
        raise UnknownPageError(f"It is not shown yet: {error}") from error
    except InputError as error:
        is_asked = error.file == "command line"
        if is_asked or not has_begun(views.looks.layout.ledger):
            said = f"It is not there; expected: {one_line(error.expected, 400)}."
            raise UnknownPageError(said) from error
        raise
