"""Where everything of a workspace lies. No other module joins these paths."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of one workspace.

    ```
    meta_harness.toml            configuration
    prices.toml                  what models cost
    dev_split.txt test_split.txt task ids, one a line
    task_digests.json            what every split task contained when the splits were drawn
    loop_state.json              mirror of the ledger's counter
    harnesses/                   baseline.py and one flat file per candidate
    runs/
        ledger.sqlite3           raw rows of the search
        lineage.git/             one commit per evaluated candidate
        lock                     held by the one running scaffold
        account.json             live figures of the running gateway
        test_openings.jsonl      every opening of the held-out split
        runtime                  path of the running scaffold's temporary folder
        kit/                     what a rollout may import
        text/                    extracted text of documents, by content digest
        dev/<harness>/<area>/<slug>/trial-1/     evidence of one rollout
        iterations/003/          view, claim and log of one proposer session
        test/                    the held-out split: own ledger, own evidence
        archive/search-1/        an earlier search, set aside by --fresh
    ```
    """

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "meta_harness.toml"

    @property
    def prices(self) -> Path:
        return self.root / "prices.toml"

    @property
    def dev_split(self) -> Path:
        return self.root / "dev_split.txt"

    @property
    def test_split(self) -> Path:
        return self.root / "test_split.txt"

    @property
    def task_digests(self) -> Path:
        return self.root / "task_digests.json"

    @property
    def loop_state(self) -> Path:
        return self.root / "loop_state.json"

    @property
    def skill(self) -> Path:
        return self.root / "skills" / "SKILL.md"

    @property
    def harnesses(self) -> Path:
        return self.root / "harnesses"

    @property
    def baseline(self) -> Path:
        return self.harnesses / "baseline.py"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def ledger(self) -> Path:
        return self.runs / "ledger.sqlite3"

    @property
    def lineage(self) -> Path:
        return self.runs / "lineage.git"

    @property
    def archive(self) -> Path:
        return self.runs / "archive"

    @property
    def lock(self) -> Path:
        return self.runs / "lock"

    @property
    def account_state(self) -> Path:
        return self.runs / "account.json"

    @property
    def runtime(self) -> Path:
        return self.runs / "runtime"

    @property
    def kit(self) -> Path:
        return self.runs / "kit"

    @property
    def text(self) -> Path:
        return self.runs / "text"

    @property
    def dev_evidence(self) -> Path:
        return self.runs / "dev"

    @property
    def test_runs(self) -> Path:
        return self.runs / "test"

    @property
    def test_ledger(self) -> Path:
        return self.test_runs / "ledger.sqlite3"

    @property
    def test_openings(self) -> Path:
        return self.runs / "test_openings.jsonl"

    @property
    def test_evidence(self) -> Path:
        return self.test_runs / "evidence"

    def candidate(self, name: str) -> Path:
        """The harness file of a baseline or candidate."""
        return self.harnesses / f"{name}.py"

    def kept_source(self, iteration: int, name: str) -> Path:
        """A harness as it was when its iteration began; candidates' lie in their session's view."""
        return self.session(iteration) / "view" / "harnesses" / f"{name}.py"

    def session(self, iteration: int) -> Path:
        """The folder of one iteration's proposer session."""
        return self.runs / "iterations" / f"{iteration:03d}"
