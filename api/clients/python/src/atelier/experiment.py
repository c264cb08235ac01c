"""One experiment: how it goes, its figures and its files."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from tqdm.auto import tqdm

from atelier._client.models.artifact_view import ArtifactView
from atelier._client.models.experiment_summary import ExperimentSummary
from atelier._client.models.experiment_view import ExperimentView
from atelier._client.models.model_view import ModelView
from atelier.connection import Connection
from atelier.errors import AtelierError, AtelierWarning, ExperimentEnded, told
from atelier.files import fetch, matching

if TYPE_CHECKING:
    import pandas
    import torch
    from diffusers import DiffusionPipeline

PATH = "/api/v1/experiments"
_ENDED = ("DONE", "PARTIAL", "FAILED", "CANCELED")
_POLL_SECONDS = 2.0
_PATIENCE_SECONDS = 600.0  # how long a server may be away while it is waited for


class Experiment:
    """An experiment of an API. What it was like when it was last asked for is in ``view``."""

    def __init__(self, connection: Connection, id: str, seen: ExperimentSummary | None = None) -> None:
        self.id = id
        self._connection = connection
        self._seen: ExperimentSummary | ExperimentView | None = seen

    def refresh(self) -> ExperimentView:
        """Asks how it is now: spec, stage, models, figures, files."""
        with told(self._connection.url):
            view = self._connection.experiments.show_experiment(self.id)
        self._seen = view
        return view

    @property
    def view(self) -> ExperimentView:
        return self._seen if isinstance(self._seen, ExperimentView) else self.refresh()

    @property
    def name(self) -> str:
        return (self._seen or self.view).name or ""

    @property
    def stage(self) -> str:
        """Such as ``TRAINING_STUDENTS`` or ``DONE``, when it was last asked for."""
        stage = (self._seen or self.view).stage
        return stage.value if stage else ""

    @property
    def ended(self) -> bool:
        return self.stage in _ENDED

    @property
    def url(self) -> str:
        """Its page on the dashboard."""
        return f"{self._connection.url}/#/experiments/{self.id}"

    def wait(self, progress: bool = True, timeout: float | None = None) -> Experiment:
        """Waits until it has ended, and returns it if that is DONE or PARTIAL.

        progress: whether to show a bar over the steps of all models.
        timeout: seconds; None: as long as it takes.
        Raises ExperimentEnded if it FAILED or was CANCELED, and TimeoutError; warns of a model that waits for a retry.
        """
        began = heard = time.monotonic()
        warned: set[str] = set()
        with tqdm(disable=not progress, unit="step", dynamic_ncols=True) as bar:
            while True:
                now = time.monotonic()
                try:
                    view = self.refresh()
                except AtelierError as e:
                    if not e.passing or now - heard > _PATIENCE_SECONDS:
                        raise
                    bar.set_description(e.sentence)
                else:
                    heard = now
                    _show(bar, view)
                    if self.ended:
                        break
                    _warn_of_failures(view, warned)
                if timeout is not None and now - began > timeout:
                    raise TimeoutError(f"Experiment {self.id} is {self.stage} after {timeout:g} s.")
                time.sleep(_POLL_SECONDS)
        if self.stage in ("FAILED", "CANCELED"):
            raise self._failure(view)
        return self

    def _failure(self, view: ExperimentView) -> ExperimentEnded:
        errors = [view.error] if view.error else [model.error for model in view.models or () if model.error]
        reasons = "; ".join((error.message or "").rstrip(".") for error in errors)
        return ExperimentEnded(
            f"Experiment {self.id} ended as {self.stage}" + (f": {reasons}." if reasons else "."),
            experiment=self,
            type=errors[0].type if errors else None,
        )

    def cancel(self) -> None:
        """Asks it to stop; its checkpoints are kept."""
        self._ask("cancel")

    def pause(self) -> None:
        """Its trainings stop at a checkpoint, until ``resume``."""
        self._ask("pause")

    def resume(self) -> None:
        self._ask("resume")

    def retry(self, model: str, **overrides: Any) -> None:
        """Runs a failed model again from its last good checkpoint: ``retry("student-2", learningRate=1e-4)``."""
        self._ask(f"models/{model}/retry", overrides)

    def extend(self, model: str, steps: int) -> None:
        """Trains a model, also one that is done, up to so many steps."""
        self._ask(f"models/{model}/extend", {"steps": steps})

    def _ask(self, change: str, body: Any = None) -> None:
        self._connection.send("POST", f"{PATH}/{self.id}/{change}", body=body)

    @property
    def models(self) -> list[str]:
        """Keys of its models: ``teacher``, ``student-1``, …, ``one-to-one``."""
        return [model.key or "" for model in self.view.models or ()]

    def curves(
        self, model: str, series: str | Sequence[str] | None = None, points: int | None = None
    ) -> pandas.DataFrame:
        """Curves of a model: a row per step, a column per series; NaN where a series has no point.

        series: ``loss``, or several; None: all.
        points: about so many of each, thinned so that spikes stay; None: all.
        """
        query: list[tuple[str, Any]] = []
        if series is not None:
            query.append(("series", series if isinstance(series, str) else ",".join(series)))
        if points is not None:
            query.append(("points", points))
        rows = self._connection.table(f"{PATH}/{self.id}/models/{model}/metrics", query)
        return rows.pivot(index="step", columns="series", values="value").rename_axis(columns=None)

    @property
    def evaluations(self) -> pandas.DataFrame:
        """Every figure, a row per subject (``teacher``, ``one-to-one``, ``o2mkd``, …)."""
        try:
            import pandas
        except ImportError as e:
            raise ImportError("Tables want pandas and pyarrow: pip install 'atelier[pandas]'.") from e
        rows = []
        for evaluation in self.refresh().evaluations or ():
            row = {**evaluation.to_dict(), **(evaluation.metrics or {})}
            rows.append({key: value for key, value in row.items() if key not in ("metrics", "protocol")})
        return pandas.DataFrame(rows, columns=None if rows else ["subject", "metric", "distance"]).set_index("subject")

    @property
    def artifacts(self) -> list[ArtifactView]:
        """Its files: names, kinds, bytes, SHA-256."""
        return list(self.refresh().artifacts or ())

    def download(self, folder: str | PathLike[str], *patterns: str) -> Path:
        """Writes its files below a folder, each whole and with the SHA-256 that the API tells, or not at all.

        patterns: names such as ``ensemble.pt`` or ``student-*/*``; none: every file. What is there already is not
        fetched again.
        """
        return fetch(self._connection, matching(self.artifacts, patterns), Path(folder))

    @overload
    def load_ensemble(
        self,
        device: str = "cpu",
        as_: Literal["torch"] = "torch",
        *,
        folder: str | PathLike[str] | None = None,
        trust_remote_code: bool = False,
    ) -> torch.nn.Module: ...

    @overload
    def load_ensemble(
        self,
        device: str = "cpu",
        *,
        as_: Literal["diffusers"],
        folder: str | PathLike[str] | None = None,
        trust_remote_code: bool = False,
    ) -> DiffusionPipeline: ...

    def load_ensemble(
        self,
        device: str = "cpu",
        as_: Literal["torch", "diffusers"] = "torch",
        *,
        folder: str | PathLike[str] | None = None,
        trust_remote_code: bool = False,
    ) -> torch.nn.Module | DiffusionPipeline:
        """Loads the students that take turns: as a module ``(x, t)`` or ``(x, t, y)``, or as a pipeline of diffusers.

        folder: where its files are written; None: the user's cache.
        trust_remote_code: as in diffusers: its pipeline is Python of the experiment's files, which this runs.
        """
        from atelier.ensemble import load

        ensemble: torch.nn.Module | DiffusionPipeline = load(self, device, as_, folder, trust_remote_code)
        return ensemble

    def to_mlflow(self, tracking_uri: str | None = None, experiment_name: str | None = None) -> str:
        """Writes it as a run of MLflow, spec, curves, figures and files, and returns the run's id.

        tracking_uri: None: MLflow's own. experiment_name: MLflow's; None: ``atelier``.
        Called again, the same run gets what is new.
        """
        from atelier.to_mlflow import write

        return write(self, tracking_uri, experiment_name)

    def to_tensorboard(self, folder: str | PathLike[str]) -> Path:
        """Writes event files, a run per model and subject, and returns their folder ``<folder>/<name>-<id>``.

        Called again, it replaces what it wrote.
        """
        from atelier.to_tensorboard import write

        return write(self, Path(folder))

    def __repr__(self) -> str:
        if self._seen is None:
            return f"Experiment({self.id!r})"
        return f"Experiment({self.id!r}, name={self.name!r}, stage={self.stage!r})"


def _show(bar: Any, view: ExperimentView) -> None:
    models = view.models or []
    bar.total = sum(model.total_steps or 0 for model in models) or None
    bar.n = sum(model.step or 0 for model in models)
    words = view.stage.value.lower().replace("_", " ") if view.stage else ""
    bar.set_description("paused" if view.paused else words, refresh=False)
    doing = [work.progress.what for work in view.doing or () if work.progress and work.progress.what]
    bar.set_postfix_str(doing[0] if doing else "", refresh=False)
    bar.refresh()


def _warn_of_failures(view: ExperimentView, warned: set[str]) -> None:
    """Once for each model that stands still until somebody retries it."""
    if not view.stage or view.stage.value != "AWAITING_RETRY":
        return
    for model in view.models or ():
        if model.state and model.state.value == "FAILED" and model.key not in warned:
            warned.add(model.key or "")
            warnings.warn(_sentence(model), AtelierWarning, stacklevel=3)


def _sentence(model: ModelView) -> str:
    reason = (model.error.message if model.error else None) or "no reason is known."
    return f"{model.key} waits for a retry: {reason}"
