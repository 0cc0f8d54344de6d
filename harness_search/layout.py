"""Where everything of a workspace lies. No other module joins these paths."""

from dataclasses import dataclass
from pathlib import Path

from harness_search.ledger.rows import Purpose


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of one workspace.

    ```
    meta_harness.toml            configuration
    prices.toml                  what models cost
    dev_split.txt test_split.txt task ids, one a line
    task_digests.json            what every split task contained when the splits were drawn
    .canary_seed                 the secret that canaries are derived from
    loop_state.json              mirror of the ledger's counter
    harnesses/                   baseline.py and one flat file per candidate
    runs/
        ledger.sqlite3           raw rows of the search
        ledger.sqlite3.before-v1 what an older ledger was before its tables were brought up to date
        lineage.git/             one commit per evaluated candidate
        lock                     held by the one running scaffold
        heartbeat.json           sign of life of the running scaffold, and what it is doing
        control                  path of the folder with its control socket
        paused                   there while a search is paused
        service.log              what launches in the background print
        account.json             live figures of the running gateway
        events.jsonl             what happened in all launches, and what crashes cut off (.torn)
        hooks.log                what commands of one's own printed
        report.html              what `report` wrote last (.md, .json)
        export/                  what `export` wrote
        judged_again.json        verdicts of the A/A run that were asked for twice
        verdicts/                answers of a model judge, by content, and its batches under way
        judging/                 what a model judge was asked, and its calibration
        test_openings.jsonl      every opening of the held-out split
        runtime                  path of the running scaffold's temporary folder
        kit/                     what a rollout may import
        text/                    extracted text of documents, by content digest
        dev/<harness>/<area>/<slug>/trial-1/     evidence of one rollout
        iterations/003/          one proposer session: view, state, transcript-1.jsonl, audit.json;
                                 then the gate's decision.json
        shown/full/              dev evidence as sessions in a box see it
        evaluators/                  digests of what scored and decided, once per content
        confirmation/            baseline and final harness once more: own ledger, own evidence
        ab/ replay/              comparisons at a person's wish, likewise
        test/                    the held-out split, likewise
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
    def canary_seed(self) -> Path:
        """A secret: no box, view or commit may hold it."""
        return self.root / ".canary_seed"

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
    def lock_holder(self) -> Path:
        """Who took the lock."""
        return self.runs / "lock.pid"

    @property
    def heartbeat(self) -> Path:
        return self.runs / "heartbeat.json"

    @property
    def control(self) -> Path:
        return self.runs / "control"

    @property
    def paused(self) -> Path:
        return self.runs / "paused"

    @property
    def service_log(self) -> Path:
        return self.runs / "service.log"

    @property
    def account_state(self) -> Path:
        return self.runs / "account.json"

    @property
    def events(self) -> Path:
        return self.runs / "events.jsonl"

    @property
    def hooks_log(self) -> Path:
        return self.runs / "hooks.log"

    @property
    def report(self) -> Path:
        """What the command `report` writes where it is not told another place; the suffix says in
        which format."""
        return self.runs / "report.html"

    @property
    def export(self) -> Path:
        """Where the command `export` writes where it is not told another place."""
        return self.runs / "export"

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
    def test_openings(self) -> Path:
        return self.runs / "test_openings.jsonl"

    def ledger_of(self, purpose: Purpose) -> Path:
        """Where the rows of such rollouts are kept."""
        if purpose is Purpose.SEARCH:
            return self.ledger
        return self.runs / purpose.value / "ledger.sqlite3"

    def evidence_of(self, purpose: Purpose) -> Path:
        """Where their transcripts and deliverables are."""
        if purpose is Purpose.SEARCH:
            return self.dev_evidence
        return self.runs / purpose.value / "evidence"

    @property
    def judged_again(self) -> Path:
        return self.runs / "judged_again.json"

    @property
    def shown(self) -> Path:
        """What sessions in a box are shown of dev, by feedback policy."""
        return self.runs / "shown"

    @property
    def judging(self) -> Path:
        """What a model judge was asked and said. It holds rubrics: no session is shown it."""
        return self.runs / "judging"

    @property
    def kept_verdicts(self) -> Path:
        """Of a model judge, by content. A search that starts afresh has use for them too."""
        return self.runs / "verdicts" / "answers.sqlite3"

    def judge_transcripts(self, purpose: Purpose) -> Path:
        """What a model judge was asked, scope by scope."""
        return self.judging / "transcripts" / purpose.value

    @property
    def noted_batches(self) -> Path:
        """Which batch of the provider holds the answer to which question. It is kept as answers
        are: a batch under way is paid for, whatever search reads it."""
        return self.kept_verdicts.parent / "batches.sqlite3"

    @property
    def calibration(self) -> Path:
        return self.judging / "calibration.json"

    def candidate(self, name: str) -> Path:
        """The harness file of a baseline or candidate."""
        return self.harnesses / f"{name}.py"

    def decision(self, iteration: int) -> Path:
        """What the gate said of an iteration's candidate, for people."""
        return self.session(iteration) / "decision.json"

    def audit(self, iteration: int) -> Path:
        """What the audit of an iteration found, for people."""
        return self.session(iteration) / "audit.json"

    def documents(self) -> list[Path]:
        """Every decision and every audit that there is."""
        sessions = self.session(0).parent
        return sorted([*sessions.glob("*/decision.json"), *sessions.glob("*/audit.json")])

    def kept_source(self, iteration: int, name: str) -> Path:
        """A harness as it was when its iteration began; candidates' lie in their session's view."""
        return self.session(iteration) / "view" / "harnesses" / f"{name}.py"

    def evaluator(self, iteration: int) -> Path:
        """Digests of what scores and decides, as they were when a session was begun."""
        return self.session(iteration) / "evaluator.json"

    def kept_evaluator(self, digest: str) -> Path:
        """The same of closed iterations, by its own digest: one file for all that share it."""
        return self.runs / "evaluators" / f"{digest[:16]}.json"

    def session(self, iteration: int) -> Path:
        """The folder of one iteration's proposer session."""
        return self.runs / "iterations" / f"{iteration:03d}"
