"""A run of MLflow, as a real server keeps it."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import atelier

pytest.importorskip("mlflow")

from mlflow.tracking import MlflowClient

PATIENCE = 180  # seconds; ends a hung test, no more


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/runs.db", "--artifacts-destination", str(folder / "files")]
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(url):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.5)
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait(PATIENCE)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_should_write_a_run_that_mlflow_reads_back(done: atelier.Experiment, server: str, tmp_path: Path) -> None:
    id = done.to_mlflow(server, "distillations")
    client = MlflowClient(server)
    run = client.get_run(id)
    assert client.get_experiment(run.info.experiment_id).name == "distillations"
    assert (run.info.status, run.info.run_name) == ("FINISHED", "tiny")
    assert run.info.end_time == int(done.view.finished_at.timestamp() * 1000)
    assert run.data.tags["atelier.experiment"] == done.id and run.data.tags["kind"] == "python"
    assert run.data.params["students.count"] == "3"
    assert run.data.params["teacher.training.steps"] == "60"
    assert run.data.metrics["figures/o2mkd/distance"] == done.evaluations.loc["o2mkd", "distance"]
    for model in done.models:
        loss = done.curves(model, "loss")["loss"]
        history = client.get_metric_history(id, f"{model}/loss")
        assert {metric.step: metric.value for metric in history} == dict(loss.items())
    artifact = next(artifact for artifact in done.artifacts if artifact.name == "ensemble.pt")
    kept = Path(client.download_artifacts(id, "models/ensemble.pt", str(tmp_path)))
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == artifact.sha256
    assert "files/samples-o2mkd.png" in [file.path for file in client.list_artifacts(id, "files")]


def test_should_bring_the_same_run_up_to_date(done: atelier.Experiment, server: str) -> None:
    id = done.to_mlflow(server, "again")
    client = MlflowClient(server)
    before = client.get_metric_history(id, "teacher/loss")
    assert done.to_mlflow(server, "again") == id
    assert client.get_metric_history(id, "teacher/loss") == before
    assert len(client.search_runs([client.get_experiment_by_name("again").experiment_id])) == 1


def test_should_leave_a_run_open_while_its_experiment_runs(long: atelier.Experiment, server: str) -> None:
    client = MlflowClient(server)
    id = long.to_mlflow(server, "running")
    assert client.get_run(id).info.status == "RUNNING"
    long.cancel()
    with pytest.raises(atelier.ExperimentEnded):
        long.wait(progress=False, timeout=PATIENCE)
    assert long.to_mlflow(server, "running") == id
    assert client.get_run(id).info.status == "KILLED"
