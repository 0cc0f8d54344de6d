"""The lineage in git: each evaluated candidate a commit in a bare repository of its own.

Objects and branches are written from here, as git itself writes them: a process of git for each
would take longer than all else that an iteration needs. Git makes the empty repository alone.
The ledger can tell all of it again, so no write waits for the disk: after the machine was started
anew, as after a power loss, all is first looked through for what is not whole. Locks that a killed
git left in here are no obstacle: branches are replaced by a rename.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness_search.errors import SearchStoppedError
from harness_search.files import next_free, write_atomically
from harness_search.ledger.frontier import FrontierRow
from harness_search.ledger.git_objects import ID, is_there, require_whole, store, store_tree
from harness_search.ledger.sandboxes import listed
from harness_search.sandbox.processes import boot_id

AUTHOR = "Meta-Harness <meta-harness@localhost>"
LONGEST_START = 60.0
"""Seconds that git may take to make a repository."""
_INCUMBENT = "incumbent"
_HEAD = f"ref: refs/heads/{_INCUMBENT}\n"
_BOOT = "meta_harness_boot"
"""In the repository: which start of the machine it was last found whole in, or made in."""
_PACKED = re.compile(r"^([0-9a-f]{40}) refs/heads/(\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A harness as the lineage keeps it."""

    row: FrontierRow
    source: bytes
    claim: str
    """As JSON; empty for the baseline."""


_DAMAGE = (ValueError, NotADirectoryError, IsADirectoryError, FileExistsError)
"""What reading or writing a damaged repository raises; a full disk and a denied access are none."""

EntryOf = Callable[[str], Entry]
"""The entry of a harness, given by its name."""


def mirror_lineage(
    repository: Path, names: Sequence[str], incumbent: str, entry_of: EntryOf
) -> None:
    """Bring the lineage up to the ledger; a damaged one is moved aside and written anew.

    Raises SearchStoppedError when that does not help, or git does not make a repository.
    """
    if not names or (
        not missing_in(repository, names)
        and _is_shown(repository, incumbent)
        and _is_of_this_boot(repository)
    ):
        return
    from git import exc

    try:
        record_lineage(repository, names, incumbent, entry_of)
    except (exc.GitError, *_DAMAGE):
        if repository.exists():
            repository.rename(next_free(repository.with_name(f"{repository.name}.damaged")))
        try:
            record_lineage(repository, names, incumbent, entry_of)
        except (exc.GitError, *_DAMAGE) as error:
            what = (
                "git made no repository" if isinstance(error, exc.GitError) else "no lineage fits"
            )
            raise SearchStoppedError(
                f"{what} in {repository} ({type(error).__name__}); nothing was lost, and the same "
                "command goes on"
            ) from error


def record_lineage(
    repository: Path, names: Sequence[str], incumbent: str, entry_of: EntryOf
) -> int:
    """Commit every named harness that is not there yet; returns how many were added.

    Each harness is a branch of its name; `incumbent` is the branch of the best promoted one. Raises
    ValueError for a repository that is damaged.
    """
    if not repository.is_dir():
        _make(repository)
    if not _is_of_this_boot(repository):
        for commit in _branches(repository).values():
            require_whole(repository, commit)
    if (repository / "packed-refs").is_dir():
        raise ValueError(f"{repository} has a folder for its packed branches")
    wanted = missing_in(repository, names)
    for name in wanted:
        entry = entry_of(name)
        parent = _commit_of(repository, entry.row.parent) if entry.row.parent else ""
        commit = _commit(repository, entry, [_known(repository, parent)] if parent else [])
        _put(repository / "refs" / "heads" / name, f"{commit}\n")
    if shown := _commit_of(repository, incumbent) if incumbent else "":
        if _commit_of(repository, _INCUMBENT) != _known(repository, shown):
            _put(repository / "refs" / "heads" / _INCUMBENT, f"{shown}\n")
        _put(repository / "HEAD", _HEAD)
    _put(repository / _BOOT, boot_id())
    return len(wanted)


def _known(repository: Path, commit: str) -> str:
    """The commit itself; raises ValueError where there is none."""
    if not is_there(repository, commit):
        raise ValueError(f"commit {commit!r} is missing")
    return commit


def missing_in(repository: Path, names: Iterable[str]) -> list[str]:
    """The harnesses without a branch, by their files alone: this is asked at every step."""
    try:
        with os.scandir(repository / "refs" / "heads") as entries:
            present = {entry.name for entry in entries if entry.is_file()}
        absent = [name for name in names if name not in present]
        packed = _packed(repository) if absent else {}
    except (OSError, ValueError):
        return list(names)
    return [name for name in absent if name not in packed]


def _branches(repository: Path) -> dict[str, str]:
    """The commit of each branch, by its name; raises ValueError for a branch without one."""
    heads = repository / "refs" / "heads"
    if not heads.is_dir():
        raise ValueError(f"{repository} is no repository")
    found = _packed(repository)
    for file in heads.iterdir():
        # Left by what was killed, or the folder of a branch that somebody else made.
        if file.name.startswith(".") or file.suffix == ".lock" or file.is_dir():
            continue
        found[file.name] = file.read_text(encoding="ascii").strip()
        if not ID.fullmatch(found[file.name]):
            raise ValueError(f"{file} holds no id of a commit")
    return found


def _packed(repository: Path) -> dict[str, str]:
    """The branches that `git gc` or `git pack-refs` has put into one file."""
    try:
        text = (repository / "packed-refs").read_text(encoding="ascii")
    except FileNotFoundError:
        return {}
    return {name: commit for commit, name in _PACKED.findall(text)}


def _is_shown(repository: Path, incumbent: str) -> bool:
    """Whether HEAD and the branch `incumbent` lead to a harness, by their files alone. False for
    whatever looks odd: it is then looked at in full."""
    try:
        head = (repository / "HEAD").read_text(encoding="ascii")
        shown, wanted = (_commit_of(repository, name) for name in (_INCUMBENT, incumbent))
        return head == _HEAD and shown == wanted and is_there(repository, wanted)
    except (OSError, ValueError):
        return False


def _commit_of(repository: Path, name: str) -> str:
    try:
        return (repository / "refs" / "heads" / name).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return _packed(repository).get(name, "")


def _is_of_this_boot(repository: Path) -> bool:
    try:
        return (repository / _BOOT).read_text(encoding="ascii") == boot_id()
    except (OSError, ValueError):
        return False


def _make(repository: Path) -> None:
    """An empty bare repository. A git that hangs is ended, and raises GitCommandError."""
    from git import Git

    repository.mkdir(parents=True)
    # The environment may name the user's own repository, which `init` would then change; it and
    # the user's configuration and templates have no say here.
    forgotten = [f"--unset={name}" for name in os.environ if name.startswith("GIT_")]
    settings = {
        "GIT_DIR": os.fspath(repository.absolute()),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_DEFAULT_HASH": "sha1",
        "GIT_DEFAULT_REF_FORMAT": "files",
    }
    given = [f"{name}={value}" for name, value in settings.items()]
    program = Git.GIT_PYTHON_GIT_EXECUTABLE or "git"
    command = ["env", *forgotten, *given, program, "init", "--bare", "--template="]
    Git(repository).execute(command, kill_after_timeout=LONGEST_START)


def _commit(repository: Path, entry: Entry, parents: Sequence[str]) -> str:
    """Store the harness file, with its claim if it has one, as a commit; returns its id."""
    files = {"harness.py": store(repository, "blob", entry.source)}
    if entry.claim:
        files["pending_eval.json"] = store(repository, "blob", entry.claim.encode())
    now = f"{AUTHOR} {int(time.time())} +0000"
    lines = [
        f"tree {store_tree(repository, files)}",
        *(f"parent {parent}" for parent in parents),
        f"author {now}",
        f"committer {now}",
        "",
        _message(entry.row).replace("\0", ""),
        "",
    ]
    return store(repository, "commit", "\n".join(lines).encode())


def _put(file: Path, content: str) -> None:
    """Write what is not there in the same words already."""
    if not file.is_file() or file.read_text(encoding="ascii", errors="replace") != content:
        write_atomically(file, content, durable=False)


def _message(row: FrontierRow) -> str:
    score = row.score
    decision = row.decision.value if row.decision else "open"
    trailers = [f"Iteration: {row.iteration}", f"Decision: {decision}"]
    if score:
        trailers += [
            f"Pooled: {score.pooled:.2f}",
            f"All-pass: {score.all_pass:.2f}",
            f"Tokens-millions: {score.tokens_m:.4f}",
            f"Blended: {score.blended:.2f}",
        ]
    if row.sandboxes:
        trailers.append(f"Sandbox: {listed(row.sandboxes)}")
    if row.delta is not None:
        trailers.append(f"Delta: {row.delta:+.2f}")
    return f"{row.harness}\n\n{row.reason}\n\n" + "\n".join(trailers)
