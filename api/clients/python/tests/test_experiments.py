"""Launching, waiting, asking, fetching: on a real stack."""

from __future__ import annotations

import hashlib
import re
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from atelier._client.models.experiment_spec import ExperimentSpec
from atelier._client.models.students_spec import StudentsSpec
from conftest import PATIENCE, TINY

import atelier
from atelier import client, files


def test_should_launch_a_path_a_text_and_a_dict(api: atelier.Atelier) -> None:
    spec = {"name": "from a dict, ü", "awaitRetryHours": 1, "students": {"count": 2}}
    typed = ExperimentSpec(name="typed", students=StudentsSpec(count=2))
    for given, name in (
        (TINY, "tiny"),
        (str(TINY), "tiny"),
        ("name: from text ü\n", "from text ü"),
        (spec, spec["name"]),
        (typed, "typed"),
    ):
        estimate = api.launch(given, dry_run=True)
        assert estimate.spec is not None and estimate.spec.name == name
        assert [model.key for model in estimate.models or ()][:2] == ["teacher", "student-1"]


def test_should_launch_nothing_in_a_dry_run(api: atelier.Atelier, done: atelier.Experiment) -> None:
    before = [experiment.id for experiment in api.experiments()]
    api.launch(TINY, dry_run=True)
    assert [experiment.id for experiment in api.experiments()] == before


def test_should_launch_once_by_a_key(api: atelier.Atelier, done: atelier.Experiment, tmp_path: Path) -> None:
    key = f"key-{tmp_path.name}-{done.id}"
    first = api.launch(TINY, idempotency_key=key)
    assert api.launch(TINY, idempotency_key=key).id == first.id
    with pytest.raises(atelier.AtelierError) as refused:
        api.launch("name: another\n", idempotency_key=key)
    assert (refused.value.status, refused.value.type) == (422, "idempotency-key-reused")
    first.wait(progress=False, timeout=PATIENCE)


def test_should_name_every_field_that_is_wrong(api: atelier.Atelier) -> None:
    spec = {"students": {"count": 0, "cont": 3}}
    with pytest.raises(atelier.AtelierError) as refused:
        api.launch(spec)
    error = refused.value
    assert (error.status, error.type, error.field) == (422, "invalid-spec", "students.count")
    assert [fault.field for fault in error.faults] == ["students.count", "students.cont"]
    assert "students.count must be at least 1, found 0" in str(error) == error.sentence
    assert error.trace_id


def test_should_say_where_yaml_is_broken(api: atelier.Atelier) -> None:
    with pytest.raises(atelier.AtelierError, match="not YAML .line 2, column 1") as refused:
        api.launch("name: [\n")
    assert (refused.value.status, refused.value.field) == (400, None)


def test_should_say_why_it_cannot_connect(api: atelier.Atelier) -> None:
    with pytest.raises(atelier.AtelierError, match="no API token") as refused:
        atelier.connect(api.url, "nonsense")
    assert (refused.value.status, refused.value.type, refused.value.passing) == (401, "unauthorized", False)
    with pytest.raises(atelier.AtelierError, match="Cannot reach http://127.0.0.1:1: .*refused") as away:
        atelier.connect("http://127.0.0.1:1", "atl_x")
    assert (away.value.status, away.value.passing) == (None, True)


def test_should_show_a_bar_over_all_steps(done: atelier.Experiment, capfd: pytest.CaptureFixture[str]) -> None:
    assert done.wait() is done
    assert "220/220" in capfd.readouterr().err
    done.wait(progress=False)
    assert capfd.readouterr().err == ""


def test_should_tell_when_waiting_takes_too_long(long: atelier.Experiment) -> None:
    with pytest.raises(TimeoutError, match=f"Experiment {long.id} is .* after 0 s"):
        long.wait(progress=False, timeout=0)


def test_should_raise_when_what_is_waited_for_was_canceled(long: atelier.Experiment) -> None:
    long.cancel()
    with pytest.raises(atelier.ExperimentEnded, match="ended as CANCELED") as ended:
        long.wait(progress=False, timeout=PATIENCE)
    assert ended.value.experiment is long and not ended.value.passing
    with pytest.raises(atelier.AtelierError) as refused:
        long.pause()
    assert (refused.value.status, refused.value.type) == (409, "request-refused")


def test_should_raise_the_reason_when_what_is_waited_for_failed(api: atelier.Atelier, tmp_path: Path) -> None:
    spec = TINY.read_text().replace("shapes?count=256&seed=1", f"file:{tmp_path}/none")
    with pytest.raises(atelier.ExperimentEnded, match="ended as FAILED: .*none") as ended:
        api.launch(spec).wait(progress=False, timeout=PATIENCE)
    assert ended.value.type


def until(holds: Callable[[], bool | None]) -> None:
    """Waits for what a workflow does after it has accepted it."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_should_change_what_runs(long: atelier.Experiment) -> None:
    assert repr(long) == f"Experiment('{long.id}')", "which asks nobody"
    long.pause()
    until(lambda: long.refresh().paused)
    assert repr(long) == f"Experiment('{long.id}', name='tiny', stage='{long.stage}')"
    long.resume()
    until(lambda: not long.refresh().paused)
    with pytest.raises(atelier.AtelierError, match="student-1") as refused:
        long.retry("student-1", learningRate=1e-4)
    assert (refused.value.status, refused.value.type) == (409, "retry-refused")
    with pytest.raises(atelier.AtelierError) as unknown:
        long.retry("student-1", learningrate=1e-4)
    assert (unknown.value.status, unknown.value.field) == (422, "learningrate")
    assert long.curves("student-1").empty
    with pytest.raises(atelier.AtelierError) as refused:
        long.extend("student-1", 1)
    assert refused.value.status == 409


def test_should_find_an_experiment_by_the_beginning_of_its_id(api: atelier.Atelier, done: atelier.Experiment) -> None:
    assert api.experiment(done.id[:-2]).id == api.experiment(done.id).id == done.id
    assert api.experiment("latest").stage
    for absent, type in (("nothing", "experiment-not-found"), ("2", None)):
        with pytest.raises(atelier.AtelierError) as refused:
            api.experiment(absent)
        assert refused.value.type == type


def test_should_go_through_all_pages(
    api: atelier.Atelier, done: atelier.Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [experiment.id for experiment in api.experiments()]
    monkeypatch.setattr(client, "_PAGE", 1)
    assert [experiment.id for experiment in api.experiments()] == whole
    assert len(whole) > 1 and len(set(whole)) == len(whole)


def test_should_ask_the_history(api: atelier.Atelier, done: atelier.Experiment) -> None:
    found = api.experiments("label.kind=python stage=DONE", sort="created")
    ids = [experiment.id for experiment in found]
    assert done.id in ids and ids == sorted(ids)
    frame = found.to_pandas()
    assert list(frame["id"]) == ids
    row = frame.set_index("id").loc[done.id]
    assert row["students"] == 3 and row["step"] == 220
    assert row["distance.o2mkd"] == done.evaluations.loc["o2mkd", "distance"]
    assert str(frame["createdAt"].dt.tz) == "UTC"
    assert api.experiments("name=nothing").to_pandas().empty
    with pytest.raises(atelier.AtelierError, match="colour"):
        api.experiments("colour=red").to_pandas()
    with pytest.raises(atelier.AtelierError, match="colour"):
        list(api.experiments("colour=red"))


def test_should_give_curves_as_the_api_has_them(api: atelier.Atelier, done: atelier.Experiment) -> None:
    assert done.models == ["teacher", "student-1", "student-2", "student-3", "one-to-one"]
    frame = done.curves("student-1")
    served = done._connection.experiments.model_metrics(done.id, "student-1").series or []
    assert set(frame.columns) == {series.name for series in served}
    for series in served:
        expected = {point[0]: point[1] for point in series.points or ()}
        column = frame[series.name].dropna()
        assert dict(column.items()) == {step: value for step, value in expected.items() if value is not None}
    assert list(done.curves("teacher", "loss").columns) == ["loss"]
    assert list(done.curves("teacher", ["loss", "gradient_norm"]).index) == [10, 20, 30, 40, 50, 60]
    assert len(done.curves("teacher", "loss", points=4)) < 6
    with pytest.raises(atelier.AtelierError) as refused:
        done.curves("student-9")
    assert refused.value.type == "model-not-found"


def test_should_give_every_figure(done: atelier.Experiment) -> None:
    frame = done.evaluations
    assert set(frame.index) == {"teacher", "one-to-one", "o2mkd"}
    for evaluation in done.view.evaluations or ():
        row = frame.loc[evaluation.subject]
        assert row["distance"] == evaluation.distance == row["frechetDistance"]
        assert row["kernelDistance"] == evaluation.metrics["kernelDistance"]


def test_should_give_an_empty_frame_when_nothing_was_measured(long: atelier.Experiment) -> None:
    assert isinstance(long.evaluations, pandas.DataFrame) and long.evaluations.empty


def test_should_download_every_file_whole(done: atelier.Experiment, tmp_path: Path) -> None:
    assert done.download(tmp_path) == tmp_path
    for artifact in done.artifacts:
        assert hashlib.sha256((tmp_path / artifact.name).read_bytes()).hexdigest() == artifact.sha256
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()} == {
        artifact.name for artifact in done.artifacts
    }


def test_should_download_only_what_is_named_and_not_there(done: atelier.Experiment, tmp_path: Path) -> None:
    done.download(tmp_path, "ensemble.pt", "student-1/unet/*")
    assert {file.name for file in tmp_path.iterdir()} == {"ensemble.pt", "student-1"}
    kept, changed = tmp_path / "ensemble.pt", tmp_path / "student-1/unet/config.json"
    before, right = kept.stat().st_mtime_ns, changed.read_bytes()
    changed.write_text("{}")
    done.download(tmp_path, "ensemble.pt", "student-1/unet/*")
    assert kept.stat().st_mtime_ns == before and changed.read_bytes() == right
    with pytest.raises(atelier.AtelierError, match="no file 'ensemble.onnx'"):
        done.download(tmp_path, "ensemble.onnx")


def test_should_refuse_wrong_bytes_and_names_outside(done: atelier.Experiment, tmp_path: Path) -> None:
    artifact = next(artifact for artifact in done.artifacts if artifact.name == "ensemble.pt")
    wrong = artifact.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(atelier.AtelierError, match=f"expected sha256 {'0' * 64}, found {artifact.sha256}"):
        files.fetch(done._connection, [wrong], tmp_path)
    for name in ("../outside", "/outside", "a//b", "a/./b", ""):
        with pytest.raises(atelier.AtelierError, match="not a plain file name"):
            files.fetch(done._connection, [artifact.model_copy(update={"name": name})], tmp_path / "in")
    assert list(tmp_path.rglob("*")) == []


def test_should_warn_of_what_is_hardly_meant(api: atelier.Atelier) -> None:
    spec = TINY.read_text().replace("sampler: {steps: 4", "sampler: {steps: 1")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        api.launch(spec, dry_run=True)
    assert any(warning.category is atelier.AtelierWarning and "student" in str(warning.message) for warning in told)


@pytest.mark.parametrize(
    ("missing", "extra", "use"),
    [
        ("pandas", "pandas", lambda done: done.evaluations),
        ("pyarrow", "pandas", lambda done: done.curves("teacher")),
        ("torch", "torch", lambda done: done.load_ensemble()),
        ("diffusers", "diffusers", lambda done: done.load_ensemble(as_="diffusers", trust_remote_code=True)),
        ("mlflow.tracking", "mlflow", lambda done: done.to_mlflow()),
        ("tensorboard.summary.writer.event_file_writer", "tensorboard", lambda done: done.to_tensorboard("unused")),
    ],
)
def test_should_name_the_extra_that_is_missing(
    done: atelier.Experiment,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    extra: str,
    use: Callable[[atelier.Experiment], object],
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=re.escape(f"pip install 'atelier[{extra}]'")):
        use(done)
