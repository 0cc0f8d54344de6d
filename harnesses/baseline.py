"""The stock agent loop: one conversation with a handful of file tools, and nothing else.

The model gets the task's instructions, works with the tools, and is finished when it calls none.
The stock loop retries, repairs and checks nothing; mechanisms are what a search adds.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness_kit import Model, Task, read_document, write_docx, write_xlsx

TURN_LIMIT = 200
MAX_TOKENS = 8_000
BASH_SECONDS = 60
LONGEST_RESULT = 60_000  # characters

SYSTEM = """\
You are an experienced professional completing one assignment on your own.

Where things are:
- `documents/` holds the papers of the matter. Never change them.
- `output/` is where deliverables go. A relative path given to a writing tool lands there.
- Anything else in the current folder is scratch space that nobody reads.

How to work:
- List the documents first and read what bears on the assignment before you write.
- Rely on the papers only. Give names, dates and amounts exactly as they stand there.
- Deliver each requested file under the requested name and in the requested format:
  `write_docx` for Word, `write_xlsx` for Excel, `write` for plain text and Markdown.
- When everything is delivered, answer with a short closing message and call no tool.
"""

Arguments = dict[str, Any]


def solve(task: Task, model: Model) -> None:
    """Work on one task until the model calls no tool or the turn limit is reached."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": task.instructions}]
    converse(task, model, messages)


def converse(task: Task, model: Model, messages: list[dict[str, Any]]) -> None:
    """Let the model act and show it the results, turn after turn."""
    for _ in range(TURN_LIMIT):
        reply = model.complete(
            system=cached_system(),
            messages=with_breakpoint(messages),
            tools=TOOLS,
            max_tokens=MAX_TOKENS,
        )
        messages.append({"role": "assistant", "content": reply.content})
        calls = [block for block in reply.content if block["type"] == "tool_use"]
        if not calls:
            return
        results = [answer(task, call) for call in calls]
        messages.append({"role": "user", "content": results})


def answer(task: Task, call: dict[str, Any]) -> dict[str, Any]:
    """Run one tool call; a failure is told to the model as the tool's result."""
    failed = False
    try:
        text = run_tool(task, call["name"], call["input"])
    except (OSError, ValueError, TypeError, re.error, subprocess.SubprocessError) as error:
        text, failed = f"{type(error).__name__}: {error}", True
    result = text[:LONGEST_RESULT]
    return {
        "type": "tool_result",
        "tool_use_id": call["id"],
        "content": result,
        "is_error": failed,
    }


def run_tool(task: Task, name: str, arguments: Arguments) -> str:
    """The result of a tool as text; raises ValueError for a call that makes no sense."""
    if name not in RUNNERS:
        raise ValueError(f"there is no tool named {name!r}")
    if not isinstance(arguments, dict):
        raise ValueError("the tool input is not a JSON object")
    missing = [key for key in REQUIRED[name] if key not in arguments]
    if missing:
        raise ValueError(f"missing argument: {', '.join(missing)}")
    return RUNNERS[name](task, arguments)


# Prompt caching: the prefix up to each breakpoint is billed at the cached rate next time.


def cached_system() -> list[dict[str, Any]]:
    return [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]


def with_breakpoint(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same messages with a cache breakpoint on the last block."""
    last = messages[-1]
    content = last["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    blocks[-1] = {**blocks[-1], "cache_control": {"type": "ephemeral"}}
    return [*messages[:-1], {**last, "content": blocks}]


# The tools.


def bash(task: Task, arguments: Arguments) -> str:
    done = subprocess.run(
        ["bash", "-c", arguments["command"]],
        cwd=task.workspace,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=BASH_SECONDS,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return f"{done.stdout}{done.stderr}[exit code {done.returncode}]"


def read(task: Task, arguments: Arguments) -> str:
    lines = read_document(to_read(task, arguments["file_path"])).splitlines()
    first = int(arguments.get("offset", 1))
    count = int(arguments.get("limit", 2_000))
    shown = lines[first - 1 : first - 1 + count]
    left = len(lines) - (first - 1 + len(shown))
    note = [f"[{left} more lines; continue at offset {first + len(shown)}]"] if left > 0 else []
    return "\n".join([*shown, *note])


def write(task: Task, arguments: Arguments) -> str:
    target = to_write(task, arguments["file_path"])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(arguments["content"], encoding="utf-8")
    return f"wrote {target}"


def write_word(task: Task, arguments: Arguments) -> str:
    target = to_write(task, arguments["file_path"])
    write_docx(target, arguments["content"])
    return f"wrote {target}"


def write_workbook(task: Task, arguments: Arguments) -> str:
    target = to_write(task, arguments["file_path"])
    write_xlsx(target, arguments["content"])
    return f"wrote {target}"


def edit(task: Task, arguments: Arguments) -> str:
    target = to_write(task, arguments["file_path"])
    text = target.read_text(encoding="utf-8")
    count = text.count(arguments["old_string"])
    if count == 0:
        raise ValueError("old_string does not occur in the file")
    if count > 1 and not arguments.get("replace_all"):
        raise ValueError(f"old_string occurs {count} times; make it unique or set replace_all")
    target.write_text(text.replace(arguments["old_string"], arguments["new_string"]), "utf-8")
    return f"replaced {count} in {target}"


def glob(task: Task, arguments: Arguments) -> str:
    folder = to_read(task, arguments.get("path", "."))
    found = [path for path in sorted(folder.glob(arguments["pattern"])) if is_visible(path)]
    return "\n".join(str(path) for path in found) or "no files"


def grep(task: Task, arguments: Arguments) -> str:
    folder = to_read(task, arguments.get("path", "documents"))
    pattern = re.compile(arguments["pattern"], re.IGNORECASE)
    names_only = arguments.get("output_mode") == "files"
    hits: list[str] = []
    for path in sorted(folder.rglob(arguments.get("glob", "*"))):
        if is_visible(path):
            lines = [line for line in searchable_text(path).splitlines() if pattern.search(line)]
            hits += [str(path)] if names_only and lines else [f"{path}: {line}" for line in lines]
    return "\n".join(hits) or "no matches"


def searchable_text(path: Path) -> str:
    """The text of a document, empty when it cannot be read."""
    try:
        return read_document(path)
    except ValueError:
        return ""


def is_visible(path: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.parts)


def to_read(task: Task, name: str) -> Path:
    """A path that exists in the workspace, or else the one in the output folder."""
    path = task.workspace / name
    return path if path.exists() else task.output / name


def to_write(task: Task, name: str) -> Path:
    """Relative paths land in the output folder."""
    path = Path(name)
    if path.is_absolute() or path.parts[:1] == (task.output.name,):
        return path
    return task.output / path


def tool(name: str, description: str, required: list[str], *optional: str) -> dict[str, Any]:
    """A tool definition whose arguments are strings, numbers or flags by their names."""
    kinds = {"offset": "integer", "limit": "integer", "replace_all": "boolean"}
    properties = {key: {"type": kinds.get(key, "string")} for key in (*required, *optional)}
    schema = {"type": "object", "properties": properties, "required": required}
    return {"name": name, "description": description, "input_schema": schema}


TOOLS = [
    tool("bash", "Run a shell command in the current folder.", ["command"]),
    tool(
        "read",
        "Read a document as text: .docx, .xlsx, .pptx, .pdf, .eml, .txt, .md. `offset` and `limit` "
        "count lines.",
        ["file_path"],
        "offset",
        "limit",
    ),
    tool("write", "Write a plain text or Markdown file.", ["file_path", "content"]),
    tool(
        "write_docx",
        "Write a Word document (.docx). `content` is the whole document as Markdown.",
        ["file_path", "content"],
    ),
    tool(
        "write_xlsx",
        "Write an Excel workbook (.xlsx). `content` is Markdown: a `## name` heading starts a "
        "sheet, pipe rows are its rows.",
        ["file_path", "content"],
    ),
    tool(
        "edit",
        "Replace text in a plain text or Markdown file.",
        ["file_path", "old_string", "new_string"],
        "replace_all",
    ),
    tool("glob", "List files that match a pattern such as `**/*.docx`.", ["pattern"], "path"),
    tool(
        "grep",
        "Search the text of documents. `output_mode` is `content` or `files`.",
        ["pattern"],
        "path",
        "glob",
        "output_mode",
    ),
]

REQUIRED = {item["name"]: item["input_schema"]["required"] for item in TOOLS}

RUNNERS: dict[str, Callable[[Task, Arguments], str]] = {
    "bash": bash,
    "read": read,
    "write": write,
    "write_docx": write_word,
    "write_xlsx": write_workbook,
    "edit": edit,
    "glob": glob,
    "grep": grep,
}
