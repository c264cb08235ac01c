"""Times what experiments write about their stages while other light work of every kind is under way."""

import argparse
import contextlib
import datetime
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "api"))
from stack import Client, running_stack  # noqa: E402

MOST_SECONDS = 1.0  # p99 of what is timed
PATIENCE_SECONDS = 180

SMALL = {
    "seed": 7,
    "reuse": "never",
    "diffusion": {"timesteps": 100},
    "teacher": {
        "network": {"channels": 8, "multipliers": [1, 2], "resBlocks": 1, "attentionResolutions": [4]},
        "training": {"steps": 10, "batchSize": 8, "warmupSteps": 5, "checkpointEverySteps": 10, "metricsEverySteps": 10},
    },
    "students": {
        "count": 1,
        "network": {"channels": 8, "multipliers": [1, 2], "resBlocks": 1, "attentionResolutions": [4]},
        "training": {"steps": 10, "batchSize": 8, "warmupSteps": 5, "checkpointEverySteps": 10, "metricsEverySteps": 10},
    },
}


class SlowSource(http.server.BaseHTTPRequestHandler):
    """A tar of 10 GB that comes at 1 MB/s: one file of many bytes."""

    protocol_version = "HTTP/1.1"
    asked = set()

    def do_GET(self):
        size = 10_000_000_000
        self.send_response(200)
        self.send_header("Content-Type", "application/x-tar")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        SlowSource.asked.add(self.path)
        block = os.urandom(100_000)
        with contextlib.suppress(OSError):
            for _ in range(size // len(block)):
                self.wfile.write(block)
                time.sleep(0.1)

    def log_message(self, *_):
        pass


class SilentReceiver:
    """Takes connections, and never answers."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0), backlog=600)
        self.port = self.server.getsockname()[1]
        self.taken = []
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        while True:
            self.taken.append(self.server.accept()[0])


def launch(api, name, dataset):
    spec = {"name": name, "dataset": dataset, **SMALL}
    return json.loads(api.ask("POST", "/experiments", spec, expected=202)[1])["id"]


def moment(text):
    # of nanoseconds, which Python's parser doesn't take
    return datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d*Z?$|Z$", lambda m: m.group(1) or "", text)).replace(
        tzinfo=datetime.timezone.utc
    )


def stage_writes(temporal, experiment):
    """Seconds from when each write was asked for until it was done; None: it is not."""
    command = [os.environ["ATELIER_TEMPORAL"], "workflow", "show", "--address", temporal]
    shown = subprocess.run(
        [*command, "--workflow-id", f"experiment-{experiment}", "--output", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    asked, took, begun = {}, {}, {}
    for event in json.loads(shown.stdout)["events"]:
        if "activityTaskScheduledEventAttributes" in event:
            scheduled = event["activityTaskScheduledEventAttributes"]
            if scheduled["activityType"]["name"] == "RecordStage":
                asked[event["eventId"]] = moment(event["eventTime"])
                took[event["eventId"]] = None
        if "activityTaskStartedEventAttributes" in event:
            started = event["activityTaskStartedEventAttributes"]
            begun[started["scheduledEventId"]] = (moment(event["eventTime"]), started)
        if "activityTaskCompletedEventAttributes" in event:
            of = event["activityTaskCompletedEventAttributes"]["scheduledEventId"]
            if of in asked:
                took[of] = (moment(event["eventTime"]) - asked[of]).total_seconds()
                if took[of] > MOST_SECONDS:
                    at, started = begun[of]
                    print(
                        f"{took[of]:.3f} s, {(at - asked[of]).total_seconds():.3f} s before it began;"
                        f" attempt {started.get('attempt', 1)} {started.get('lastFailure', {}).get('message', '')}",
                        file=sys.stderr,
                    )
    return list(took.values())


def await_true(condition, seconds):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.5)
    return condition()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--datasets", type=int, default=8)
    options.add_argument("--messages", type=int, default=500)
    options.add_argument("--experiments", type=int, default=100)
    options.add_argument("--every", type=float, default=1, help="seconds between launches")
    options.add_argument("--data", default=None, help="a folder for all state; deleted afterwards if not given")
    args = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, too
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(
            args.data
            or stack.enter_context(tempfile.TemporaryDirectory(prefix="atelier-queues-", ignore_cleanup_errors=True))
        )
        base, text, _ = stack.enter_context(running_stack(folder))
        temporal = re.search(r"^Temporal +(\S+:\d+)", text, re.MULTILINE).group(1)
        api = Client(base)
        source = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SlowSource)
        source.daemon_threads = True
        threading.Thread(target=source.serve_forever, daemon=True).start()
        receiver = SilentReceiver()

        for n in range(args.datasets):
            launch(api, f"large-{n}", {"source": f"http://127.0.0.1:{source.server_port}/{n}.tar", "resolution": 8})
        if args.datasets and not await_true(lambda: len(SlowSource.asked) >= min(4, args.datasets), 60):
            sys.exit(f"{len(SlowSource.asked)} data sets are being fetched: expected more")
        hook = {"url": f"http://127.0.0.1:{receiver.port}/", "events": ["model.failed"]}
        hook = json.loads(api.ask("POST", "/webhooks", hook, expected=201)[1])["id"]
        for _ in range(args.messages):
            api.ask("POST", f"/webhooks/{hook}/test", expected=202)
        if args.messages and not await_true(lambda: receiver.taken, 60):
            sys.exit("the receiver was never asked")
        load = os.getloadavg()[0]

        small = []
        for n in range(args.experiments):
            small.append(launch(api, f"small-{n}", {"source": f"shapes?count=64&seed={n}", "resolution": 8}))
            time.sleep(args.every)
        stages = ("QUEUED", "PREPARING_DATASET")

        def begun():
            listed = json.loads(api.ask("GET", "/experiments?q=name~small&limit=200")[1])["items"]
            return len(listed) == len(small) and all(e["stage"] not in stages for e in listed)

        came = await_true(begun, PATIENCE_SECONDS)
        writes = [write for experiment in small for write in stage_writes(temporal, experiment)]
        done = sorted(write for write in writes if write is not None)
        print("| data sets fetched | messages unanswered | stage writes | p50 | p99 | longest | not done | all began |")
        print("|---|---|---|---|---|---|---|---|")
        p99 = statistics.quantiles(done, n=100, method="inclusive")[98] if len(done) > 1 else float("inf")
        print(
            f"| {len(SlowSource.asked)} of {args.datasets} at once | {args.messages} | {len(writes)} |"
            f" {statistics.median(done) if done else float('inf'):.3f} s | {p99:.3f} s | {max(done, default=float('inf')):.3f} s |"
            f" {len(writes) - len(done)} | {'yes' if came else f'not within {PATIENCE_SECONDS} s'} |"
        )
        print(f"load before: {load:.2f}; requests that the silent receiver held: {len(receiver.taken)}", file=sys.stderr)
        sys.exit(0 if came and p99 <= MOST_SECONDS and len(done) == len(writes) else 1)


main()
