"""Mechanisms that see to it that a deliverable opens as what its name says."""

from harness_search.proposers.catalogue import helpers
from harness_search.proposers.catalogue.edits import AddImport, AddNote, AddSection
from harness_search.proposers.catalogue.evidence import RolloutEvidence, path_in_output, suffix
from harness_search.proposers.catalogue.mechanism import TOOLS_SECTION, Mechanism

OFFICE_CODE = r'''
# File types: a Word or Excel file that holds plain text does not open.

CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # no office file can hold them


def write_as_named(task: Task) -> None:
    """Write each requested office file that is plain text again, from its text."""
    writers = {".docx": write_docx, ".xlsx": write_xlsx}
    for name in requested_names(task):
        path = task.output / name
        writer = writers.get(path.suffix.casefold())
        if writer is None or not path.is_file() or zipfile.is_zipfile(path):
            continue
        with contextlib.suppress(UnicodeDecodeError):  # no text either: it stays as it is
            text = CONTROLS.sub("", path.read_text("utf-8-sig"))
            if text.strip():
                writer(path, text)
'''

OTHER_KIND_CODE = r'''
# Landing of another kind: a requested file may have been written as another type.


def land_other_kinds(task: Task) -> None:
    """Fill each requested name that is still missing from a file of another kind."""
    fill_missing(task, same_kind=False)
'''


def of_no_type(rollout: RolloutEvidence) -> float:
    """Delivered office files that a tool for plain text wrote last."""
    writers = {path_in_output(call.written): call.name for call in rollout.calls if call.written}
    plain = [
        name
        for name in rollout.file.deliverables
        if suffix(name) in {".docx", ".xlsx"}
        if name in rollout.file.output
        if suffix(name).strip(".") not in writers.get(name, suffix(name))
    ]
    return rollout.share_of_lost(len(plain))


def of_another_type(rollout: RolloutEvidence) -> float:
    """Missing deliverables for which only files of other kinds lie elsewhere."""
    kinds = {suffix(path) for path in rollout.stray}
    lost = [name for name in rollout.missing if kinds and suffix(name) not in kinds]
    return rollout.share_of_lost(min(len(lost), len(kinds)))


AS_NAMED = Mechanism(
    name="opens_as_its_type",
    hypothesis=(
        "Some Word and Excel files were written as plain text and do not open, so every criterion "
        "about them is lost. Writing them again with the right writer raises the pooled pass rate."
    ),
    changes=(
        "added ONE deterministic mechanism after the conversation, write_as_named: a requested "
        ".docx or .xlsx that is plain text is written again from that text in its own format."
    ),
    edits=(
        AddNote("a requested Word or Excel file that is plain text is written in its format"),
        AddImport("contextlib"),
        AddImport("zipfile"),
        helpers.at_end("write_as_named(task)"),
        helpers.REQUESTED,
        AddSection(OFFICE_CODE, before=TOOLS_SECTION),
    ),
    symptom=of_no_type,
)

OTHER_KIND = Mechanism(
    name="cross_type_landing",
    hypothesis=(
        "Some requested files were written as another type, such as Markdown in place of Word, and "
        "count as missing. Copying the best file of another type to the requested name gives the "
        "judge something to read."
    ),
    changes=(
        "added ONE deterministic mechanism after the conversation, land_other_kinds: each "
        "requested name that is missing gets a copy of the file of another extension whose name "
        "has most words in common, the newest first."
    ),
    edits=(
        AddNote("a requested file that is missing is filled from a file of another kind"),
        AddImport("shutil"),
        helpers.at_end("land_other_kinds(task)"),
        helpers.REQUESTED,
        helpers.LANDING,
        AddSection(OTHER_KIND_CODE, before=TOOLS_SECTION),
    ),
    symptom=of_another_type,
)
