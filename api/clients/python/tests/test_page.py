"""Every block of docs/python.md, in its order."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY

import atelier

for package in ("torch", "diffusers", "mlflow", "tensorboard"):
    pytest.importorskip(package)

PAGE = Path(__file__).parents[4] / "docs/python.md"


def test_should_run_as_it_is_written(
    done: atelier.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "examples").mkdir()
    shutil.copy(TINY, tmp_path / "examples/demo.yaml")  # which takes minutes
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    assert len(blocks) == 8
    said = capsys.readouterr().out
    assert "DONE http://" in said and "422 invalid-spec students.count" in said
    assert names["folder"].parent == Path("runs") and len(names["images"]) == 4
    assert names["loss"].shape == (4, 1) and names["frame"]["id"].notna().all()
    assert (tmp_path / "out/student-1.safetensors").is_file()
