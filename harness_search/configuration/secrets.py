"""Keeps what may be a key out of messages and printed configurations.

Keys belong in environment variables. One that was pasted into the settings by mistake must not be
spread further by the sentence that says so.
"""

import re
from typing import Any

HIDDEN = "not shown: it may be a secret"
PREFIXES = (
    r"(?:sk|rk|pk|gsk|xai|hf|ghp|gho|ghs|glpat|nvapi)[-_]\w[\w-]{7,}"
    r"|github_pat_\w{8,}|AKIA\w{12,}|AIza[\w-]{20,}|eyJ[\w-]{10,}"
)
KEY = re.compile(
    rf"(?<![A-Za-z0-9])(?:{PREFIXES})"
    r"|(?i:bearer|basic)\s+\S{8,}"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{20,}"
)
"""What keys of known providers begin with, and whatever is long and mixed enough to be one."""
PASSWORD = re.compile(r"//[^/@\s]*@")
SECRET_NAME = re.compile(r"(?i)secret|password|passwd|credential|authorization|api_?key|_token$")
VARIABLE_NAME = re.compile(r"[A-Z_][A-Z0-9_]*|[A-Za-z_]\w{0,14}|[A-Za-z_]+")


def may_be_secret(value: Any, name: str = "") -> bool:
    """Whether a value, or anything in it, may be a key or holds a password; `name`: its field's."""
    if isinstance(value, dict):
        return any(may_be_secret(item, str(key)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return any(may_be_secret(item) for item in value)
    if not isinstance(value, str) or not value:
        return False
    if name == "key_variable" and not VARIABLE_NAME.fullmatch(value):
        return True
    named = name != "key_variable" and SECRET_NAME.search(name)
    return bool(named or KEY.search(value) or PASSWORD.search(value))


def shown(value: Any, name: str = "") -> str:
    """A wrong value as a message repeats it: bounded, and without what may be a secret."""
    if name == "key_variable":
        return "something else (not shown: it may be the key itself)"
    if isinstance(value, str) and PASSWORD.search(value) and not KEY.search(value):
        return PASSWORD.sub("//...@", repr(value))[:120]
    return f"a value ({HIDDEN})" if may_be_secret(value, name) else repr(value)[:120]
