"""What goes wrong, each as one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pydantic
import urllib3

from atelier._client.exceptions import ApiException

if TYPE_CHECKING:
    from atelier.experiment import Experiment


class Fault(NamedTuple):
    """A field of a document that is wrong."""

    field: str
    message: str


class AtelierError(Exception):
    """What the API refused, or why it could not be asked.

    status: the HTTP status; None: there was no answer.
    type: the kind of problem as https://…/problems/<type> has it, such as ``invalid-spec``.
    sentence: what went wrong.
    field: the first field that is wrong, such as ``students.count``; None: it is about none.
    faults: every field that is wrong.
    trace_id: names the answer in the server's log.
    """

    def __init__(
        self,
        sentence: str,
        *,
        status: int | None = None,
        type: str | None = None,
        faults: tuple[Fault, ...] = (),
        trace_id: str | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.type = type
        self.faults = faults
        self.trace_id = trace_id

    @property
    def field(self) -> str | None:
        return (self.faults[0].field or None) if self.faults else None

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in (None, 429, 502, 503, 504)


class AtelierWarning(UserWarning):
    """What is allowed and hardly meant, or what an experiment waits for."""


class ExperimentEnded(AtelierError):
    """An experiment ended without being done: ``type`` is the kind of failure, such as ``DIVERGED``."""

    def __init__(self, sentence: str, *, experiment: Experiment, type: str | None = None) -> None:
        super().__init__(sentence, type=type)
        self.experiment = experiment

    @property
    def passing(self) -> bool:
        return False


@contextmanager
def told(server: str) -> Iterator[None]:
    """Makes of the generated client's exceptions the one that users see."""
    try:
        yield
    except ApiException as e:
        raise of_problem(e.status, e.body, e.reason, server) from e
    except urllib3.exceptions.HTTPError as e:
        raise unreachable(server, e) from e
    except pydantic.ValidationError as e:
        raise AtelierError(
            f"{server} and this package do not know each other's words: {e.errors()[0]['msg']}; "
            "use the package of the server's version.",
            status=200,
        ) from e


def unreachable(server: str, cause: Exception) -> AtelierError:
    reason = str(getattr(cause, "reason", None) or cause).rpartition(": ")[2]
    return AtelierError(f"Cannot reach {server}: {reason.rstrip('.')}.")


def of_problem(status: int | None, body: str | bytes | None, reason: str | None, server: str) -> AtelierError:
    """Reads a problem document (RFC 9457); what isn't one, as of a proxy, is told by its status."""
    try:
        problem: Any = json.loads(body or "")
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return AtelierError(f"{server} answered {status} {reason or ''}".rstrip() + ".", status=status or None)
    faults = tuple(Fault(f.get("field", ""), f.get("message", "")) for f in problem.get("faults") or ())
    return AtelierError(
        problem.get("detail") or problem.get("title") or f"{server} answered {status}.",
        status=status,
        type=str(problem.get("type", "")).rpartition("/")[2] or None,
        faults=faults,
        trace_id=problem.get("traceId"),
    )
