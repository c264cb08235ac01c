"""The steps of the drill: what docs/operations.md says of Docker Compose, on an engine that answers; bench/drill/run calls it."""

import argparse
import contextlib
import hashlib
import http.client
import json
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

PATIENCE_SECONDS = 300  # for a service to be healthy again, and for a training to go on
END_SECONDS = 1800  # for an experiment to end
PORTS = ["ATELIER_PORT", "TEMPORAL_PORT", "TEMPORAL_UI_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT"]


def training(steps):
    return {"steps": steps, "batchSize": 16, "warmupSteps": 10, "checkpointEverySteps": 50, "metricsEverySteps": 5}


def spec(name, seed, teacher_steps, student_steps):
    network = {"channels": 16, "multipliers": [1, 2], "groups": 8, "resBlocks": 1, "attentionResolutions": [8]}
    return {
        "name": name,
        "seed": seed,
        "reuse": "never",
        "dataset": {"source": "shapes?count=512", "resolution": 16},
        "diffusion": {"timesteps": 100},
        "teacher": {"network": network, "training": training(teacher_steps)},
        "students": {"count": 2, "network": network, "training": training(student_steps)},
        "evaluation": {
            "samples": 256, # more than the features of its extractor
            "batchSize": 64,
            "sampler": {"kind": "ddim", "steps": 10},
            "extractor": {"source": "random-conv"},
            "gridRows": 2,
            "gridColumns": 4,
        },
    }


class NotHeld(Exception):
    """A promise that was broken, as a sentence."""


class Away(Exception):
    """The API did not answer, or with an error of its own."""


class Table:
    """Rows of the Markdown table, written as they come."""

    def __init__(self, file):
        self.file = file
        self.failed = False

    @contextlib.contextmanager
    def step(self, name, needed=False):
        """Runs one step; what is appended to the list it gives is its figure. Where the step is needed, the drill ends with it."""
        print(f"== {name}", file=sys.stderr, flush=True)
        figures = []
        held = True
        try:
            yield figures
        except (NotHeld, Away, subprocess.CalledProcessError) as broken:
            held = False
            self.failed = True
            figures.append(str(broken).replace("|", "/").replace("\n", " ")[:400])
        with self.file.open("a") as rows:
            rows.write(f"| {name} | {'yes' if held else '**no**'} | {'; '.join(figures)} |\n")
        print(f"   {'held' if held else 'NOT HELD'}: {'; '.join(figures)}", file=sys.stderr, flush=True)
        if needed and not held:
            sys.exit(1)


class Compose:
    """The stack in a copy of the working tree; what commands say goes to the log."""

    def __init__(self, tree, log):
        self.tree = tree
        self.log = log
        self.ending = set()  # services that do one thing and end
        self.serving = []

    def read_services(self):
        services = json.loads(self.run(["docker", "compose", "config", "--no-interpolate", "--format", "json"], quiet=True))["services"]
        self.ending = {name for name, service in services.items() if service["restart"].startswith("on-failure")}
        self.serving = sorted(name for name, service in services.items() if name not in self.ending and not service.get("profiles"))

    def run(self, command, quiet=False):
        """Runs a command, or a script of bash; its output, without that on standard error. Quiet: it goes to the log where it fails."""
        arguments = ["bash", "-euo", "pipefail", "-c", command] if isinstance(command, str) else command
        text = command if isinstance(command, str) else " ".join(command)
        with self.log.open("a") as log:
            if not quiet:
                log.write(f"$ {text}\n")
                log.flush()
            done = subprocess.run(arguments, cwd=self.tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, check=False)
            if done.returncode or not quiet:
                log.write(done.stdout)
        if done.returncode:
            raise NotHeld(f"`{' '.join(text.split())[:200]}` ended with {done.returncode}")
        return done.stdout

    def containers(self):
        """Every container of the stack, by service."""
        found = {}
        for line in self.run(["docker", "compose", "ps", "-a", "--format", "json"], quiet=True).splitlines():
            for container in json.loads(line) if line.startswith("[") else [json.loads(line)]:
                found.setdefault(container["Service"], []).append(container)
        return found

    def inspect(self, name, form):
        return self.run(["docker", "inspect", "-f", form, name], quiet=True).strip()

    def unhealthy(self):
        """Services that are neither healthy nor, where they end, ended with 0."""
        containers = self.containers()
        ended = [s for s in self.ending if not any(c["State"] == "exited" and c["ExitCode"] == 0 for c in containers.get(s, []))]
        return ended + [s for s in self.serving if not all_serve(containers.get(s, []))]

    def await_health(self, seconds):
        await_true(lambda: not self.unhealthy(), seconds, lambda: f"not healthy after {seconds} s: {', '.join(self.unhealthy())}")

    def kill(self, container):
        """SIGKILL to process 1, as the machine's own, so that Docker restarts it as after any death."""
        process = self.inspect(container, "{{.State.Pid}}")
        image = debian_image(self.tree)
        self.run(["docker", "run", "--rm", "--pid", "host", "--network", "none", image, "bash", "-c", f"kill -KILL {process}"])


def all_serve(containers):
    return bool(containers) and all(c["State"] == "running" and c.get("Health", "") in ("", "healthy") for c in containers)


class Api:
    def __init__(self, tree):
        settings = dict(line.split("=", 1) for line in (tree / ".env").read_text().splitlines() if re.match(r"[A-Z_]+=", line))
        self.settings = settings
        self.root = f"http://127.0.0.1:{settings['ATELIER_PORT']}"
        self.headers = {"Authorization": f"Bearer {settings['ATELIER_BOOTSTRAP_TOKEN']}", "Content-Type": "application/json"}

    def bytes(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        url = path if path.startswith("http") else self.root + path
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, self.headers), timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise Away(f"{path} answered {error.code}: {error.read()[:600].decode(errors='replace')}") from error
        except (OSError, http.client.HTTPException) as error:
            raise Away(f"{path}: {error}") from error

    def ask(self, path, body=None):
        return json.loads(self.bytes("/api/v1" + path, body))

    def post(self, path):
        return self.ask(path, {})

    def launch(self, experiment):
        return self.ask("/experiments", experiment)["id"]

    def experiment(self, identifier):
        return self.ask(f"/experiments/{identifier}")

    def here(self):
        return [w for w in self.ask("/workers")["items"] if w["here"] and "atelier-cpu" in w["taskQueues"]]


def await_true(holds, seconds, otherwise):
    """Seconds until it holds; while the API is away it doesn't."""
    start = time.monotonic()
    while True:
        with contextlib.suppress(Away):
            if holds():
                return time.monotonic() - start
        if time.monotonic() - start > seconds:
            raise NotHeld(otherwise() if callable(otherwise) else otherwise)
        time.sleep(0.5)


def steps_of(experiment):
    """How far an experiment's models are, all together."""
    return sum(model["step"] for model in experiment["models"])


class Trainings:
    """Experiments that train while something happens, one after the other; each has to end as DONE."""

    def __init__(self, api):
        self.api = api
        self.launched = []

    def launch(self):
        number = len(self.launched) + 1
        self.launched.append(self.api.launch(spec(f"drill-{number}", number, 1000, 200)))
        return self.launched[-1]

    def under_way(self, left=200, attempts=1000):
        """An experiment in the middle of a model's training, and that model: with so many steps left at least, in that attempt at most."""
        found = []
        if not self.launched:
            self.launch()

        def running():
            experiment = self.api.experiment(self.launched[-1])
            if experiment["stage"] in ("DONE", "EVALUATING", "PUBLISHING"):
                self.launch()
                return False
            found[:] = [
                m["key"]
                for m in experiment["models"]
                if m["state"] == "RUNNING" and m["step"] > 0 and m["totalSteps"] - m["step"] > left and m["attempts"] <= attempts
            ]
            return found

        await_true(running, END_SECONDS, "no training is under way")
        return self.launched[-1], found[0]

    def reached(self, identifier):
        """How far it is, as soon as the API answers."""
        steps = []
        await_true(lambda: steps.append(steps_of(self.api.experiment(identifier))) or True, PATIENCE_SECONDS, "the API does not answer")
        return steps[0]

    def await_progress(self, identifier, beyond):
        return await_true(
            lambda: steps_of(self.api.experiment(identifier)) > beyond,
            PATIENCE_SECONDS,
            lambda: f"the training did not get beyond step {beyond} in {PATIENCE_SECONDS} s",
        )

    def repeated(self):
        return sum(m.get("repeatedSteps") or 0 for i in self.launched for m in self.api.experiment(i)["models"])


def code_of(page, heading):
    """The commands of a section of a page, word for word."""
    section = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", page.read_text(), re.M | re.S).group(1)
    return re.search(r"^```sh\n(.*?)^```$", section, re.M | re.S).group(1)


def debian_image(tree):
    return re.search(r"^FROM (debian:\S+)", (tree / "deploy/docker/Dockerfile").read_text(), re.M).group(1)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def write_env(compose):
    """.env as the docs have it made, with free ports, and a name for the images that is no installation's."""
    compose.run(["deploy/docker/make-env.sh"])
    with (compose.tree / ".env").open("a") as env:
        env.write("ATELIER_IMAGE_PREFIX=atelier-drill/\n")
        for name, port in zip(PORTS, free_ports(len(PORTS))):
            env.write(f"{name}={port}\n")


def size_of(count):
    return f"{int(count) / 1e6:.1f} MB" if int(count) > 1e6 else f"{int(count) / 1e3:.0f} kB"


def minutes(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def files_match(api, identifier, expected):
    """Reads every file of an experiment and compares its hash with the one of before."""
    found = {a["name"]: a["sha256"] for a in api.experiment(identifier)["artifacts"]}
    if found != expected:
        raise NotHeld(f"{len(set(expected.items()) ^ set(found.items()))} files differ from before")
    total = 0
    for artifact in api.experiment(identifier)["artifacts"]:
        content = api.bytes(artifact["href"] if artifact["href"].startswith("/") else f"/api/v1/experiments/{identifier}/artifacts/{artifact['name']}")
        if hashlib.sha256(content).hexdigest() != artifact["sha256"]:
            raise NotHeld(f"{artifact['name']} has another SHA-256")
        total += len(content)
    return len(found), total


def drill(compose, table):
    page = compose.tree / "docs/operations.md"

    with table.step("`docker compose build`", needed=True) as figures:
        write_env(compose)
        start = time.monotonic()
        compose.read_services()
        compose.run(["docker", "compose", "--progress", "plain", "build"])
        took = time.monotonic() - start
        figures.append(f"{minutes(took)} min")
        for image in ("api", "worker-cpu"):
            figures.append(f"{image} {size_of(compose.inspect(f'atelier-drill/{image}:0.1.0', '{{.Size}}'))}")
    api = Api(compose.tree)

    with table.step("`docker compose up -d`: every service healthy, or exited (0)", needed=True) as figures:
        start = time.monotonic()
        compose.run(["docker", "compose", "up", "-d"])
        compose.await_health(600)
        api.bytes("/q/health/ready")
        figures.append(f"{time.monotonic() - start:.0f} s, {len(compose.serving)} services serve")

    with table.step("Prometheus reads the api, both workers and Temporal") as figures:
        targets = f"http://127.0.0.1:{api.settings['PROMETHEUS_PORT']}/api/v1/targets"
        read = lambda: [t for t in json.loads(api.bytes(targets))["data"]["activeTargets"]]  # noqa: E731
        await_true(lambda: len(read()) == 4 and all(t["health"] == "up" for t in read()), 120, lambda: str([(t["scrapeUrl"], t["lastError"]) for t in read()]))
        figures.append(f"{len(read())} targets up")

    with table.step("an experiment over REST is DONE", needed=True) as figures:
        first = api.launch(spec("drill-first", 0, 100, 50))
        took = await_true(lambda: api.experiment(first)["stage"] == "DONE", END_SECONDS, lambda: f"it is {api.experiment(first)['stage']}")
        files = {a["name"]: a["sha256"] for a in api.experiment(first)["artifacts"]}
        count, size = files_match(api, first, files)
        figures.append(f"{took:.0f} s; {count} files, {size_of(size)}, read with their SHA-256")

    trainings = Trainings(api)
    for service in compose.serving:
        with table.step(f"`kill -9` of {service} in the middle of a training") as figures:
            experiment, _ = trainings.under_way()
            container = compose.containers()[service][0]["Name"]
            started = compose.inspect(container, "{{.State.StartedAt}}")
            compose.kill(container)
            start = time.monotonic()
            before = trainings.reached(experiment)  # not before it: until the kill the training went on
            await_true(lambda: compose.inspect(container, "{{.State.StartedAt}}") != started, PATIENCE_SECONDS, "it was not started again")
            compose.await_health(PATIENCE_SECONDS)
            figures.append(f"all healthy by themselves after {time.monotonic() - start:.0f} s")
            trainings.await_progress(experiment, before)
            figures.append(f"training beyond where it was after {time.monotonic() - start:.0f} s")

    with table.step("drain: `docker compose stop worker-cpu`, then `start`") as figures:
        experiment, model = trainings.under_way(left=300, attempts=1)
        container = compose.containers()["worker-cpu"][0]["Name"]
        start = time.monotonic()
        compose.run(["docker", "compose", "stop", "worker-cpu"])
        took = time.monotonic() - start
        code = int(compose.inspect(container, "{{.State.ExitCode}}"))
        figures.append(f"ended with {code} after {took:.0f} s")
        if code not in (0, 143):
            raise NotHeld("the exit code is not that of a drain")
        compose.run(["docker", "compose", "start", "worker-cpu"])
        find = lambda: next(m for m in api.experiment(experiment)["models"] if m["key"] == model)  # noqa: E731
        await_true(lambda: find()["state"] == "DONE", END_SECONDS, lambda: f"{model} is {find()['state']}")
        figures.append(f"{model} ends with {find().get('repeatedSteps') or 0} of its steps trained twice")
        if find().get("repeatedSteps"):
            raise NotHeld("a drain loses no step")

    with table.step("`docker compose up -d --scale worker-cpu=2`: two names, both train") as figures:
        compose.run(["docker", "compose", "up", "-d", "--scale", "worker-cpu=2"])
        trainings.under_way()
        trainings.launch()
        took = await_true(
            lambda: len({w["name"] for w in api.here() if any("train" in d["activity"].lower() for d in w["doing"])}) == 2,
            PATIENCE_SECONDS,
            lambda: f"found {[(w['name'], [d['activity'] for d in w['doing']]) for w in api.here()]}",
        )
        figures.append(f"{', '.join(sorted({w['name'] for w in api.here()}))} after {took:.0f} s")
        compose.run(["docker", "compose", "up", "-d", "--scale", "worker-cpu=1"])
        compose.await_health(PATIENCE_SECONDS)

    with table.step("the commands of *Back up*, nothing stopped", needed=True) as figures:
        experiment, _ = trainings.under_way()
        start = time.monotonic()
        at_dump = steps_of(api.experiment(experiment))
        folder = compose.run(code_of(page, "Back up") + '\necho "$d"').strip().splitlines()[-1]
        sizes = {f.name: f.stat().st_size for f in (compose.tree / folder).iterdir()}
        figures.append(f"{time.monotonic() - start:.0f} s; " + ", ".join(f"{n} {size_of(s)}" for n, s in sorted(sizes.items()) if n != ".env"))
        if sorted(sizes) != [".env", "atelier.dump", "s3.tar", "temporal.dump", "visibility.dump"] or not all(sizes.values()):
            raise NotHeld(f"the folder has {sizes}")
        everything = {e["id"] for e in api.ask("/experiments?limit=100")["items"]}

    with table.step("every container killed, every volume deleted", needed=True) as figures:
        compose.run(["docker", "compose", "kill"])
        compose.run(["docker", "compose", "down", "-v"])
        volumes = compose.run(["docker", "volume", "ls", "-q", "--filter", "name=^atelier_"]).split()
        if volumes:
            raise NotHeld(f"left: {volumes}")
        figures.append("no volume left")

    with table.step("the commands of *Restore*", needed=True) as figures:
        start = time.monotonic()
        compose.run(f"d={folder}\n" + code_of(page, "Restore"))
        compose.await_health(600)
        await_true(lambda: api.bytes("/q/health/ready"), PATIENCE_SECONDS, "the api is not ready")
        figures.append(f"{time.monotonic() - start:.0f} s until all is healthy")

    with table.step("experiments and files are as before") as figures:
        found = {e["id"] for e in api.ask("/experiments?limit=100")["items"]}
        if found != everything:
            raise NotHeld(f"expected {len(everything)} experiments, found {len(found & everything)} of them and {len(found - everything)} others")
        count, size = files_match(api, first, files)
        figures.append(f"{len(found)} experiments; {count} files of the first, {size_of(size)}, have their SHA-256")

    with table.step("what ran goes on from its checkpoint") as figures:
        restored = steps_of(api.experiment(experiment))
        took = trainings.await_progress(experiment, max(at_dump, restored))
        figures.append(f"at step {at_dump} when dumped, {restored} once all was healthy, beyond it {took:.0f} s later")

    with table.step("Temporal's database deleted under a training: it goes on with an empty one") as figures:
        experiment, _ = trainings.under_way()
        before = steps_of(api.experiment(experiment))
        start = time.monotonic()
        compose.run("docker compose rm -sf temporal temporal-ui temporal-postgres temporal-schema temporal-namespace && docker volume rm atelier_temporal-postgres")
        compose.run(["docker", "compose", "up", "-d"])
        compose.await_health(PATIENCE_SECONDS)
        figures.append(f"healthy after {time.monotonic() - start:.0f} s")
        trainings.await_progress(experiment, before)
        figures.append(f"training beyond where it was after {time.monotonic() - start:.0f} s")

    with table.step("every experiment ends as DONE") as figures:
        for identifier in trainings.launched:
            await_true(
                lambda i=identifier: api.experiment(i)["stage"] in ("DONE", "PARTIAL", "FAILED", "CANCELED"),
                END_SECONDS,
                lambda i=identifier: f"{i} is {api.experiment(i)['stage']}",
            )
        ends = [api.experiment(i)["stage"] for i in [first, *trainings.launched]]
        if set(ends) != {"DONE"}:
            raise NotHeld(", ".join(ends))
        steps = sum(steps_of(api.experiment(i)) for i in trainings.launched)
        figures.append(f"{len(ends)}; {trainings.repeated()} of {steps} steps trained twice")

    with table.step("`POST /api/v1/maintenance/checks`: nothing is missing") as figures:
        check = api.post("/maintenance/checks")["id"]
        await_true(lambda: api.ask(f"/maintenance/checks/{check}").get("finishedAt"), PATIENCE_SECONDS, "the check does not end")
        report = api.ask(f"/maintenance/checks/{check}")
        figures.append(f"{report['objects']} objects, {size_of(report['bytes'])}; {len(report['missing'])} missing, {len(report['orphans'])} that no row names")
        if report.get("error") or report["missing"]:
            raise NotHeld(report.get("error") or str(report["missing"][0]))


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    for name in ("tree", "rows", "log"):
        arguments.add_argument(f"--{name}", type=pathlib.Path, required=True)
    options = arguments.parse_args()
    table = Table(options.rows)
    drill(Compose(options.tree, options.log), table)
    sys.exit(1 if table.failed else 0)


if __name__ == "__main__":
    main()
