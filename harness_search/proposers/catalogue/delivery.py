"""Mechanisms that see to it that what the model wrote arrives as a deliverable."""

from harness_search.proposers.catalogue import helpers
from harness_search.proposers.catalogue.edits import AddImport, AddNote, AddSection
from harness_search.proposers.catalogue.edits import InsertStatement as Insert
from harness_search.proposers.catalogue.evidence import RolloutEvidence, path_in_output
from harness_search.proposers.catalogue.mechanism import TOLD, TOOLS_SECTION, Mechanism, weighed
from harness_search.proposers.catalogue.symptoms import misplaced, missing

LANDING_CODE = r'''
# Deliverable landing: a file under another name or in another folder is better than none.


def land_deliverables(task: Task) -> None:
    """Fill each requested name that is missing from a file of the same kind."""
    fill_missing(task, same_kind=True)
'''

REASSEMBLY_CODE = r'''
# Deliverable reassembly: a file written part after part to one path holds only the last part.


def reassemble_deliverables(task: Task, messages: list[dict[str, Any]]) -> None:
    """Write each file again that the model wrote in parts, with all of its parts in order."""
    for path, (writer, parts) in parts_written(task, messages).items():
        if len(parts) > 1 and path.is_file():
            run_tool(task, writer, {"file_path": str(path), "content": "\n\n".join(parts)})


def parts_written(task: Task, messages: list[dict[str, Any]]) -> dict[Path, tuple[str, list[str]]]:
    """By path: the tool that wrote it last, and the parts of its last version."""
    written: dict[Path, tuple[str, list[str]]] = {}
    for call in successful_calls(messages):
        name, arguments = call["name"], call["input"]
        if "file_path" not in arguments:
            continue
        path = to_write(task, arguments["file_path"])
        writer, parts = written.get(path, (name, []))
        if name.startswith("write"):
            earlier = parts if writer == name else []
            written[path] = (name, with_part(earlier, arguments["content"]))
        elif name == "edit":
            old, new = arguments["old_string"], arguments["new_string"]
            written[path] = (writer, [part.replace(old, new) for part in parts])
    return written


def with_part(parts: list[str], content: str) -> list[str]:
    """The parts with one more; a text that repeats earlier ones replaces them as a revision."""
    before = {line for part in parts for line in part.splitlines() if line.strip()}
    if len(before & set(content.splitlines())) * 2 > len(before):
        return [content]
    openings = [opening(part) for part in parts]
    repeated = opening(content) in openings
    return [*(parts[: openings.index(opening(content))] if repeated else parts), content]


def opening(part: str) -> str:
    """The first line with text, without heading marks, case and outer blanks."""
    lines = [line.strip(" #\t").casefold() for line in part.splitlines()]
    return next((line for line in lines if line), "")
'''


def clobbered(rollout: RolloutEvidence) -> float:
    """The share of each deliverable's text that later writes to the same path replaced."""
    parts: dict[str, list[str]] = {}
    for call in rollout.calls:
        if call.written:
            parts.setdefault(path_in_output(call.written), []).append(
                str(call.arguments["content"])
            )
    return rollout.share_of_lost(sum(_replaced(texts) for texts in parts.values()))


def _replaced(texts: list[str]) -> float:
    """The share of the characters that are gone, unless the later text began like the first."""
    openings = {text.strip().partition("\n")[0] for text in texts}
    size = sum(len(text) for text in texts)
    if len(openings) < len(texts) or not size:
        return 0.0
    return 1 - len(texts[-1]) / size


LANDING = Mechanism(
    name="deliverable_landing_gate",
    hypothesis=(
        "Some requested files are written but not under their exact name at the top level of the "
        "output folder, so every criterion about them is lost. Copying the best file found "
        "elsewhere to the requested name raises the pooled pass rate."
    ),
    changes=(
        "added ONE deterministic mechanism after the conversation, land_deliverables: each "
        "requested name that is missing gets a copy of the file of the same extension whose name "
        "has most words in common, the newest first; a file already delivered is never replaced."
    ),
    edits=(
        AddNote("a requested file that is missing is filled from the best file found elsewhere"),
        AddImport("shutil"),
        helpers.at_end("land_deliverables(task)"),
        helpers.REQUESTED,
        helpers.LANDING,
        AddSection(LANDING_CODE, before=TOOLS_SECTION),
    ),
    symptom=misplaced,
)

REASSEMBLY = Mechanism(
    name="deliverable_reassembly_gate",
    hypothesis=(
        "A long deliverable written in parts to one path keeps only its last part, because each "
        "write replaces the file. Joining the parts from the message history raises the pooled "
        "pass rate."
    ),
    changes=(
        "added ONE deterministic mechanism at the end of the conversation, "
        "reassemble_deliverables: a path written several times with texts that continue one "
        "another is written once more, by the same tool, with all of them in order."
    ),
    edits=(
        AddNote("a file that the model wrote in parts is put together again from the messages"),
        helpers.when_done("reassemble_deliverables(task, messages)"),
        helpers.CALLS,
        AddSection(REASSEMBLY_CODE, before=TOOLS_SECTION),
    ),
    symptom=clobbered,
)

LISTING_CODE = r'''
# Output listing: the model always knows what it has delivered so far.


def delivered_so_far(task: Task, tool_name: str) -> str:
    """After a writing tool, a line with the files now in the output folder; else nothing."""
    if not tool_name.startswith("write"):
        return ""
    names = sorted(path.name for path in task.output.glob("*") if is_visible(path))
    return f"\nnow in {task.output}: {', '.join(names)}"
'''

LISTING = Mechanism(
    name="output_listing",
    hypothesis=(
        "The model loses track of what it has delivered. Listing the output folder after every "
        "write lets it notice a missing or misnamed file while it can still act."
    ),
    changes=(
        "added ONE mechanism to tool results, delivered_so_far: the result of a writing tool also "
        "names the files now at the top level of the output folder."
    ),
    edits=(
        AddNote("the result of a writing tool lists the output folder"),
        Insert(
            "answer",
            "after",
            'text = run_tool(task, call["name"], call["input"])',
            'text += delivered_so_far(task, call["name"])',
        ),
        AddSection(LISTING_CODE, before=TOOLS_SECTION),
    ),
    symptom=weighed(TOLD, missing),
)
