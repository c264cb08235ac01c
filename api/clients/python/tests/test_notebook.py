"""The notebook of the examples, from its first cell to its last."""

from __future__ import annotations

from pathlib import Path

import pytest

import atelier

pytest.importorskip("diffusers")
pytest.importorskip("matplotlib")
nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOK = Path(__file__).parents[4] / "examples/notebook.ipynb"
PATIENCE = 600  # seconds for a cell; ends a hung test, no more
SMALL = "teacher_steps, student_steps, samples = 40, 30, 200"  # what the notebook is for takes minutes


def test_should_run_whole(api: atelier.Atelier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code), "it is kept without outputs"
    (parameters,) = (cell for cell in code if "parameters" in cell.metadata.get("tags", ()))
    parameters.source = SMALL

    nbclient.NotebookClient(
        notebook, timeout=PATIENCE, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    said = {k: "".join(text(output) for output in cell.outputs) for k, cell in enumerate(code)}
    latest = next(iter(api.experiments("label.question=specialists")))
    assert any(f"{latest.id!r}, name='three specialists', stage='DONE'" in output for output in said.values())
    assert any("o2mkd" in output and "kernelDistance" in output for output in said.values())
    assert any("the dataset than one generalist." in output for output in said.values())
    assert said[len(code) - 1] == "torch.Size([2, 3, 16, 16])"
    pictures = [output for cell in code for output in cell.outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2


def text(output: dict) -> str:  # type: ignore[type-arg]
    return str(output.get("text") or output.get("data", {}).get("text/plain", ""))
