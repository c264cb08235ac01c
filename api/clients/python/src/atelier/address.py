"""Which API is meant, and as whom: as the command line finds them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

LOCAL = "http://127.0.0.1:8080"


class Address(NamedTuple):
    """Where an API is (``http://host:port``), and the token that it wants; None: it is open."""

    url: str
    token: str | None


def find(url: str | None = None, token: str | None = None) -> Address:
    """What is given; else the environment, the file of settings, the local stack that runs, ``LOCAL``.

    A running stack's token goes to that stack alone.
    """
    settings = _settings()
    named = url or os.environ.get("ATELIER_URL") or settings.get("url")
    stack = _stack(named)
    address = named or (stack.url if stack else LOCAL)
    token = token or os.environ.get("ATELIER_TOKEN")
    if not token:
        token = stack.token if stack and _same(stack.url, address) else settings.get("token")
    return Address(address.rstrip("/"), token or None)


def _stack(named: str | None) -> Address | None:
    """The running stack at an address; without one that in ``~/.atelier``, or the only one elsewhere."""
    usual = _running(Path.home() / ".atelier")
    notes = _folder("XDG_STATE_HOME", ".local/state") / "atelier/stacks"
    others = [stack for note in sorted(notes.glob("*")) if (stack := _running(Path(_text(note))))]
    if named:
        return next((stack for stack in [usual, *others] if stack and _same(stack.url, named)), None)
    return usual or (others[0] if len(others) == 1 else None)


def _running(folder: Path) -> Address | None:
    """The stack of a data folder, if its process runs: whoever else listens there must not get the token."""
    properties = _properties(folder / "client.properties")
    pid, _, ticks = properties.get("process", "").partition("-")
    if not pid.isdigit() or "url" not in properties or _start_ticks(int(pid)) != ticks:
        return None
    return Address(properties["url"], properties.get("token"))


def _start_ticks(pid: int) -> str | None:
    """When a process started, field 22 of its ``stat``; None: it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _settings() -> dict[str, str]:
    named = os.environ.get("ATELIER_CONFIG")
    return _properties(Path(named) if named else _folder("XDG_CONFIG_HOME", ".config") / "atelier/config.properties")


def _folder(variable: str, usual: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / usual)


def _properties(file: Path) -> dict[str, str]:
    """The lines ``key = value`` of a properties file as Java writes them."""
    pairs = {}
    for line in _text(file).splitlines():
        if match := re.match(r"\s*([^#!=:\s][^=:\s]*)\s*[=:]?\s*(.*)", line):
            pairs[match[1]] = re.sub(r"\\u([0-9a-fA-F]{4})|\\(.)", _unescape, match[2])
    return {key: value for key, value in pairs.items() if value.strip()}


def _text(file: Path) -> str:
    """Empty where there is none, as of a stack that has just ended."""
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        return ""


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else match[2]


def _same(one: str, other: str) -> bool:
    return _normal(one) == _normal(other)


def _normal(url: str) -> str:
    return re.sub(r"^http://localhost(?=:|$)", "http://127.0.0.1", url.rstrip("/"))
