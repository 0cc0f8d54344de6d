"""Code that several mechanisms need; a harness file gets each section once."""

from harness_search.proposers.catalogue.edits import AddHelpers, AddStatement, InsertStatement
from harness_search.proposers.catalogue.mechanism import TOOLS_SECTION

REQUESTED_CODE = r'''
# Requested files: what the task wants under which name.


def requested_names(task: Task) -> list[str]:
    """The names that the task lists, or else the file names in backticks in its instructions."""
    if task.deliverables:
        return list(task.deliverables)
    quoted = re.findall(r"`(?:[^`\n]*/)?([^`/\n]+\.\w{2,5})`", task.instructions)
    inputs = {path.name for path in task.documents.rglob("*")}
    return [name for name in dict.fromkeys(quoted) if name not in inputs]


def is_missing(path: Path) -> bool:
    return not path.exists() or (path.is_file() and path.stat().st_size == 0)
'''

LANDING_CODE = r'''
# Landing: only files at the top level of the output folder are graded.


def fill_missing(task: Task, *, same_kind: bool) -> None:
    """Give each requested name that is missing a copy of the best file found elsewhere."""
    names = requested_names(task)
    missing = [name for name in names if is_missing(task.output / name)]
    delivered = {task.output / name for name in names}
    found = [path for path in files_written(task) if path not in delivered]
    task.output.mkdir(parents=True, exist_ok=True)
    pairs = [(path, name) for name in missing for path in found]
    fitting = [pair for pair in pairs if is_same_kind(*pair) == same_kind]
    for path, name in sorted(fitting, key=landing_order, reverse=True):
        if name in missing and path in found:
            shutil.copyfile(path, task.output / name)
            missing.remove(name)
            found.remove(path)


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

DELIVERED_CODE = r'''
# Delivered text: what is written in the output folder so far.


def delivered_text(task: Task) -> str:
    """The text of every file in the output folder, whatever its name promises."""
    return "\n".join(text_in(path) for path in sorted(task.output.rglob("*")) if is_visible(path))


def text_in(path: Path) -> str:
    try:
        return read_document(path)
    except ValueError:  # it does not open as its extension says, and may hold plain text
        return path.read_text("utf-8", errors="replace")
'''

POINTS_CODE = r'''
# Numbered points: `3. Heading: what to do` in the instructions.

POINT = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]+(.+)", re.MULTILINE)
LONGEST_HEADING = 60  # characters before a colon; more is a sentence


def points_of(instructions: str) -> list[tuple[str, str]]:
    """Heading and request of each numbered point; the heading is empty where none is given."""
    parts = [text.partition(": ") for text in POINT.findall(instructions)]
    return [
        (heading, rest) if rest and len(heading) <= LONGEST_HEADING else ("", heading + mark + rest)
        for heading, mark, rest in parts
    ]
'''

CALLS_CODE = r'''
# Calls so far: what the model has done.


def successful_calls(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tool_use blocks of all calls that did not fail, in order."""
    contents = [message["content"] for message in messages if isinstance(message["content"], list)]
    blocks = [block for content in contents for block in content]
    results = [block for block in blocks if block["type"] == "tool_result"]
    done = {block["tool_use_id"] for block in results if not block["is_error"]}
    return [block for block in blocks if block["type"] == "tool_use" and block["id"] in done]
'''

ASKING_CODE = r'''
# Further messages: what the model is asked once it calls no tool any more.


def ask(messages: list[dict[str, Any]], request: str, *, times: int = 1) -> bool:
    """Go on with one more message, unless one that opens like it was sent so many times."""
    opening = request.partition("\n")[0]
    sent = [message["content"] for message in messages if isinstance(message["content"], str)]
    if sum(text.startswith(opening) for text in sent) >= times:
        return False
    if not messages[-1]["content"]:  # a reply without any content cannot be sent back
        messages.pop()
    messages.append({"role": "user", "content": request})
    return True
'''

REQUESTED = AddHelpers(REQUESTED_CODE, before=TOOLS_SECTION)
LANDING = AddHelpers(LANDING_CODE, before=TOOLS_SECTION)
DELIVERED = AddHelpers(DELIVERED_CODE, before=TOOLS_SECTION)
POINTS = AddHelpers(POINTS_CODE, before=TOOLS_SECTION)
CALLS = AddHelpers(CALLS_CODE, before=TOOLS_SECTION)
ASKING = AddHelpers(ASKING_CODE, before=TOOLS_SECTION)

GATES = ("land_deliverables(task)", "land_other_kinds(task)", "write_as_named(task)")
"""What runs at the end of `solve`: a file found under its own kind is better than another one,
and only what lies in its place can be made what its name says."""

FINISHING = (
    "reassemble_deliverables(task, messages)",
    "if asks_for_unread(task, messages):\n    continue",
    "if asks_about_matter(task, messages):\n    continue",
    "if asks_for_rest(task, messages):\n    continue",
)
"""What runs in `converse` when the model calls no tool: first whatever mends files, then the
requests, of which each may make the next one needless."""


def at_end(statement: str) -> AddStatement:
    """One of `GATES`, in its place."""
    return AddStatement("solve", statement, _later(GATES, statement))


def when_done(statement: str) -> InsertStatement:
    """One of `FINISHING`, in its place."""
    return InsertStatement("converse", "before", "return", statement, _later(FINISHING, statement))


def _later(order: tuple[str, ...], statement: str) -> tuple[str, ...]:
    return order[order.index(statement) + 1 :]
