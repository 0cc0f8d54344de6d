"""Reads and writes the documents of a task. The document libraries are loaded on first use."""

TYPE_CHECKING = False  # the real one costs a tenth of a rollout's start
if TYPE_CHECKING:
    from pathlib import Path

EXTRACTED = ".document_text"
"""Text of the task's documents, extracted once by the scaffold; mirrors the documents folder."""


def read_document(path: "Path") -> str:
    """The text of a document of any supported kind.

    Raises OSError for a missing file and ValueError for one that does not open as its extension.
    """
    prepared = path.__class__(EXTRACTED) / path
    if not path.is_absolute() and prepared.is_file():
        return prepared.read_text(encoding="utf-8")
    from harness_kit.extraction import extract_text

    return extract_text(path)


def write_docx(path: "Path", markdown: str) -> None:
    """Write Markdown (headings, lists, tables, paragraphs) as a Word document."""
    from harness_kit.office import save_docx

    save_docx(path, markdown)


def write_xlsx(path: "Path", markdown: str) -> None:
    """Write Markdown tables as a workbook; each `## name` heading starts a sheet of that name."""
    from harness_kit.office import save_xlsx

    save_xlsx(path, markdown)
