"""An API: launches, and the history."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from atelier import address
from atelier._client import AccessApi, ApiClient
from atelier._client.models.accepted import Accepted
from atelier._client.models.estimate import Estimate
from atelier._client.models.experiment_page import ExperimentPage
from atelier._client.models.experiment_spec import ExperimentSpec
from atelier.connection import Connection
from atelier.errors import AtelierError, AtelierWarning, told
from atelier.experiment import PATH, Experiment

if TYPE_CHECKING:
    import pandas

_PAGE = 100  # experiments
_FILES = (".yaml", ".yml", ".json")

Spec = Mapping[str, Any] | ExperimentSpec | str | os.PathLike[str]


def connect(url: str | None = None, token: str | None = None) -> Atelier:
    """Finds the API and the token as the command line does, and asks once whether it is there.

    url: such as ``https://atelier.example.org``; None: ``ATELIER_URL``, the file of settings, the running local stack.
    token: None: ``ATELIER_TOKEN``, the local stack's, the file of settings.
    """
    atelier = Atelier(Connection(address.find(url, token)))
    with told(atelier.url):
        AccessApi(atelier.api).who_am_i()
    return atelier


class Atelier:
    """An API that answers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def url(self) -> str:
        return self._connection.url

    @property
    def api(self) -> ApiClient:
        """The generated client, for what this package has no word for: ``atelier._client.StudiesApi(atelier.api)``."""
        return self._connection.client

    @overload
    def launch(
        self,
        spec: Spec,
        idempotency_key: str | None = None,
        dry_run: Literal[False] = False,
        project: str | None = None,
    ) -> Experiment: ...

    @overload
    def launch(
        self, spec: Spec, idempotency_key: str | None = None, *, dry_run: Literal[True], project: str | None = None
    ) -> Estimate: ...

    def launch(
        self, spec: Spec, idempotency_key: str | None = None, dry_run: bool = False, project: str | None = None
    ) -> Experiment | Estimate:
        """Launches an experiment; with ``dry_run`` says what it would take, and launches nothing.

        spec: a dict, a path of a YAML or JSON file, or the text of one.
        idempotency_key: the same key and spec give the same experiment, however often they are sent.
        """
        content_type, body = _document(spec)
        answer = self._connection.send(
            "POST",
            PATH,
            [("dryRun", "true")] * dry_run + [("project", project)] * (project is not None),
            body=body,
            content_type=content_type,
            idempotency_key=idempotency_key,
        )
        with told(self.url):
            result = (Estimate if dry_run else Accepted).model_validate_json(answer)
        for text in result.warnings or ():
            warnings.warn(text, AtelierWarning, stacklevel=2)
        return Experiment(self._connection, result.id or "") if isinstance(result, Accepted) else result

    def experiment(self, id: str) -> Experiment:
        """One experiment by its id, the beginning of one, or ``latest``."""
        page = self._page(limit=1) if id == "latest" else self._page(id_prefix=id, limit=10)
        found = [item.id or "" for item in page.items or ()]
        exact = [id] if id in found else found
        if not exact:
            raise AtelierError(f"There is no experiment '{id}'.", status=404, type="experiment-not-found")
        if len(exact) > 1:
            raise AtelierError(f"Several experiments begin with '{id}': {', '.join(found)}.")
        experiment = Experiment(self._connection, exact[0])
        experiment.refresh()
        return experiment

    def experiments(self, query: str | None = None, sort: str | None = None) -> Experiments:
        """The history, newest first unless sorted.

        query: conditions that must all hold: ``students=4 distance<20 label.team=vision``.
        sort: a field; with ``-`` in front the greatest first.
        """
        return Experiments(self, self._connection, query, sort)

    def _page(self, **arguments: Any) -> ExperimentPage:
        with told(self.url):
            return self._connection.experiments.list_experiments(**arguments)

    def __repr__(self) -> str:
        return f"Atelier({self.url!r})"


class Experiments:
    """What a query finds; every loop asks anew."""

    def __init__(self, atelier: Atelier, connection: Connection, query: str | None, sort: str | None) -> None:
        self._atelier = atelier
        self._connection = connection
        self._query = query
        self._sort = sort

    def __iter__(self) -> Iterator[Experiment]:
        cursor: str | None = None
        while True:
            page = self._atelier._page(q=self._query, sort=self._sort, cursor=cursor, limit=_PAGE)
            for item in page.items or ():
                yield Experiment(self._connection, item.id or "", item)
            cursor = page.next_cursor
            if cursor is None:
                return

    def to_pandas(self) -> pandas.DataFrame:
        """A row per experiment, times in UTC: ``distance.o2mkd``, ``macsPerStep.teacher``, …"""
        named = (("q", self._query), ("sort", self._sort))
        return self._connection.table(PATH, [(name, value) for name, value in named if value is not None])


def _document(spec: Spec) -> tuple[str, Any]:
    """Content type and body of a spec."""
    if isinstance(spec, ExperimentSpec):
        return "application/json", spec.to_dict()
    if isinstance(spec, Mapping):
        return "application/json", json.loads(json.dumps(spec))
    if isinstance(spec, os.PathLike) or ("\n" not in spec and spec.endswith(_FILES)):
        return "application/yaml", Path(spec).read_bytes()
    return "application/yaml", spec.encode()
