"""What a rollout sees: one folder with its documents, their text, and room for its output."""

import shutil
from pathlib import Path

from harness_search.benchmark.tasks import Task
from harness_search.files import remove_tree
from harness_search.judging.documents import TextStore, UnreadableDocumentError

DOCUMENTS, TEXT, OUTPUT = "documents", ".document_text", "output"


def make_view(view: Path, task: Task, texts: TextStore) -> None:
    """Make the folder anew. Copies, not links: a link's target would tell the task's id."""
    remove_tree(view)
    (view / OUTPUT).mkdir(parents=True)
    (view / DOCUMENTS).mkdir()
    for source in task.documents():
        name = source.relative_to(task.documents_folder)
        _copy(source, view / DOCUMENTS / name)
        try:
            text = texts.text_of(source)
        except UnreadableDocumentError:
            continue  # the harness meets the same error when it opens the file itself
        prepared = view / TEXT / DOCUMENTS / name
        prepared.parent.mkdir(parents=True, exist_ok=True)
        prepared.write_text(text, encoding="utf-8")
        prepared.chmod(0o444)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o444)
