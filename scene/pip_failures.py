"""What pip's log says went wrong, in one sentence with the way out."""

from __future__ import annotations

import re
from pathlib import Path

_NO_SPACE = re.compile(
    r"\[Errno (27|28|122)\]|\[WinError 112\]|No space left|Disk quota exceeded|not enough space on the disk"
)
_NO_PERMISSION = re.compile(r"\[Errno (1|13|30)\]|\[WinError 5\]|Permission denied|Read-only file system")
_NO_NETWORK = re.compile(
    r"NewConnectionError|Max retries exceeded|ConnectTimeout|ReadTimeout|ConnectionResetError|ProxyError|SSLError"
    r"|ProtocolError|IncompleteRead|Could not fetch URL|Connection (broken|aborted|refused)|HTTP error 5\d\d"
)
_NOT_THERE = re.compile(r"No matching distribution found for ([\w.=+-]+)|HTTP error 404")
_WRONG_HASH = re.compile(r"DO NOT MATCH THE HASHES")
_NO_PIP = re.compile(r"ensurepip|No module named '?venv")


def sentence(log: str, name: str, folder: Path, log_file: Path) -> str:
    """Return why a command failed.

    Args:
        log: What the command printed.
        name: The package that it was about, or an empty text.
        folder: Where it wrote.
        log_file: Where the whole log is.
    """
    about = f"'{name}'" if name else "A package"
    if _WRONG_HASH.search(log):
        return (
            f"{about} is not the file that Sightline's list names (its hash differs), so it was refused; try again, "
            "and if that does not help, tell whoever keeps the package index or proxy."
        )
    if _NO_SPACE.search(log):
        return f"The disk with '{folder}' is full; free some space and press the button again: it goes on from there."
    if _NO_PERMISSION.search(log):
        return f"Sightline may not write in '{folder}'; allow that, or set Backend Folder to another one."
    if _NO_NETWORK.search(log):
        return (
            "The package index cannot be reached; check the network and press the button again: it goes on from there."
        )
    if _NOT_THERE.search(log):
        return f"{about} is not in the package index for this Python and system; use a wheel folder, or another index."
    if _NO_PIP.search(log):
        return (
            "This Blender's Python cannot make environments (no venv or ensurepip); set Backend Python to another one."
        )
    return f"The backend cannot be installed ({last_line(log)}); the whole story is in '{log_file}'."


def last_line(log: str) -> str:
    """Return the last line that says something, without colours."""
    lines = (re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in reversed(log.splitlines()))
    return next((line for line in lines if line), "no reason given")[:300].rstrip(".")
