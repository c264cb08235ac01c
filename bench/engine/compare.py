"""Times Atelier's engine against PyTorch eager, and compiled where texts are read, in alternation, and prints one table.

Each case runs all programs, each a process of its own with the same number of threads; only one computes at a
time. After warm-up they take turns, ours first in even rounds and last in odd ones.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# name: (task, channels, teacher channels, batch, threads, steps of a turn, target)
CASES = {
    "train-64-1": ("train", 64, 0, 32, 1, 1, 0.95),
    "train-64-2": ("train", 64, 0, 32, 2, 2, 0.95),
    "train-32-1": ("train", 32, 0, 8, 1, 10, 0.85),
    "train-32-2": ("train", 32, 0, 8, 2, 15, 0.85),
    "distill-48-1": ("distill", 48, 64, 32, 1, 1, 0.95),
    "distill-48-2": ("distill", 48, 64, 32, 2, 2, 0.95),
    "sample-64-1": ("sample", 64, 0, 32, 1, 1, 0.80),
    "sample-64-2": ("sample", 64, 0, 32, 2, 1, 0.80),
    "text-64-1": ("text", 64, 0, 16, 1, 1, 1.00),
}
SIDE = 32
LATENT_SIDE = 16
SAMPLER_STEPS = 20

# As the local stack starts its workers.
MALLOC_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "34359738368",
    "MALLOC_TOP_PAD_": "67108864",
}
WORKER_ENVIRONMENT = {**MALLOC_ENVIRONMENT, "GOMP_SPINCOUNT": "10000"}
JAVA = [
    os.environ.get("JAVA", "java"),
    "-Xmx512m",
    "-XX:MaxDirectMemorySize=1g",
    "-XX:+UseSerialGC",
]


class Program:
    """A benchmark program that runs as many steps as it is told."""

    def __init__(self, command, environment, threads):
        environment = {**os.environ, **environment, "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.network = self.answer()

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        sys.exit(f"{self.process.args[0]} ended early with code {self.process.wait()}")

    def run(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def ours(task, channels, teacher, batch, side, threads, environment=WORKER_ENVIRONMENT, classpath=None):
    command = JAVA + ["-cp", classpath or os.environ["ATELIER_CLASSPATH"], "dev.atelier.training.EngineBenchmark"]
    arguments = [task, channels, teacher, batch, side, SAMPLER_STEPS, threads]
    return Program(command + [str(a) for a in arguments], environment, threads)


def pytorch_text(channels, batch, side, threads, compiled):
    command = [sys.executable, str(HERE / "pytorch_text.py"), "--channels", channels, "--batch", batch]
    command += ["--side", side, "--threads", threads] + ["--compiled"] * compiled
    return Program([str(c) for c in command], {}, threads)


def pytorch(task, channels, teacher, batch, side, threads):
    command = [sys.executable, str(HERE / "pytorch_eager.py"), "--task", task, "--channels", channels]
    command += ["--teacher-channels", teacher or 64, "--batch", batch, "--side", side]
    command += ["--sampler-steps", SAMPLER_STEPS, "--threads", threads]
    return Program([str(c) for c in command], {}, threads)


def side_of(task):
    return LATENT_SIDE if task == "text" else SIDE


def flops(case, network):
    """Of one step: a backward pass takes twice a forward one; the teacher only goes forward."""
    task, batch = CASES[case][0], CASES[case][3]
    passes = SAMPLER_STEPS if task == "sample" else 3
    return 2 * batch * (passes * network["macs"] + network["teacherMacs"])


def compare(case, pairs, warmup):
    task, channels, teacher, batch, threads, steps, _ = CASES[case]
    side = side_of(task)
    a = ours(task, channels, teacher, batch, side, threads)
    if task == "text":
        others = {f"PyTorch {kind}": pytorch_text(channels, batch, side, threads, kind == "compiled") for kind in ("eager", "compiled")}
    else:
        others = {"PyTorch eager": pytorch(task, channels, teacher, batch, side, threads)}
    for b in others.values():
        if a.network["parameters"] != b.network["parameters"]:
            sys.exit(f"{case}: {a.network['parameters']} parameters here, {b.network['parameters']} in PyTorch")
    if task == "sample":
        warmup = 1  # a trajectory has steps enough to warm up in
    programs = [a, *others.values()]
    times = {program: [] for program in programs}
    cpu = {program: [] for program in programs}
    peak = {}
    for program in programs:
        program.run(warmup)
    for pair in range(pairs):
        for program in programs if pair % 2 == 0 else reversed(programs):
            answer = program.run(steps)
            times[program].append(statistics.median(answer["seconds"]))
            cpu[program].append(answer["cpuSeconds"] / steps)
            peak[program] = answer["peakRssBytes"]
    for program in programs:
        program.close()
    for name, program in others.items():
        print(
            f"{case}, {name}: {statistics.median(times[program]):.3f} s, {statistics.median(cpu[program]):.3f} s of CPU, "
            f"{peak[program] / 2**30:.2f} GiB; ours {statistics.median(times[a]):.3f} s, {statistics.median(cpu[a]):.3f} s of CPU",
            file=sys.stderr,
        )
    b = min(others.values(), key=lambda program: statistics.median(times[program]))  # the best of them
    ratios = [x / y for x, y in zip(times[a], times[b])]
    return {
        "case": case,
        "oursSeconds": statistics.median(times[a]),
        "pytorchSeconds": statistics.median(times[b]),
        "ratio": statistics.median(ratios),
        "ratioMin": min(ratios),
        "ratioMax": max(ratios),
        "oursFlops": flops(case, a.network) / statistics.median(times[a]),
        "cpuRatio": statistics.median(cpu[a]) / statistics.median(cpu[b]),
        "oursPeakRss": peak[a],
        "pytorchPeakRss": peak[b],
    }


def machine():
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    return f"{cpu}, {os.cpu_count()} cores, {platform.platform()}, {time.strftime('%Y-%m-%d')}"


def sgemm_gflops(threads):
    """The machine's peak: a large matrix product, best of 10."""
    code = (
        "import torch, time\n"
        f"torch.set_num_threads({threads})\n"
        "a = torch.randn(4096, 4096); b = torch.randn(4096, 4096); best = 1e9\n"
        "for _ in range(10):\n"
        "    s = time.perf_counter(); a @ b; best = min(best, time.perf_counter() - s)\n"
        "print(2 * 4096**3 / best / 1e9)\n"
    )
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    args = parser.parse_args()
    print(machine())
    peak = {threads: sgemm_gflops(threads) for threads in (1, 2)}
    for threads, gflops in peak.items():
        print(f"sgemm 4096³, {threads} thread(s): {gflops:.0f} GFLOP/s")
    print()
    print("| case | ours | PyTorch | ratio (min–max) | CPU time | target | of sgemm | peak RSS ours | PyTorch | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for case in args.cases:
        r = compare(case, args.pairs, args.warmup)
        gb = 2**30
        print(
            f"| {case} | {r['oursSeconds']:.3f} s | {r['pytorchSeconds']:.3f} s "
            f"| {r['ratio']:.3f} ({r['ratioMin']:.3f}–{r['ratioMax']:.3f}) | {r['cpuRatio']:.3f} | ≤ {CASES[case][6]:.2f} "
            f"| {r['oursFlops'] / 1e9 / peak[CASES[case][4]]:.0%} "
            f"| {r['oursPeakRss'] / gb:.2f} GiB | {r['pytorchPeakRss'] / gb:.2f} GiB "
            f"| {r['oursPeakRss'] / r['pytorchPeakRss']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
