"""A small scaffold that runs attacks in a sandbox, as whoever starts it, and says what they did.

`python tests/hostile_run.py <sandbox> <kit> <group> ...` prints one JSON document: for each attack
whether it succeeded, how, and what stopped it otherwise.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import stat
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import doors
from boxes import Boxed, run_in_box
from hostile.catalogue import Attack, attacks_in, source_of
from scripted_api import failure, message
from victims import SECRET_NAME, Victims, new_secret

from harness_search.files import remove_tree
from harness_search.rollouts.collect import MOST_FILES, collect_output
from harness_search.sandbox.box import MEGABYTE, Door, Limits

MODEL = "m"
LIMITS = Limits(
    cpu_seconds=120,
    memory_bytes=256 * MEGABYTE,
    processes=64,
    open_files=256,
    file_bytes=32 * MEGABYTE,
    workspace_bytes=64 * MEGABYTE,
    temporary_bytes=32 * MEGABYTE,
)
SCARCE = replace(LIMITS, cpu_seconds=0.5)
BOXES_AT_ONCE = 4
SECONDS = {"resources": 20.0, "survivors": 5.0, "waits_for_ever": 3.0}
SECONDS_OTHERWISE = 60.0
SECONDS_TO_COLLECT = 60.0
Found = dict[str, dict[str, Any]]


class Run:
    """One sandbox, and what is attacked from within it."""

    def __init__(self, sandbox: str, victims: Victims, door: doors.Door, kit: Path) -> None:
        self.sandbox, self.victims, self.door, self.kit = sandbox, victims, door, kit
        self._turns = asyncio.Semaphore(BOXES_AT_ONCE)

    async def group(self, group: str) -> Found:
        """Run all attacks of a group."""
        attacks = attacks_in(group)
        together = [attack for attack in attacks if not attack.alone]
        runs = [[attack] for attack in attacks if attack.alone]
        runs += [together] if together else []
        return await merged(self._box(attacks) for attacks in runs)

    async def _box(self, attacks: list[Attack]) -> Found:
        first = attacks[0]
        label = first.name if first.alone else first.group
        async with self._turns:
            folder = self.victims.folder / "rollouts" / label
            folder.mkdir()
            boxed = await run_in_box(
                self.sandbox,
                folder,
                source_of(first.group),
                self.kit,
                instructions=json.dumps(self._said(attacks)),
                limits=SCARCE if label.startswith("burns") else LIMITS,
                door=Door(self.door.gateway.socket, self.door.gateway.port),
                token=self.door.another().token,
                seconds=SECONDS.get(label, SECONDS.get(first.group, SECONDS_OTHERWISE)),
            )
            found = {attack.name: reported(boxed, attack) for attack in attacks}
            if first.group in {"survivors", "resources"}:
                for number, name in enumerate(self.victims.names):
                    if name in found:
                        mark = f"{self.victims.brand}{number}"
                        await self._look_for_survivors(mark, found[name])
            if (folder / "slot" / "harness.log").stat().st_size > 2 * LIMITS.file_bytes:
                succeed(found[first.name], "its log has hundreds of megabytes")
            if "is_root" in found and (boxed.output / "is_root/mine").stat().st_uid == 0:
                succeed(found["is_root"], "its files are root's")
            if first.group == "output":
                for attack in attacks:
                    await self._collect(boxed, attack, found[attack.name])
            remove_tree(folder / "slot")
            return found

    def _said(self, attacks: list[Attack]) -> dict[str, Any]:
        return {
            **self.victims.targets(),
            "attacks": [attack.name for attack in attacks],
            "attacks_by_number": self.victims.names,
            "model": MODEL,
            "door_port": self.door.gateway.port,
        }

    async def _look_for_survivors(self, mark: str, result: dict[str, Any]) -> None:
        for _ in range(20):
            survivors = list(processes_called(mark))
            if not survivors:
                return
            await asyncio.sleep(0.05)
        succeed(result, f"{len(survivors)} processes were left")
        for pid in survivors:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def _collect(self, boxed: Boxed, attack: Attack, result: dict[str, Any]) -> None:
        """Take the output as a scaffold does, and look what came with it."""
        source = boxed.output if attack.alone else boxed.output / attack.name
        target = self.victims.folder / "evidence" / attack.name
        result["placed"] = result["open"] or (attack.alone and is_spoilt(source))
        result["open"] = False
        collecting = asyncio.to_thread(collect_output, source, target, LIMITS.file_bytes)
        try:
            await asyncio.wait_for(collecting, SECONDS_TO_COLLECT)
        except TimeoutError:
            succeed(result, "the collection never ended")
        except Exception as error:  # noqa: BLE001 - any break is the finding
            succeed(result, f"the collection broke: {type(error).__name__}: {error}")
        for fault in faults_of(target, self.victims.secret):
            succeed(result, fault)


async def merged(parts: Iterable[Coroutine[Any, Any, Found]]) -> Found:
    """Run side by side; when one breaks, the others are ended first."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part) for part in parts]
    return {name: result for task in tasks for name, result in task.result().items()}


def reported(boxed: Boxed, attack: Attack) -> dict[str, Any]:
    """What the attack wrote down, or what came of its box where it could not."""
    ending = {"breach": boxed.breach, "in_time": boxed.in_time, "log": boxed.log[-1500:]}
    for line in lines_of(boxed.output):
        if line.get("attack") == attack.name:
            how = str(line.get("evidence") or line.get("refusal"))
            known = {name: line.get(name) for name in ("errno", "seconds")}
            return {"open": "evidence" in line, "how": how, **known, **ending}
    end = boxed.breach or ("ended" if boxed.in_time else "ended when its time was over")
    ran = boxed.ending.began and attack.alone
    return {"open": False, "how": f"box: {end}", "errno": None, "lost": not ran, **ending}


def lines_of(output: Path) -> list[dict[str, Any]]:
    """The report; none where the attack has done away with it."""
    try:
        if output.is_symlink():
            return []
        text = (output / "report.jsonl").read_text(encoding="utf-8")
    except OSError:
        return []
    return [json.loads(line) for line in text.splitlines()]


def is_spoilt(output: Path) -> bool:
    """Whether an output folder is no longer what the scaffold made."""
    try:
        mode = output.lstat().st_mode
    except PermissionError:
        return True
    return not stat.S_ISDIR(mode) or not mode & 0o700


def succeed(result: dict[str, Any], how: str) -> None:
    result["open"], result["how"] = True, how


def processes_called(name: str) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text(errors="replace")
                ended = fields.rpartition(")")[2].split()[0] == "Z"
                if fields.partition("(")[2].rpartition(")")[0] == name and not ended:
                    yield int(folder.name)


def faults_of(target: Path, secret: str) -> Iterator[str]:
    """What should not be among the collected files."""
    files = [path for path in target.rglob("*") if path.is_symlink() or not path.is_dir()]
    if any(path.is_symlink() or not path.is_file() for path in files):
        yield "something that is no regular file was collected"
        return
    if len(files) > MOST_FILES or sum(path.stat().st_size for path in files) > LIMITS.file_bytes:
        yield "far too much was collected"
    if any(path.stat().st_mode & 0o6111 for path in files):
        yield "a program was collected as a program"
    if any(secret.encode() in path.read_bytes() for path in files):
        yield "a secret was collected"
    if any(not path.name.isprintable() for path in files):
        yield "a name that speaks to a terminal was collected"


# The gateway.


def provider(key: str) -> Any:
    """Answers everything; a provider's error may name the key that it was sent."""

    def answer(number: int, content: Any) -> Any:
        if content["messages"][0]["content"] == "echo-an-error":
            return 400, failure("invalid_request_error", f"not with the key {key}")
        return 200, message()

    return answer


@asynccontextmanager
async def opened_door(victims: Victims) -> AsyncIterator[doors.Door]:
    doors.KEY, doors.MODEL = victims.secret, MODEL
    folder = victims.folder / "g"
    folder.mkdir(mode=0o755)
    async with doors.opened_door(folder, provider(victims.secret), loopback=True) as door:
        victims.listen_beside_the_gateway(door.gateway.port)
        yield door


async def neighbours_loss(door: doors.Door, stop: asyncio.Event) -> str:
    """What a well-behaved rollout beside the attacks suffers; empty when nothing."""
    grant = door.another()
    body = doors.sound(model=MODEL)
    while not stop.is_set():
        sending = door.send("POST", "/v1/messages", body, grant)
        try:
            status, _, _ = await asyncio.wait_for(sending, 10)
        except (TimeoutError, aiohttp.ClientError) as error:
            return f"its neighbour met {type(error).__name__}"
        if status != 200 or grant.failure:
            return f"its neighbour met status {status} {grant.failure}"
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.1)
    return ""


def harm_to_the_gateway(door: doors.Door, found: Found, loss: str) -> None:
    """What came through to the provider, and what was made of the rollouts."""
    seen = [(one.body, {n.lower(): v for n, v in one.headers.items()}) for one in door.api.received]
    if any("forged" in str(headers) for _, headers in seen):
        succeed(found["forges_its_noise"], "a forged header reached the provider")
    if any("context-1m" in headers.get("anthropic-beta", "") for _, headers in seen):
        succeed(found["adds_its_own_headers"], "a dearer feature reached the provider")
    if any(b"smuggled" in body for body, _ in seen):
        succeed(found["smuggles_a_request"], "the hidden request reached the provider")
    if loss:
        succeed(found["floods_it_with_connections"], loss)
    if door.account.stopped or any(grant.failure for grant in door.gateway._grants.values()):
        succeed(found["makes_the_gateway_take_the_blame"], "a rollout counts as lost")


async def run_all(sandbox: str, kit: Path, groups: list[str], secret: str) -> Found:
    """Run groups of attacks in one sandbox, with a copy of a kit that is theirs to spoil."""
    names = [attack.name for group in groups for attack in attacks_in(group)]
    hunted = [attack.name for attack in attacks_in("processes") if "processes" in groups]
    with Victims(secret, names, hunted) as victims:
        own_kit = Path(shutil.copytree(kit, victims.folder / "kit" / kit.name))
        async with opened_door(victims) as door:
            run = Run(sandbox, victims, door, own_kit)
            stop = asyncio.Event()
            beside = asyncio.create_task(neighbours_loss(door, stop))
            found = await merged(run.group(group) for group in groups)
            stop.set()
            loss = await beside
            if "gateway" in groups:
                harm_to_the_gateway(door, found, loss)
        for name, harm in victims.harm().items():
            succeed(found[name], harm)
    return found


def main() -> None:
    if SECRET_NAME not in os.environ:
        # A process shows to others the environment that it was started with.
        os.environ[SECRET_NAME] = new_secret()
        os.execv(sys.executable, [sys.executable, *sys.argv])
    sandbox, kit, *groups = sys.argv[1:]
    found = asyncio.run(run_all(sandbox, Path(kit), groups, os.environ[SECRET_NAME]))
    print(json.dumps(found), flush=True)
    os._exit(0)  # a collection that never ends is a thread that never does


if __name__ == "__main__":
    main()
