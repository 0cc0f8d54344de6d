"""The chaos suite: searches under random disturbances, each compared with an undisturbed one.

`python -m chaos.driver --kills 200 --searches 20 --seed 0`. Prints what was hit and what broke, and
exits with 1 if anything did. Where a small disk can be mounted, everything lies on one.
"""

import argparse
import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.claims import broken_claims
from chaos.disturbances import Disturbed, disturbed
from chaos.processes import preload
from chaos.searches import Place, Rows, conclusion, done_rows, make_template, new_search
from harness_search.files import remove_tree
from harness_search.rollouts.kit import prepare_kit

KILLS = ("kill", "kill", "kill of all", "kill at", "kill at", "kill at")
OTHERS = ("storm", "second scaffold", "disk full", "socket removed")
"""By turns one after which the search goes on, and one that lets it come to its end."""
TO_THE_END = ("second scaffold", "socket removed")
MOST_SEARCHES = 20
MOST_LAUNCHES = 60
"""Of one search; more of them mean that it does not get on."""
MEGABYTES = 320
PR_SET_CHILD_SUBREAPER = 36
ON_A_SMALL_DISK = "CHAOS_ON_A_SMALL_DISK"


@dataclass
class Tally:
    """What was done so far, and what it broke."""

    kills: int = 0
    launches: int = 0
    searches: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    met: set[str] = field(default_factory=set)
    """What a launch at work was really met by."""
    mended: int = 0
    """Lineages that were written anew."""
    broken: list[str] = field(default_factory=list)

    def add(self, found: Disturbed, label: str) -> None:
        self.launches += 1
        self.kills += found.is_kill
        self.endings[f"{found.kind}: {found.code}"] += 1
        if found.where:
            self.hits[f"{found.kind}: {found.where}"] += 1
            self.met.add(found.kind)
        self.broken += [f"{label}, launch {self.launches}: {item}" for item in found.problems]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument(
        "--searches", type=int, default=16, help="more are begun where some end early"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=4, help="different searches")
    parser.add_argument("--others", type=int, default=2, help="other disturbances a search")
    parser.add_argument("--kit", type=Path, help="a kit that is there already")
    parser.add_argument("--forked", action="store_true", help="import once for all launches")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if not os.environ.get(ON_A_SMALL_DISK):
        _go_to_a_small_disk(arguments)
    if options.forked:
        preload()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=os.environ.get("CHAOS_FOLDER")))
    try:
        tally = Suite(folder, options).run()
    finally:
        remove_tree(folder)
        Path(tempfile.gettempdir(), f"{folder.name}-stderr").unlink(missing_ok=True)
    _show(tally, time.monotonic() - began, as_json=options.json)
    return 1 if tally.broken else 0


def _go_to_a_small_disk(arguments: Sequence[str] | None) -> None:
    """Start again where a disk can be mounted that nobody else sees; go on here where none can."""
    for command in (["unshare", "-m"], ["unshare", "-Urm"]) if shutil.which("unshare") else ():
        tried = [*command, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]
        if subprocess.run(tried, capture_output=True, check=False).returncode:
            continue
        folder = Path(tempfile.mkdtemp(prefix="chaos-disk-"))
        mount = f'mount -t tmpfs -o size={MEGABYTES}m tmpfs {folder} && exec "$@"'
        program = [sys.executable, "-m", "chaos.driver", *(arguments or sys.argv[1:])]
        environment = {**os.environ, ON_A_SMALL_DISK: "yes", "CHAOS_FOLDER": str(folder)}
        done = subprocess.run(
            [*command, "sh", "-c", mount, "sh", *program], env=environment, check=False
        )
        folder.rmdir()
        raise SystemExit(done.returncode)


class Suite:
    """Searches, one after the other, until there were enough kills and each other disturbance."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.chance = random.Random(options.seed)
        self.tally = Tally()
        self.template = folder / "template"
        self.kit = options.kit or prepare_kit(folder / "kit")
        make_template(self.template)
        self.references: dict[int, dict[str, Rows]] = {}
        self.others = [kind for kind in OTHERS if kind != "disk full" or _has_small_disk()]
        self.dealt: list[str] = []

    def run(self) -> Tally:
        options, tally = self.options, self.tally
        while tally.searches < MOST_SEARCHES and (self._left() or self._missing()):
            wanted = -(-self._left() // max(1, options.searches - tally.searches))
            self.search(tally.searches, wanted)
            tally.searches += 1
        if tally.kills < options.kills:
            tally.broken.append(f"only {tally.kills} of {options.kills} kills happened")
        tally.broken += [f"no launch was met by: {kind}" for kind in self._missing()]
        return tally

    def _left(self) -> int:
        return max(0, self.options.kills - self.tally.kills)

    def _missing(self) -> list[str]:
        """What was asked for often enough to happen once each, and has not."""
        asked = self.options.others * self.options.searches >= len(self.others)
        return [kind for kind in self.others if kind not in self.tally.met] if asked else []

    def reference(self, seed: int) -> dict[str, Rows]:
        if seed not in self.references:
            place = self._new(f"r{seed}", seed)
            self.tally.add(disturbed("nothing", place, self.chance), f"reference {seed}")
            found = conclusion(place)
            self.tally.broken += broken_claims(place, found, [])
            self.references[seed] = found
            remove_tree(place.root.parent)
        return self.references[seed]

    def search(self, number: int, kills: int) -> None:
        """One search that is disturbed until it was killed so often, and then left alone."""
        seed = number % self.options.seeds
        place, label = self._new(f"s{number}", seed), f"search {number}"
        reference = self.reference(seed)
        plan = self._plan(kills)
        snapshots: list[set[tuple[Any, ...]]] = []
        before, launches = self.tally.kills, 0
        while True:
            kind = plan.pop() if plan else "kill" if self._lacks(before, kills) else "nothing"
            found = disturbed(kind, place, self.chance)
            self.tally.add(found, label)
            launches += 1
            if found.code == 0 or launches > MOST_LAUNCHES:
                break
            snapshots.append(done_rows(place))
        if launches > MOST_LAUNCHES:
            self.tally.broken.append(f"{label} does not get on: {found.said[-500:]}")
        problems = broken_claims(place, reference, snapshots)
        self.tally.broken += [f"{label}: {problem}" for problem in problems]
        self.tally.mended += len(list(place.runs.glob("lineage.git.damaged*")))
        remove_tree(place.root.parent)

    def _lacks(self, before: int, kills: int) -> bool:
        return self.tally.kills - before < kills

    def _plan(self, kills: int) -> list[str]:
        """The next one last. What lets a launch run to its end comes when all else is done."""
        plan = [self.chance.choice(KILLS) for _ in range(kills)]
        others = [self._dealt() for _ in range(self.options.others)]
        plan += [kind for kind in others if kind not in TO_THE_END]
        self.chance.shuffle(plan)
        return [*(kind for kind in others if kind in TO_THE_END), *plan]

    def _dealt(self) -> str:
        """What has not been met yet first, then all in turn."""
        if not self.dealt:
            self.dealt = self._missing() or list(self.others)
        return self.dealt.pop(0)

    def _new(self, name: str, seed: int) -> Place:
        folder, forked = self.folder / name, self.options.forked
        return new_search(self.template, self.kit, folder, seed, forked=forked)


def _has_small_disk() -> bool:
    return os.environ.get(ON_A_SMALL_DISK) == "yes"


def _show(tally: Tally, seconds: float, *, as_json: bool) -> None:
    figures = {
        "searches": tally.searches,
        "launches": tally.launches,
        "kills": tally.kills,
        "seconds": round(seconds, 1),
        "small_disk": _has_small_disk(),
        "mended_lineages": tally.mended,
        "met": sorted(tally.met),
        "hits": dict(sorted(tally.hits.items())),
        "endings": dict(sorted(tally.endings.items())),
        "broken": tally.broken,
    }
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        if isinstance(value, dict):
            print(f"{name}:")
            print("\n".join(f"  {count:>4}  {what}" for what, count in value.items()))
        elif isinstance(value, list):
            print(f"{name}: {len(value)}")
            print("\n".join(f"  {item}" for item in value))
        else:
            print(f"{name}: {value}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise SystemExit(main())
