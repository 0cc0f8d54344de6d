"""What all pages share: templates, style, script, and the policy that lets nothing else in."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from harness_search.amounts import UNKNOWN, compact, dollars
from harness_search.ledger.rows import Purpose
from harness_search.pages import numbers
from harness_search.pages.text import anchor, prose
from harness_search.visible import LONGEST, one_line, visible

FOLDER = Path(__file__).parent


class Links(Protocol):
    """Where the other pages are, as seen from one; an empty text where there is no such page."""

    def candidate(self, name: str) -> str:
        """Of a harness."""

    def rollout(
        self, harness: str, task: str, trial: int, purpose: Purpose = Purpose.SEARCH
    ) -> str:
        """Of one rollout; `harness` is its name."""


@dataclass(frozen=True, slots=True)
class Within:
    """In a file of its own: candidates are sections of it, rollouts have no page."""

    candidates: frozenset[str] = frozenset()
    """Those that have a section."""

    def candidate(self, name: str) -> str:
        """See Links."""
        return f"#{anchor('candidate', name)}" if name in self.candidates else ""

    def rollout(
        self,
        harness: str,  # noqa: ARG002
        task: str,  # noqa: ARG002
        trial: int,  # noqa: ARG002
        purpose: Purpose = Purpose.SEARCH,  # noqa: ARG002
    ) -> str:
        """See Links."""
        return ""


class Site:
    """Makes pages out of templates.

    In every template a text is shown as `visible` shows it and then escaped, whatever it comes
    from; only `Markup` passes as it is. `None` is shown as a dash.
    """

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_shown,
        )
        self._environment.filters.update(
            visible=_visible,
            one_line=one_line,
            measured=numbers.measured,
            difference=numbers.difference,
            signed=numbers.points,
            prose=prose,
            rate=numbers.rate,
            changed=numbers.changed,
            stacked=numbers.stacked,
            chance=numbers.chance,
            scale=numbers.scale,
            percent=numbers.percent,
            dollars=dollars,
            whole=numbers.whole,
            compact=compact,
            counts=numbers.counts,
        )
        self._environment.globals["anchor"] = anchor

    def page(
        self,
        template: str,
        *,
        workspace: str,
        simulated: bool,
        home: str = "",
        made_at: str = "",
        styles: Sequence[str] = (),
        scripts: Sequence[str] = (),
        live: bool = False,
        **values: object,
    ) -> str:
        """A whole page from a template that extends `base.html`.

        `home`: where the name of the workspace leads. `styles` and `scripts`: names of further
        files in assets/. A live page may ask the server that it came from, others ask nobody.
        """
        code = [asset(name) for name in ("page.js", *scripts)]
        made = self.fragment(
            template,
            workspace=workspace,
            simulated=simulated,
            home=home,
            made_at=made_at,
            style=Markup("\n".join(asset(name) for name in ("style.css", *styles))),
            scripts=[Markup(text) for text in code],
            policy=policy(code, live=live),
            **values,
        )
        return str(made)  # Markup escapes whatever is put beside it

    def fragment(self, template: str, **values: object) -> Markup:
        """A part of a page."""
        return Markup(self._environment.get_template(template).render(**values))


def asset(name: str) -> str:
    """A file of assets/, as text."""
    return (FOLDER / "assets" / name).read_text(encoding="utf-8")


def policy(scripts: Sequence[str], *, live: bool) -> str:
    """Content security policy: these very scripts and styles of the page, and nothing else."""
    digests = " ".join(f"'sha256-{_digest(text)}'" for text in scripts)
    rules = [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        f"script-src {digests}",
        "base-uri 'none'",
    ]
    asks = ["connect-src 'self'", "form-action 'self'"] if live else ["form-action 'none'"]
    return "; ".join([*rules, *asks])


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _shown(value: object) -> object:
    """What an expression of a template gives, fit to be seen."""
    if value is None:
        return UNKNOWN
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _visible(text: str, longest: int = LONGEST) -> Markup:
    """For templates: Markup, so that it is not cut once more."""
    return escape(visible(text, longest))
