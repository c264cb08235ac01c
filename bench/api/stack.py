"""A local stack for a benchmark, and a client that times its answers."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse


class Client:
    """One keep-alive connection."""

    def __init__(self, base: str):
        url = urllib.parse.urlsplit(base)
        self.prefix = url.path.rstrip("/")
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)

    def ask(self, method: str, path: str, body=None, expected=200, headers=None):
        """The milliseconds until the whole answer was there, and the answer."""
        data = json.dumps(body).encode() if body is not None else None
        all_headers = {"Content-Type": "application/json", **(headers or {})}
        start = time.perf_counter()
        self.connection.request(method, self.prefix + path, body=data, headers=all_headers)
        response = self.connection.getresponse()
        content = response.read()
        took = (time.perf_counter() - start) * 1000
        if response.status != expected:
            sys.exit(f"{method} {path} answered {response.status}: {content[:500]!r}")
        return took, content


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def process(command, log: pathlib.Path, **options):
    with log.open("wb") as out:
        started = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, **options)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(60)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)  # what it started and left behind


def await_text(log: pathlib.Path, text: str, running, seconds=300) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        content = log.read_text(errors="replace")
        if text in content:
            return content
        if running.poll() is not None:
            break
        time.sleep(0.5)
    sys.exit(f"'{text}' never came:\n{log.read_text(errors='replace')[-3000:]}")


@contextlib.contextmanager
def running_stack(folder: pathlib.Path, environment=None):
    """The address of the API, what the launcher said, and its process."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "stack.log"
    command = ["./atelier", "up", f"--data={folder / 'data'}", "--free-ports", "--workers=1", "--open"]
    with process(command, log, env={**os.environ, **(environment or {})}) as up:
        text = await_text(log, "Ready.", up)
        yield re.search(r"(http://\S+/api/v1)", text).group(1), text, up
