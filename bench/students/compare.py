"""Times ensembles whose students stay in memory, or are loaded in turn, here and in diffusers, and prints one table.

Each run is a process of its own; all ways take turns in each round. Seconds include loading.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
JAVA = [os.environ.get("JAVA", "java"), "-Xmx512m", "-XX:MaxDirectMemorySize=1g", "-XX:+UseSerialGC"]
# As the local stack starts its workers.
WORKER_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "34359738368",
    "MALLOC_TOP_PAD_": "67108864",
    "GOMP_SPINCOUNT": "10000",
}


def answer(command, environment):
    done = subprocess.run(
        [str(c) for c in command], env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        sys.exit(f"{command} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(lines[-1])


def ours(*arguments):
    command = [*JAVA, "-cp", os.environ["ATELIER_CLASSPATH"], "dev.atelier.publication.StudentsBenchmark", *arguments]
    return answer(command, {**WORKER_ENVIRONMENT, "OMP_NUM_THREADS": "1"})


def theirs(folder, mode, *arguments):
    command = [sys.executable, "-W", "ignore", HERE / "sample.py", folder, mode, *arguments]
    return answer(command, {"OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--students", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=16)
    options = parser.parse_args()
    sampled = options.images, options.batch, options.steps
    at_once = options.images, options.steps  # a call of the pipeline is a batch

    print("| students | where | models | seconds (min–max) | peak RSS |\n|---|---|---|---|---|")
    for students in options.students:
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work).resolve()
            parameters = ours("write", folder, students)["parameters"]
            runs = {
                ("here", "resident"): lambda: ours("sample", folder, students, "resident", *sampled),
                ("here", "in turn"): lambda: ours("sample", folder, students, "in-turn", *sampled),
                ("diffusers", "resident"): lambda: theirs(folder, "resident", *at_once),
                ("diffusers", "in turn"): lambda: theirs(folder, "in-turn", *at_once),
            }
            found = {way: [] for way in runs}
            for _ in range(options.rounds):
                for way, run in runs.items():
                    found[way].append(run())
            for (where, models), results in found.items():
                seconds = [r["seconds"] for r in results]
                peak = statistics.median(r["peakBytes"] for r in results) / 2**30
                print(
                    f"| {students} × {4 * parameters / 2**20:.0f} MiB | {where} | {models} |"
                    f" {statistics.median(seconds):.1f} ({min(seconds):.1f}–{max(seconds):.1f}) | {peak:.2f} GiB |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
