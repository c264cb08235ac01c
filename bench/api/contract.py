"""Holds the running API against its OpenAPI document: Schemathesis, and bodies that are no documents."""

import argparse
import contextlib
import http.client
import json
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

from stack import running_stack

# No worker computes, so that nothing that is launched takes long; the streams of events never end.
ENVIRONMENT = {"ATELIER_WORKER_ROLES": "light"}
ENDLESS = ["streamExperiment"]
# Hundreds of studies are launched, of up to hundreds of experiments each: more than Temporal's dev server starts in time for
# the others, whose changes a workflow answers. So they come last.
STUDIES = ["launchStudy", "listStudies", "showStudy", "cancelStudy", "deleteStudy", "getStudyArtifact"]
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
]


def schemathesis(base: str, cases: int, seed: int, folder: pathlib.Path) -> dict:
    """Cases that were sent, what was found, and the exit code: of all operations, those of studies last."""
    chosen = [option for operation in ENDLESS + STUDIES for option in ("--exclude-operation-id", operation)]
    others = schemathesis_of(base, cases, seed, folder, "others", chosen)
    chosen = [option for operation in STUDIES for option in ("--include-operation-id", operation)]
    studies = schemathesis_of(base, cases, seed, folder, "studies", chosen)
    return {
        "cases": others["cases"] + studies["cases"],
        "exit": others["exit"] or studies["exit"],
        "output": others["output"][-12_000:] + studies["output"][-12_000:],
    }


def schemathesis_of(base: str, cases: int, seed: int, folder: pathlib.Path, name: str, chosen: list) -> dict:
    root = base.removesuffix("/api/v1")
    command = [
        str(pathlib.Path(sys.executable).parent / "schemathesis"), "run", f"{root}/q/openapi?format=json", "--url", root,
        "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(cases), "--seed", str(seed),
        "--checks", ",".join(CHECKS), "--continue-on-failure", "--no-shrink", "--workers", "1", "--request-timeout", "60",
        "--suppress-health-check", "all", "--report", "ndjson", "--report-ndjson-path", str(folder / f"{name}.ndjson"),
        "--warnings", "off", *chosen,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    output = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    (folder / f"{name}.log").write_text(output + done.stderr)
    generated = re.search(r"([\d,]+) generated", output)
    return {"cases": int(generated.group(1).replace(",", "")) if generated else 0, "exit": done.returncode, "output": output}


def bodies(seed: int, count: int):
    """Bodies that are no good document of anything, with their content types."""
    draw = random.Random(seed)
    good = json.dumps({"name": "x", "dataset": {"source": "shapes"}, "students": {"count": 2}, "labels": {"a": "b"}})
    makers = [
        lambda: good[: draw.randrange(1, len(good))],
        lambda: "[" * draw.choice([10, 1000, 100_000]),
        lambda: '{"a":' * draw.choice([10, 1000, 20_000]) + "1",
        lambda: '{"seed": ' + "9" * draw.choice([20, 400, 100_000]) + "}",
        lambda: '{"seed": 1e' + "9" * draw.choice([3, 9, 400]) + "}",
        lambda: '{"name": "' + "\\u0000" * draw.randrange(1, 9) + '"}',
        lambda: '{"name": "' + draw.choice(["\\ud800", "\\udfff\\ud800", "\ufeff", "\u202e", "\\u0001"]) + '"}',
        lambda: '{"name": "' + "x" * draw.choice([300, 70_000, 2_000_000]) + '"}',
        lambda: json.dumps({draw.choice(["name", "seed", "students", "labels", "url", "steps", ""]): draw.choice([None, True, [], {}, -1, 1.5, "", "\x00"])}),
        lambda: good.replace('"', "'"),
        lambda: draw.choice(["", " ", "null", "true", "1", '"text"', "NaN", "-", "{}{}", good + good, "\ufeff" + good]),
        lambda: draw.choice(["a: &x 1\nb: *x", "!!java.lang.Object {}", "--- a\n--- b", "a: [", "\t- x", "? x", "<<: {a: 1}", "a: 1\na: 2", "- 1", "%YAML 9.9"]),
        lambda: bytes(draw.randrange(256) for _ in range(draw.choice([1, 50, 5000]))),
        lambda: good.encode(draw.choice(["utf-16", "utf-32", "utf-16-le"])),
        lambda: '{"name": "é"}'.encode("latin-1"),
    ]
    types = ["application/json"] * 6 + ["application/yaml"] * 3 + [
        "text/plain", "application/xml", "application/json; charset=utf-16", "application/json; charset=nonsense", "multipart/form-data", "nonsense", "*/*", "application/", ""]
    for _ in range(count):
        body = draw.choice(makers)()
        yield body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass"), draw.choice(types)


def malformed(base: str, seed: int, count: int) -> dict:
    """Sends bodies to every operation that takes one, in turn; every answer is to be a problem or a success."""
    url = urllib.parse.urlsplit(base)
    document = json.load(urllib.request.urlopen(f"{url.scheme}://{url.netloc}/q/openapi?format=json"))
    targets = [
        (method.upper(), re.sub(r"{\w+}", "20260101-000000-aaaa", path.replace("{k}", "1").replace("{key}", "student-1")))
        for path, methods in document["paths"].items() for method, operation in methods.items()
        if isinstance(operation, dict) and "requestBody" in operation
    ]
    statuses: dict[int, int] = {}
    wrong = []
    for i, (body, content_type) in enumerate(bodies(seed, count)):
        method, path = targets[i % len(targets)]
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        with contextlib.closing(connection):
            headers = {"Content-Type": content_type} if content_type else {}
            try:
                connection.request(method, path, body=body, headers=headers)
                answer = connection.getresponse()
                text = answer.read().decode(errors="replace")
            except (BrokenPipeError, ConnectionResetError):
                statuses[0] = statuses.get(0, 0) + 1  # closed while the body was sent: it is too long
                continue
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            problem = answer.getheader("Content-Type", "").startswith("application/problem+json") and '"type"' in text
            if answer.status >= 500 or (answer.status >= 400 and not problem) or "Exception" in text or "\tat " in text:
                wrong.append(f"{method} {path} ({content_type}) {body[:80]!r}: {answer.status} {text[:200]}")
    return {"count": count, "statuses": dict(sorted(statuses.items())), "wrong": wrong}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--cases", type=int, default=200, help="of each operation in the phase of fuzzing")
    options.add_argument("--malformed", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--data", default=None, help="a folder for all state; deleted afterwards if not given")
    args = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, too
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(args.data or stack.enter_context(tempfile.TemporaryDirectory(prefix="atelier-contract-", ignore_cleanup_errors=True)))
        base, _, _ = stack.enter_context(running_stack(folder, ENVIRONMENT))
        bad = malformed(base, args.seed, args.malformed)
        print(f"Malformed bodies: {bad['count']}, answers {bad['statuses']}, wrong {len(bad['wrong'])}", flush=True)
        print("\n".join(bad["wrong"][:40]), flush=True)
        run = schemathesis(base, args.cases, args.seed, folder)
        print(run["output"])
        log = (folder / "data/logs/api.log").read_text(errors="replace")
        failures = re.findall(r".*ERROR.*failed, trace id.*", log)
        print(f"Schemathesis {args.cases}: {run['cases']} cases, exit code {run['exit']}; errors in the log of the api: {len(failures)}")
        print("\n".join(failures[:20]))
    sys.exit(1 if bad["wrong"] or run["exit"] or failures else 0)


if __name__ == "__main__":
    main()
