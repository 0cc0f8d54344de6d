"""All that a harness file may import beside the standard library."""

from harness_kit.documents import read_document, write_docx, write_xlsx
from harness_kit.model import Model, ModelError, Reply
from harness_kit.task import Task

__all__ = ["Model", "ModelError", "Reply", "Task", "read_document", "write_docx", "write_xlsx"]
