"""Prints what a sandbox costs, and what is left of it when the scaffold is killed.

Run from the repository root: `.venv/bin/python benchmarks/sandbox.py`; it takes some seven minutes.
`--only starts|concurrent|kills` measures one part, `--quick` a little of everything in half a
minute, `--write docs/security.md` puts the figures into the page. Sandboxes that do not work here
are left out. Ends with code 1 when a process has outlived its scaffold; times depend on what else
the machine does, and are only printed.

A start is that of a rollout's box, from the demand to the moment when the harness's `solve()` runs,
by the machine's clock. The concurrent rollouts are real ones in a real workspace, with gateway and
judge; their model is a process of its own, which takes a second for each call. For the kills a
scaffold fills boxes with processes that try to stay, and is killed at a random moment; what it
leaves behind is looked for below this process, which adopts every orphan.
"""

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sandbox_kills import BOXES, LATEST, TIME_TO_BE_GONE, Killed, measure_kills
from sandbox_rollouts import MOST_RATIO, Work, measure_rollouts
from sandbox_starts import MOST_ADDED, PLAIN, PREPARED, Samples, measure_starts

from harness_search.rollouts.kit import prepare_kit
from harness_search.sandbox.choice import BWRAP, LANDLOCK, NONE, SANDBOXES, make_sandbox

STARTS, CONCURRENT, KILLS = "starts", "concurrent", "kills"


@dataclass(frozen=True, slots=True)
class Amounts:
    """How often each thing is done."""

    starts: int = 30
    work: Work = field(default_factory=Work)
    kills: int = 200
    """With bwrap."""
    other_kills: int = 40
    """With landlock."""


QUICK = Amounts(5, Work(tasks=2, calls=2, repeats=1), kills=8, other_kills=4)


class Figures:
    """Measures in a folder of its own; `survivors` counts what the kills have left."""

    def __init__(self, folder: Path, amounts: Amounts) -> None:
        self.folder, self.amounts = folder, amounts
        self.names = [name for name in (NONE, LANDLOCK, BWRAP) if make_sandbox(name).probe().usable]
        self.survivors = 0

    def blocks(self, parts: list[str]) -> Iterator[str]:
        """As Markdown: the machine, and then each part."""
        tables = {STARTS: self.starts, CONCURRENT: self.concurrent, KILLS: self.kills}
        before = os.getloadavg()[0]
        measured = [block for part in parts for block in tables[part]()]
        yield f"{machine()}; load {before:.1f} before and {os.getloadavg()[0]:.1f} after."
        missing = [name for name in SANDBOXES if name not in self.names]
        if missing:
            yield f"Left out, because it does not work here: {', '.join(missing)}."
        yield from measured

    def starts(self) -> Iterator[str]:
        kit, rounds = prepare_kit(self.folder / "kits"), self.amounts.starts
        measured = asyncio.run(measure_starts(self.folder, kit, rounds, self.names, say))
        found = {samples.name: samples for samples in measured}
        yield starts_table(found, rounds)
        if PREPARED in found:
            yield choice_of_parent(found)

    def concurrent(self) -> Iterator[str]:
        work = self.amounts.work
        found = asyncio.run(measure_rollouts(self.folder, self.names, work, say))
        yield rollouts_table(found, work)

    def kills(self) -> Iterator[str]:
        kit = prepare_kit(self.folder / "kits")
        wanted = {BWRAP: self.amounts.kills, LANDLOCK: self.amounts.other_kills}
        found = {
            name: measure_kills(self.folder, kit, name, kills, say)
            for name, kills in wanted.items()
            if name in self.names
        }
        self.survivors = sum(one.survivors for kills in found.values() for one in kills)
        yield kills_table(found)


def starts_table(found: dict[str, Samples], rounds: int) -> str:
    """Medians in milliseconds, and what a box takes more than plain Python."""
    plain = found[PLAIN].median()
    lines = [
        f"| start, ms ({rounds} of each, in turn) | median | p90 | over plain Python | limit | "
        "| since the handshake | to end and reap it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, samples in found.items():
        line = f"| {name} | {samples.median():.1f} | {samples.p90:.1f} |"
        parts = (
            samples.median(lambda one: one.after_handshake),
            samples.median(lambda one: one.end),
        )
        if not parts[1]:
            lines.append(f"{line} | | | | |")
            continue
        added = samples.median() - plain
        limited = name in {LANDLOCK, BWRAP}
        limit = f"{MOST_ADDED:g} | {verdict(added, MOST_ADDED)}" if limited else "|"
        lines.append(f"{line} {added:.1f} | {limit} | {parts[0]:.1f} | {parts[1]:.1f} |")
    return "\n".join(lines)


def choice_of_parent(found: dict[str, Samples]) -> str:
    """What a prepared parent would save, and why there is none."""
    saved = found[LANDLOCK].median() - found[PREPARED].median()
    text = (
        "Kept is a plain exec for every box. In `landlock` a prepared parent would save "
        f"{saved:.1f} ms of a start, in rollouts that wait for a model for seconds and minutes. "
        "It would have to keep the scaffold's rights for as long as the search runs, to give each "
        "box its user, and every harness would be born out of it: all with the same layout of "
        "memory, so that an address that one learns holds in the next, and with whatever the "
        "parent has open or in memory at that moment."
    )
    if BWRAP in found:
        rest = found[BWRAP].median(lambda one: one.after_handshake)
        text += (
            " In `bwrap` it cannot be had: a box's namespaces are new, and a fork stays in those "
            "of its parent, so that rollouts would share processes and mounts, or the scaffold "
            "would have to make namespaces itself. It could save no more than the time up to the "
            f"handshake, {found[BWRAP].median() - rest:.1f} of {found[BWRAP].median():.1f} ms."
        )
    return textwrap.fill(text, width=100)


def rollouts_table(found: dict[str, list[float]], work: Work) -> str:
    """Medians in seconds, and their ratios to the time without a sandbox."""
    without = statistics.median(found[NONE])
    lines = [
        f"| {work.rollouts} rollouts at once, {work.calls} calls of 1 s each | seconds, median | "
        "each | ratio to `none` | limit | |",
        "|---|---|---|---|---|---|",
    ]
    for name, times in found.items():
        median = statistics.median(times)
        each = ", ".join(f"{seconds:.2f}" for seconds in times)
        ratio = median / without
        limit = f"{MOST_RATIO:g} | {verdict(ratio, MOST_RATIO)}" if name != NONE else "|"
        lines.append(f"| {name} | {median:.2f} | {each} | {ratio:.3f} | {limit} |")
    return "\n".join(lines)


def kills_table(found: dict[str, list[Killed]]) -> str:
    """How many processes were left, and how long it took until none was."""
    lines = [
        f"| scaffold killed within {1000 * LATEST:.0f} ms of starting {BOXES} boxes | kills | "
        f"survivors after {TIME_TO_BE_GONE:g} s | limit | | processes at the kill, median | "
        "ms until all were gone, median | longest |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, kills in found.items():
        survivors = sum(one.survivors for one in kills)
        living = statistics.median(one.living for one in kills)
        times = [1000 * one.seconds for one in kills]
        limit = f"0 | {verdict(survivors, 0)}" if name == BWRAP else "|"
        lines.append(
            f"| {name} | {len(kills)} | {survivors} | {limit} | {living:g} | "
            f"{statistics.median(times):.0f} | {max(times):.0f} |"
        )
    return "\n".join(lines)


def verdict(measured: float, most: float) -> str:
    return "met" if measured <= most else "MISSED"


def machine() -> str:
    kernel = ".".join(platform.release().split(".")[:2])
    who = "root" if os.geteuid() == 0 else "a user without rights"
    python = platform.python_version()
    return f"Measured on {os.cpu_count()} cores with Linux {kernel} and Python {python}, as {who}"


def say(news: str) -> None:
    print(news, file=sys.stderr)


def write(page: Path, figures: str, marks: str = "figures") -> None:
    """Put the figures between their marks in the page; raises ValueError without marks."""
    opening, closing = f"<!-- {marks} -->\n", f"<!-- /{marks} -->"
    before, begin, rest = page.read_text(encoding="utf-8").partition(opening)
    _, end, after = rest.partition(closing)
    if not end:
        raise ValueError(f"{page} has no marks {opening.strip()} and {closing}")
    page.write_text(f"{before}{begin}{figures}\n{end}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", choices=(STARTS, CONCURRENT, KILLS), help="measure this part")
    parser.add_argument("--quick", action="store_true", help="a little of everything")
    parser.add_argument("--starts", type=int, default=30, help="of each kind")
    parser.add_argument("--kills", type=int, default=200, help="with bwrap")
    parser.add_argument("--other-kills", type=int, default=40, help="with landlock")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the figures into a page")
    options = parser.parse_args()
    if options.write and (options.only or options.quick):
        parser.error("--write takes all figures, so neither --only nor --quick")
    whole = Amounts(options.starts, Work(), options.kills, options.other_kills)
    parts = [options.only] if options.only else [STARTS, CONCURRENT, KILLS]
    with tempfile.TemporaryDirectory(prefix="mh-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)  # each box's own user comes to its own folder
        found = Figures(folder, QUICK if options.quick else whole)
        text = "\n\n".join(found.blocks(parts))
    print(text)
    if options.write:
        write(options.write, text)
    sys.exit(1 if found.survivors else 0)


if __name__ == "__main__":
    main()
