"""Event files, as TensorBoard reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

import atelier

pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer


def read(folder: Path) -> EventMultiplexer:
    runs = EventMultiplexer().AddRunsFromDirectory(str(folder))
    runs.Reload()
    return runs


def scalars(runs: EventMultiplexer, run: str, tag: str) -> list[tuple[int, float]]:
    """Points of a series, whatever form the file has them in."""
    return [(event.step, event.tensor_proto.float_val[0]) for event in runs.Tensors(run, tag)]


def test_should_write_curves_figures_samples_and_the_spec(done: atelier.Experiment, tmp_path: Path) -> None:
    root = done.to_tensorboard(tmp_path)
    assert root == tmp_path / f"tiny-{done.id}"
    runs = read(root)
    assert set(runs.Runs()) == {
        *done.models,
        *(f"figures/{subject}" for subject in ("teacher", "one-to-one", "o2mkd", "dataset")),
        "spec",
    }
    for model in done.models:
        curves = done.curves(model)
        assert set(runs.Runs()[model]["tensors"]) == set(curves.columns)
        for series in curves:
            expected = [(step, pytest.approx(value, rel=1e-6)) for step, value in curves[series].dropna().items()]
            assert scalars(runs, model, series) == expected
    distance = done.evaluations.loc["o2mkd", "distance"]
    assert scalars(runs, "figures/o2mkd", "distance") == [(0, pytest.approx(distance, rel=1e-6))]
    picture = runs.Tensors("figures/o2mkd", "samples")[0].tensor_proto.string_val
    png = (done.download(tmp_path / "files", "samples-o2mkd.png") / "samples-o2mkd.png").read_bytes()
    assert picture[2] == png
    assert b"awaitRetryHours" in runs.Tensors("spec", "spec")[0].tensor_proto.string_val[0]


def test_should_replace_what_it_wrote_before(done: atelier.Experiment, tmp_path: Path) -> None:
    root = done.to_tensorboard(tmp_path)
    (root / "teacher/events.out.tfevents.1.mine").write_bytes(b"")
    before = {file.parent for file in root.rglob("events.*.atelier")}
    assert done.to_tensorboard(tmp_path) == root
    after = list(root.rglob("events.*.atelier"))
    assert {file.parent for file in after} == before and len(after) == len(before)
    assert (root / "teacher/events.out.tfevents.1.mine").exists(), "of others nothing is taken away"
    assert len(scalars(read(root), "teacher", "loss")) == 6
