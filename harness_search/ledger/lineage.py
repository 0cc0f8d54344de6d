"""The lineage in git: each evaluated candidate a commit in a bare repository of its own."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness_search.files import next_free
from harness_search.ledger.frontier import FrontierRow, incumbent_of
from harness_search.ledger.sandboxes import listed

if TYPE_CHECKING:
    from git import Repo

_AUTHOR = {
    "GIT_AUTHOR_NAME": "Meta-Harness",
    "GIT_AUTHOR_EMAIL": "meta-harness@localhost",
    "GIT_COMMITTER_NAME": "Meta-Harness",
    "GIT_COMMITTER_EMAIL": "meta-harness@localhost",
    # The user's own configuration (signing, hooks) has no say in this repository.
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    # A workspace may belong to somebody else than the one who runs it, root for example.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}


def mirror_lineage(
    repository: Path,
    rows: Sequence[FrontierRow],
    sources: dict[str, bytes],
    claims: dict[str, str],
) -> None:
    """Bring the lineage up to the ledger; a damaged one is moved aside and written anew."""
    from git import exc

    try:
        record_lineage(repository, rows, sources, claims)
    except (exc.GitError, ValueError):
        repository.rename(next_free(repository.with_name(f"{repository.name}.damaged")))
        record_lineage(repository, rows, sources, claims)


def record_lineage(
    repository: Path,
    rows: Sequence[FrontierRow],
    sources: dict[str, bytes],
    claims: dict[str, str],
) -> int:
    """Commit every decided row with a source that is not there yet; returns how many were added.

    Each harness is a branch of its name; `incumbent` is the branch of the best promoted one.
    """
    from git import Repo

    repo = Repo(repository) if repository.is_dir() else Repo.init(repository, bare=True, mkdir=True)
    with repo, repo.git.custom_environment(**_AUTHOR):
        present = {head.name for head in repo.heads}
        added = 0
        for row in rows:
            if row.decision is None or row.harness not in sources or row.harness in present:
                continue
            tree = _tree(repo, sources[row.harness], claims.get(row.harness, ""))
            parents = ["-p", row.parent] if row.parent in present else []
            commit = repo.git.commit_tree(tree, *parents, "-m", _message(row))
            repo.git.update_ref(f"refs/heads/{row.harness}", commit)
            present.add(row.harness)
            added += 1
        incumbent = incumbent_of(rows)
        if incumbent in present:
            repo.git.update_ref("refs/heads/incumbent", f"refs/heads/{incumbent}")
            repo.git.symbolic_ref("HEAD", "refs/heads/incumbent")
        return added


def _tree(repo: "Repo", source: bytes, claim: str) -> str:
    """Store the harness file, and its claim if it has one, as a tree; returns the tree's id."""
    files = {"harness.py": source} | ({"pending_eval.json": claim.encode()} if claim else {})
    lines = [
        f"100644 blob {_store(repo, 'hash_object', content, '-w', '--stdin')}\t{name}\n"
        for name, content in files.items()
    ]
    return _store(repo, "mktree", "".join(lines).encode())


def _store(repo: "Repo", command: str, content: bytes, *arguments: str) -> str:
    # A real file, because git reads its standard input from a descriptor.
    with tempfile.TemporaryFile() as stream:
        stream.write(content)
        stream.seek(0)
        return str(getattr(repo.git, command)(*arguments, istream=stream))


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
