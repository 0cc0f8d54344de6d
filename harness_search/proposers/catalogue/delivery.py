"""Mechanisms that see to it that what the model wrote arrives as a deliverable."""

from harness_search.proposers.catalogue.edits import AddImport, AddNote, AddSection, AddStatement
from harness_search.proposers.catalogue.edits import InsertStatement as Insert
from harness_search.proposers.catalogue.evidence import RolloutEvidence, path_in_output, suffix
from harness_search.proposers.catalogue.mechanism import TOLD, TOOLS_SECTION, Mechanism

LANDING_CODE = r'''
# Deliverable landing: only files at the top level of the output folder are graded.


def land_deliverables(task: Task) -> None:
    """Give each requested name that is missing a copy of the best file found elsewhere."""
    names = requested_names(task)
    missing = [name for name in names if is_missing(task.output / name)]
    delivered = {task.output / name for name in names}
    found = [path for path in files_written(task) if path not in delivered]
    task.output.mkdir(parents=True, exist_ok=True)
    pairs = [(path, name) for name in missing for path in found if is_same_kind(path, name)]
    for path, name in sorted(pairs, key=landing_order, reverse=True):
        if name in missing and path in found:
            shutil.copyfile(path, task.output / name)
            missing.remove(name)
            found.remove(path)


def requested_names(task: Task) -> list[str]:
    """The names that the task lists, or else the file names in backticks in its instructions."""
    if task.deliverables:
        return list(task.deliverables)
    quoted = re.findall(r"`(?:[^`\n]*/)?([^`/\n]+\.\w{2,5})`", task.instructions)
    inputs = {path.name for path in task.documents.rglob("*")}
    return [name for name in dict.fromkeys(quoted) if name not in inputs]


def is_missing(path: Path) -> bool:
    return not path.exists() or (path.is_file() and path.stat().st_size == 0)


def files_written(task: Task) -> list[Path]:
    """Every file with content in the workspace and the output folder, the documents left out."""
    folders = (task.workspace, task.output)
    paths = {path for folder in folders for path in folder.rglob("*") if is_visible(path)}
    own = [path for path in sorted(paths) if task.documents not in path.parents]
    return [path for path in own if path.stat().st_size > 0]


def is_same_kind(path: Path, name: str) -> bool:
    return path.suffix.casefold() == Path(name).suffix.casefold()


def landing_order(pair: tuple[Path, str]) -> tuple[float, int, str]:
    """Most words of the name in common first, then the newest file."""
    path, name = pair
    had, wanted = words_of(path), words_of(Path(name))
    return len(had & wanted) / len(had | wanted), path.stat().st_mtime_ns, str(path)


def words_of(path: Path) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", path.stem.casefold())) or {path.stem}
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


def successful_calls(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    contents = [message["content"] for message in messages if isinstance(message["content"], list)]
    blocks = [block for content in contents for block in content]
    results = [block for block in blocks if block["type"] == "tool_result"]
    done = {block["tool_use_id"] for block in results if not block["is_error"]}
    return [block for block in blocks if block["type"] == "tool_use" and block["id"] in done]


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


def misplaced(rollout: RolloutEvidence) -> float:
    """Missing deliverables for which a file of the same kind lies elsewhere."""
    kinds = {suffix(path) for path in rollout.stray}
    return rollout.share_of_lost(sum(suffix(name) in kinds for name in rollout.missing))


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


def absent(rollout: RolloutEvidence) -> float:
    """Missing deliverables, whatever became of them, that a reminder may bring."""
    return TOLD * rollout.share_of_lost(len(rollout.missing))


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
        AddStatement("solve", "land_deliverables(task)"),
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
        Insert("converse", "before", "return", "reassemble_deliverables(task, messages)"),
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
    symptom=absent,
)
