"""The generated client, and the few requests that it has no good form for: documents as they are, tables, files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import urllib3

from atelier._client import ApiClient, Configuration, ExperimentsApi
from atelier.address import Address
from atelier.errors import of_problem, told

if TYPE_CHECKING:
    import pandas

_ARROW = "application/vnd.apache.arrow.stream"
_TIMEOUT = (10.0, 120.0)  # seconds to connect, and between two parts of an answer
_CHUNK_BYTES = 1 << 20


class Connection:
    """An API, and who asks it."""

    def __init__(self, address: Address) -> None:
        self.url = address.url
        configuration = Configuration(host=address.url, access_token=address.token)
        # Reads alone are sent again: a server that restarts, or asks for patience, is no failure of theirs.
        configuration.retries = urllib3.Retry(
            total=3, backoff_factor=0.5, status_forcelist=(429, 503), allowed_methods=("GET",), raise_on_status=False
        )
        self.client = ApiClient(configuration)
        self.client.user_agent = "atelier-python/0.1.0"
        self.experiments = ExperimentsApi(self.client)

    def send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, Any]] = (),
        *,
        body: Any = None,
        content_type: str = "application/json",
        idempotency_key: str | None = None,
    ) -> bytes:
        """Sends a document as it is: the server says what is wrong with it, all at once."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        with told(self.url):
            return b"".join(self._answer(method, path, query, headers, body))

    def table(self, path: str, query: Sequence[tuple[str, Any]] = ()) -> pandas.DataFrame:
        """A list whole, with the types of its columns."""
        try:
            import pandas  # noqa: F401
            from pyarrow import ipc
        except ImportError as e:
            raise ImportError("Tables want pandas and pyarrow: pip install 'atelier[pandas]'.") from e
        with told(self.url):
            answer = b"".join(self._answer("GET", path, query, {"Accept": _ARROW}))
        frame: pandas.DataFrame = ipc.open_stream(answer).read_pandas()
        return frame

    def file(self, href: str) -> Iterator[bytes]:
        """The parts of a file."""
        with told(self.url):
            yield from self._answer("GET", href, (), {"Accept": "*/*"})

    def _answer(
        self, method: str, path: str, query: Sequence[tuple[str, Any]], headers: dict[str, str], body: Any = None
    ) -> Iterator[bytes]:
        request = self.client.param_serialize(
            method, path, query_params=list(query), header_params=headers, body=body, auth_settings=["token"]
        )
        response = self.client.call_api(*request, _request_timeout=_TIMEOUT).response
        try:
            if not 200 <= response.status < 300:
                raise of_problem(response.status, response.read(), response.reason, self.url)
            yield from response.stream(_CHUNK_BYTES)
        finally:
            response.release_conn()
