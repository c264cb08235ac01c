"""Writes full-size models with diffusers, imports and steps them there and here, and prints one table.

Each side is a process of its own, with both cores. Steps take turns, ours first in even pairs and diffusers' in odd
ones, after one each that is not timed. Writing is diffusers_side.py's, our side is ModelBenchmark.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safetensors.torch import load_file

HERE = Path(__file__).resolve().parent
# name: (what diffusers_side.py writes, variant)
CASES = {"sd15": ("sd15", []), "sd15-fp16": ("sd15", ["fp16"]), "church": ("church", []), "dit-xl": ("dit-xl", [])}
LIMIT = 1e-4  # of noise and step, against diffusers
GIB = 2**30

# As the local stack starts its workers; diffusers' side has it too, as both sides' threads wait in libgomp.
JAVA = [os.environ.get("JAVA", "java"), "-Xmx768m", "-XX:MaxDirectMemorySize=1g", "-XX:+UseSerialGC"]
WORKER_ENVIRONMENT = {
    "GOMP_SPINCOUNT": "10000",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "34359738368",
    "MALLOC_TOP_PAD_": "67108864",
}


class Program:
    """A process that makes as many steps as it is told."""

    def __init__(self, command, environment, errors):
        environment = {**os.environ, **environment, "OMP_NUM_THREADS": str(os.cpu_count())}
        self.errors = errors
        with open(errors, "w") as file:
            self.process = subprocess.Popen(
                [str(c) for c in command], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True
            )
        self.seconds = []
        self.imported = self.answer()

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        sys.exit(f"It ended early with code {self.process.wait()}: {self.errors.read_text()[-1000:]}")

    def step(self):
        self.process.stdin.write("1\n")
        self.process.stdin.flush()
        self.last = self.answer()
        self.seconds += self.last["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def java(work):
    return JAVA + [f"-Djava.io.tmpdir={work}", "-cp", os.environ["ATELIER_CLASSPATH"], "dev.atelier.pipeline.ModelBenchmark"]


def side(*arguments):
    return [sys.executable, HERE / "diffusers_side.py", *arguments]


def opened(folder, work):
    program = Program(java(work) + ["open", folder], {}, work / "open.log")
    program.close()
    return program.imported


def differences(ours, theirs):
    a, b = load_file(ours), load_file(theirs)
    return [float((a[name] - b[name]).abs().max()) for name in ("eps", "x")]


def compare(case, pairs, work):
    folder = work / case
    written, variant = CASES[case]
    subprocess.run([str(c) for c in side("write", written, folder, *variant)], check=True, stderr=subprocess.DEVNULL)
    opener = opened(folder, work)
    threads = os.cpu_count()
    a = Program(java(work) + ["step", folder, work / "ours", threads], WORKER_ENVIRONMENT, work / "ours.log")
    b = Program(side("step", folder, work / "theirs"), WORKER_ENVIRONMENT, work / "theirs.log")
    if a.imported["parameters"] != b.imported["parameters"]:
        sys.exit(f"{case}: {a.imported['parameters']} parameters here, {b.imported['parameters']} in diffusers")
    for pair in range(pairs + 1):
        for program in (a, b) if pair % 2 == 0 else (b, a):
            program.step()
    a.close()
    b.close()
    if a.last["timestep"] != b.last["timestep"]:
        sys.exit(f"{case}: the step is at {a.last['timestep']} here, at {b.last['timestep']} in diffusers")
    eps, x = differences(work / "ours", work / "theirs")
    ours, theirs = a.seconds[1:], b.seconds[1:]
    ratio = statistics.median(m / n for m, n in zip(ours, theirs))
    disk = sum(f.stat().st_size for part in ("unet", "transformer") for f in (folder / part).glob("*.safetensors")) / 1e9
    print(
        f"| {case} | {a.imported['parameters'] / 1e6:.0f} M, {disk:.2f} GB "
        f"| {opener['seconds']:.0f} s, {opener['peakBytes'] / GIB:.1f} GiB "
        f"| {a.imported['importSeconds']:.1f} s | {b.imported['importSeconds']:.1f} s "
        f"| {statistics.median(ours):.1f} s | {statistics.median(theirs):.1f} s | {ratio:.2f} "
        f"| {a.last['peakBytes'] / GIB:.1f} GiB | {b.last['peakBytes'] / GIB:.1f} GiB | {eps:.0e} | {x:.0e} |",
        flush=True,
    )
    shutil.rmtree(folder)
    return max(eps, x) <= LIMIT


def machine():
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    return f"{cpu}, {os.cpu_count()} cores, {platform.platform()}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("cases", nargs="*", metavar="|".join(CASES), help="all without a name")
    args = parser.parse_args()
    cases = args.cases or list(CASES)
    for case in cases:
        if case not in CASES:
            parser.error(f"{case} is none of {', '.join(CASES)}")
    print(machine())
    print()
    print("| model | weights | opened apart | import ours | diffusers | step ours | diffusers | ratio | peak ours | diffusers | eps | step |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="atelier-models-") as work:
        held = [compare(case, args.pairs, Path(work)) for case in cases]
    if not all(held):
        sys.exit(f"Not within {LIMIT:.0e} of diffusers.")


if __name__ == "__main__":
    main()
