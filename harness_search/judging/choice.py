"""Which judge a search has, before it is opened: its profile, its version, its price."""

from pathlib import Path
from typing import TYPE_CHECKING

from harness_search.errors import InputError
from harness_search.gateway.prices import Price, price_of, read_prices
from harness_search.layout import Layout
from harness_search.profiles import Profile
from harness_search.settings import Settings

if TYPE_CHECKING:
    from harness_search.judging.model.judge import JudgeTerms

CHARACTERS_A_TOKEN = 3
"""At the least, in English prose: what is longer than a model can read fails unread."""
CHECKS = "checks"
"""The judge that needs no profile."""


def judge_name(settings: Settings) -> str:
    """The profile of the search's judge, or `checks`."""
    return settings.judge.profile if settings.judge.kind == "model" else CHECKS


def judge_version(settings: Settings) -> str:
    """Of the judge that the settings name; stored with every row."""
    name, second = judge_name(settings), settings.judge.second
    if name == CHECKS:
        from harness_search.judging.deterministic import JUDGE_VERSION

        return JUDGE_VERSION
    first = judge_terms(settings, name).version
    return f"{first}+{judge_terms(settings, second).version}" if second else first


def judge_profile(settings: Settings, name: str, file: Path | str = "settings") -> Profile:
    """The profile of a judge; raises InputError for one unknown to the settings in `file`."""
    profile = settings.profiles.get(name)
    if profile is None:
        known = ", ".join(sorted(settings.profiles))
        field = "judge.second" if name == settings.judge.second else "judge.profile"
        raise InputError(file, field, repr(name), f"one of: {known}")
    return profile


def judge_terms(settings: Settings, name: str) -> "JudgeTerms":
    """All about the judge of a profile that may change a verdict."""
    from harness_search.judging.model.judge import LONGEST_SCOPE, JudgeTerms
    from harness_search.judging.model.prompt import CallTerms

    profile, judge = judge_profile(settings, name), settings.judge
    call = CallTerms(
        profile.model,
        structured=judge.structured,
        chunk=judge.chunk,
        cache_minutes=judge.cache_minutes,
        most_tokens=judge.most_tokens,
        sampling=profile.sampling,
    )
    known = None if profile.simulated else profile.context_tokens
    longest = LONGEST_SCOPE if known is None else min(LONGEST_SCOPE, CHARACTERS_A_TOKEN * known)
    # A second judge is shown a few criteria of each deliverable: a fail among them says nothing of
    # how near it is to passing all.
    endpoint = "" if profile.simulated else profile.base_url
    return JudgeTerms(name, call, longest, read_again=name != judge.second, endpoint=endpoint)


def judge_price(layout: Layout, settings: Settings, name: str) -> Price:
    """What its tokens cost; raises InputError for an unknown price that is not allowed."""
    return price_of(
        name,
        judge_profile(settings, name, layout.settings),
        read_prices(layout.prices),
        allow_unpriced=settings.budget.allow_unpriced,
        budget=settings.budget,
    )
