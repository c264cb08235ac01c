"""Where address and token come from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from atelier.address import LOCAL, Address, find


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ATELIER_URL", "ATELIER_TOKEN", "ATELIER_CONFIG", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def settings(home: Path, text: str) -> None:
    folder = home / ".config/atelier"
    folder.mkdir(parents=True)
    (folder / "config.properties").write_text(text)


def stack(folder: Path, port: int, process: str | None = None) -> Path:
    """What a running stack leaves, as Java writes properties."""
    folder.mkdir(parents=True)
    if process is None:
        stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        process = f"{os.getpid()}-{stat[19]}"
    (folder / "client.properties").write_text(
        f"#The local stack that runs now\nprocess={process}\nurl=http\\://127.0.0.1\\:{port}\ntoken=atl_stack\n"
    )
    return folder


def note(home: Path, folder: Path) -> None:
    notes = home / ".local/state/atelier/stacks"
    notes.mkdir(parents=True, exist_ok=True)
    (notes / folder.name).write_text(str(folder))


def test_should_use_the_usual_address_when_nothing_is_set() -> None:
    assert find() == Address(LOCAL, None)


def test_should_prefer_what_is_given_to_what_is_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(home, "# mine\nurl = https://file.test/\ntoken: atl_file\n")
    assert find() == Address("https://file.test", "atl_file")
    monkeypatch.setenv("ATELIER_URL", "https://environment.test")
    monkeypatch.setenv("ATELIER_TOKEN", "atl_environment")
    assert find() == Address("https://environment.test", "atl_environment")
    assert find("https://given.test", "atl_given") == Address("https://given.test", "atl_given")


def test_should_read_the_file_that_the_environment_names(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "mine").write_text("url=https://named.test\n")
    monkeypatch.setenv("ATELIER_CONFIG", str(home / "mine"))
    assert find() == Address("https://named.test", None)


def test_should_find_the_stack_that_runs(home: Path) -> None:
    stack(home / ".atelier", 8181)
    note(home, stack(home / "other", 8282))
    assert find() == Address("http://127.0.0.1:8181", "atl_stack")
    assert find("http://localhost:8282/") == Address("http://localhost:8282", "atl_stack")


def test_should_find_the_only_stack_that_runs_elsewhere(home: Path) -> None:
    note(home, stack(home / "one", 8383))
    assert find() == Address("http://127.0.0.1:8383", "atl_stack")
    note(home, stack(home / "two", 8484))
    assert find() == Address(LOCAL, None)


def test_should_not_give_a_stacks_token_to_another_server(home: Path) -> None:
    stack(home / ".atelier", 8181)
    assert find("https://other.test") == Address("https://other.test", None)


@pytest.mark.parametrize("process", ["1-1", "99999999-1", "", "x"])
def test_should_pass_over_a_stack_whose_process_has_ended(home: Path, process: str) -> None:
    stack(home / ".atelier", 8181, process)
    assert find() == Address(LOCAL, None)
