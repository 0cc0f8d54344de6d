"""What a rollout sees: one folder with its documents, their text, and room for its output."""

import os
import shutil
from pathlib import Path

from harness_search.benchmark.tasks import Task
from harness_search.files import remove_tree
from harness_search.judging.documents import TextStore, UnreadableDocumentError

DOCUMENTS, TEXT, OUTPUT = "documents", ".document_text", "output"


def make_view(view: Path, task: Task, texts: TextStore) -> None:
    """Make the folder anew. Copies, not links: a link's target would tell the task's id.

    Nothing of the documents can be changed, not even by who owns the folder around them: without
    a file system of its own a sandbox has no other way to say so.
    """
    remove_tree(view)
    for folder in (DOCUMENTS, TEXT, OUTPUT):
        (view / folder).mkdir(parents=True)
        (view / folder).chmod(0o755)
    view.chmod(0o755)  # whoever starts the box passes through, whatever this user's umask
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
    for top in (view / DOCUMENTS, view / TEXT):
        for path, _, _ in os.walk(top, topdown=False):
            Path(path).chmod(0o555)


def give_to(uid: int | None, *paths: Path) -> None:
    """Let a box's own user write into files and folders, though not into what is in these."""
    if uid is not None:
        for path in paths:
            os.chown(path, uid, uid)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o444)
