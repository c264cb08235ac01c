"""Waiting while the server is away."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

import atelier
from atelier import experiment as module
from atelier.address import Address
from atelier.connection import Connection


@contextmanager
def door(port: int, server: str) -> Iterator[None]:
    """Lets through to the server whoever comes to the port."""

    class Pass(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((urlsplit(server).hostname, urlsplit(server).port)) as inner:
                reader = threading.Thread(target=copy, args=(inner, self.request), daemon=True)
                reader.start()
                copy(self.request, inner)
                reader.join()

    class Door(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

    with Door(("127.0.0.1", port), Pass) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield
        listener.shutdown()


def copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Clock:
    """The module's own clock, so that others' pauses stay."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self.sleep = sleep


@pytest.fixture
def away(done: atelier.Experiment) -> tuple[int, atelier.Experiment]:
    """A port where nobody listens, and the experiment as it is seen from there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = done._connection.client.configuration.access_token
    return port, atelier.Experiment(Connection(Address(f"http://127.0.0.1:{port}", token)), done.id)


def test_should_go_on_waiting_until_the_server_is_back(
    api: atelier.Atelier, away: tuple[int, atelier.Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, experiment = away
    back = door(port, api.url)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            back.__enter__()

    monkeypatch.setattr(module, "time", Clock(pause))
    try:
        assert experiment.wait(progress=False).stage == "DONE"
    finally:
        back.__exit__(None, None, None)
    assert len(pauses) >= 2


def test_should_give_up_when_the_server_stays_away(
    away: tuple[int, atelier.Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, experiment = away
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1.0)
    with pytest.raises(atelier.AtelierError, match=f"Cannot reach http://127.0.0.1:{port}: .*refused"):
        experiment.wait(progress=False)
