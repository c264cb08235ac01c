"""A run of MLflow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atelier.files import fetch
from atelier.to_tensorboard import figures

if TYPE_CHECKING:
    from atelier.experiment import Experiment

ID = "atelier.experiment"
_STATUS = {"DONE": "FINISHED", "PARTIAL": "FINISHED", "FAILED": "FAILED", "CANCELED": "KILLED"}
_METRICS, _PARAMS = 1000, 100  # at most in one request
_PARAM_LETTERS = 6000


def write(experiment: Experiment, tracking_uri: str | None, experiment_name: str | None) -> str:
    try:
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.tracking import MlflowClient
    except ImportError as e:
        raise ImportError("MLflow is not there: pip install 'atelier[mlflow]'.") from e

    view = experiment.refresh()
    client = MlflowClient(tracking_uri)
    name = experiment_name or "atelier"
    known = client.get_experiment_by_name(name)
    parent = known.experiment_id if known else client.create_experiment(name)
    runs = client.search_runs([parent], f"tags.`{ID}` = '{experiment.id}'", max_results=1)
    run = runs[0] if runs else client.create_run(parent, _milliseconds(view.created_at), run_name=experiment.name)
    id: str = run.info.run_id
    end = _milliseconds(view.finished_at or view.updated_at)

    tags = {ID: experiment.id, "atelier.url": experiment.url, "atelier.stage": experiment.stage, **(view.labels or {})}
    client.log_batch(id, tags=[RunTag(key, value) for key, value in tags.items()])
    spec = view.spec.to_dict() if view.spec else {}
    params = [Param(key, value) for key, value in _flat(spec) if key not in run.data.params]
    for part in _parts(params, _PARAMS):
        client.log_batch(id, params=part)

    points: list[Metric] = []
    for model in experiment.models:
        curves = experiment.curves(model)
        for series in curves:
            key = f"{model}/{series}"
            last = max((metric.step for metric in client.get_metric_history(id, key)), default=-1) if runs else -1
            new = curves[series].dropna().loc[lambda values, last=last: values.index > last]
            points += [Metric(key, float(value), end, int(step)) for step, value in new.items()]
    for subject, row in figures(view).items():
        points += [Metric(f"figures/{subject}/{key}", value, end, 0) for key, value in row.items()]
    for part in _parts(points, _METRICS):
        client.log_batch(id, metrics=part)

    artifacts = experiment.artifacts
    for artifact_path, wanted in (
        ("models", [a for a in artifacts if a.kind == "export"]),
        ("files", [a for a in artifacts if a.kind != "export"]),
    ):
        if wanted:
            with tempfile.TemporaryDirectory() as folder:
                client.log_artifacts(id, str(fetch(experiment._connection, wanted, Path(folder))), artifact_path)
    if experiment.ended:
        client.set_terminated(id, _STATUS[experiment.stage], end)
    return id


def _milliseconds(time: datetime | None) -> int:
    return int(time.timestamp() * 1000) if time else 0


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The fields of a spec: ``students.training.steps``; lists as they are."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else name)
    elif value is not None:
        yield key, str(value)[:_PARAM_LETTERS]


def _parts(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
