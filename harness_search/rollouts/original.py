"""The finished rollout that a replay of another harness is answered from and compared with."""

from dataclasses import dataclass
from pathlib import Path

from harness_search.gateway.replay import Replies
from harness_search.judging.documents import TextStore, UnreadableDocumentError
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import Outcome, RolloutRow
from harness_search.rollouts.evidence import TRANSCRIPT
from harness_search.rollouts.view import OUTPUT


@dataclass(frozen=True, slots=True)
class Original:
    """One finished rollout of the parent, as its ledger and its evidence have it."""

    row: RolloutRow
    folder: Path
    """Its evidence."""
    verdicts: tuple[Verdict, ...]
    """On every criterion of the task, or on none."""

    def replies(self) -> Replies:
        """All that its harness was told, errors of the API included."""
        return Replies.of([self.folder / TRANSCRIPT], errors=True)

    def is_like(self, digest: str, output: Path, texts: TextStore) -> bool:
        """Whether a judge would read the same in another output, given by its digest and its
        folder of collected files: then these verdicts stand.

        A document holds the time at which it was written, so its bytes differ from run to run;
        judges read its text.
        """
        if self.row.outcome is not Outcome.SCORED or not self.verdicts:
            return False
        if digest == self.row.output_digest:
            return True
        stored = self.folder / OUTPUT
        names = _names(output)
        return names == _names(stored) and all(
            _read(stored / name, texts) == _read(output / name, texts) for name in names
        )


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _read(file: Path, texts: TextStore) -> tuple[bool, str]:
    """The text of a deliverable, or why there is none."""
    try:
        return True, texts.text_of(file)
    except UnreadableDocumentError as error:
        return False, error.reason
