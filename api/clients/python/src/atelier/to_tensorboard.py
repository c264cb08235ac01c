"""Event files of TensorBoard."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atelier._client.models.artifact_view import ArtifactView
from atelier._client.models.experiment_view import ExperimentView

if TYPE_CHECKING:
    from atelier.experiment import Experiment

_SUFFIX = ".atelier"  # of the files that another call replaces
_GRID = "samples-"


def write(experiment: Experiment, folder: Path) -> Path:
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.text.summary_v2 import text_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as e:
        raise ImportError("Event files want tensorboard: pip install 'atelier[tensorboard]'.") from e

    view = experiment.refresh()
    root = folder / f"{_plain(experiment.name)}-{experiment.id}"
    time = (view.finished_at or view.updated_at or view.created_at).timestamp()  # type: ignore[union-attr]

    def run(name: str, events: Iterable[tuple[int, Any]]) -> None:
        for old in (root / name).glob(f"events.*{_SUFFIX}"):
            old.unlink()
        writer = EventFileWriter(str(root / name), filename_suffix=_SUFFIX)
        for step, summary in events:
            writer.add_event(Event(wall_time=time, step=step, summary=summary))
        writer.close()

    def scalar(tag: str, value: float) -> Any:
        return Summary(value=[Summary.Value(tag=tag, simple_value=value)])

    def image(tag: str, png: bytes) -> Any:
        width, height = struct.unpack(">II", png[16:24])
        picture = Summary.Image(width=width, height=height, colorspace=3, encoded_image_string=png)
        return Summary(value=[Summary.Value(tag=tag, image=picture)])

    for model in experiment.models:
        curves = experiment.curves(model)
        points = [(name, step, value) for name in curves for step, value in curves[name].dropna().items()]
        run(model, ((int(step), scalar(name, value)) for name, step, value in points))
    subjects: dict[str, list[tuple[int, Any]]] = {}
    for subject, row in figures(view).items():
        subjects[subject] = [(0, scalar(name, value)) for name, value in row.items()]
    for artifact in _grids(view):
        png = b"".join(experiment._connection.file(artifact.href or ""))
        subjects.setdefault((artifact.name or "")[len(_GRID) : -len(".png")], []).append((0, image("samples", png)))
    for subject, events in subjects.items():
        run(f"figures/{subject}", events)
    spec = json.dumps(view.spec.to_dict() if view.spec else {}, indent=2, ensure_ascii=False)
    run("spec", [(0, text_pb("spec", f"```\n{spec}\n```"))])
    return root


def figures(view: ExperimentView) -> dict[str, dict[str, float]]:
    """The numbers of each subject."""
    return {
        evaluation.subject or "": {
            name: float(value)
            for name, value in {**evaluation.to_dict(), **(evaluation.metrics or {})}.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
        for evaluation in view.evaluations or ()
    }


def _grids(view: ExperimentView) -> list[ArtifactView]:
    names = [(artifact, artifact.name or "") for artifact in view.artifacts or ()]
    return [artifact for artifact, name in names if name.startswith(_GRID) and name.endswith(".png")]


def _plain(name: str) -> str:
    """A name of a folder, whatever letters the experiment's has."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip(".") or "experiment"
