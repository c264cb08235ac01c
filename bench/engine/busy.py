"""Times small training steps beside processes that take the processors, and prints one table.

What differs is how long libgomp's threads spin at a barrier before they sleep (GOMP_SPINCOUNT), and the number of
threads. All programs are started once and take turns, in another order each round; the ratio is the median over the
rounds of a program's seconds to those of our one thread in the same round.
"""

import argparse
import contextlib
import random
import statistics
import subprocess
import sys

import compare

# name: (channels, batch, side, steps of a turn)
CASES = {
    "16x8": (16, 16, 8, 8),
    "24x16": (24, 16, 16, 6),
    "32x16": (32, 16, 16, 4),
    "32x32": (32, 8, 32, 4),
    "64x32": (64, 32, 32, 1),
}


def ours(case, threads, spin_count):
    """Of a spin count; "default" is libgomp's own: 300,000, or 1,000 beyond one thread per processor."""
    channels, batch, side, _ = CASES[case]
    spinning = {} if spin_count == "default" else {"GOMP_SPINCOUNT": spin_count}
    return compare.ours("train", channels, 0, batch, side, threads, {**compare.MALLOC_ENVIRONMENT, **spinning})


def pytorch(case, threads):
    channels, batch, side, _ = CASES[case]
    return compare.pytorch("train", channels, 0, batch, side, threads)


@contextlib.contextmanager
def load(processes):
    """Processes that do nothing but take a processor."""
    spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def turns(programs, steps, rounds):
    """Seconds and processor seconds of a step: by program, a value for each round."""
    seconds = {name: [] for name in programs}
    cpu = {name: [] for name in programs}
    order = random.Random(1)
    for _ in range(rounds):
        for name in order.sample(list(programs), len(programs)):
            answer = programs[name].run(steps)
            seconds[name].append(sum(answer["seconds"]) / steps)
            cpu[name].append(answer["cpuSeconds"] / steps)
    return seconds, cpu


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=["16x8", "32x32"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loads", type=int, nargs="*", default=[0, 2, 8])
    parser.add_argument("--spin-counts", nargs="*", default=["default", "0", "1000", "10000"])
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    print(compare.machine())
    print()
    print("| channels × image | MACs forward | beside | program | ms a step | CPU ms | to our one thread (min–max) |")
    print("|---|---|---|---|---|---|---|", flush=True)
    one = "ours, 1 thread"
    for case in args.cases:
        programs = {one: ours(case, 1, "default"), "PyTorch, 1 thread": pytorch(case, 1)}
        for count in args.spin_counts:
            programs[f"ours, {args.threads} threads, spin count {count}"] = ours(case, args.threads, count)
        programs[f"PyTorch, {args.threads} threads"] = pytorch(case, args.threads)
        _, batch, _, steps = CASES[case]
        macs = f"{programs[one].network['macs'] * batch / 1e9:.2f} G"
        for program in programs.values():
            program.run(max(3, steps // 2))
        for processes in args.loads:
            with load(processes):
                seconds, cpu_seconds = turns(programs, steps, args.rounds)
            for name in programs:
                ratios = [x / y for x, y in zip(seconds[name], seconds[one])]
                print(
                    f"| {case} | {macs} | {processes} | {name} | {statistics.median(seconds[name]) * 1e3:.1f} "
                    f"| {statistics.median(cpu_seconds[name]) * 1e3:.1f} "
                    f"| {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f}) |",
                    flush=True,
                )
        for program in programs.values():
            program.close()


if __name__ == "__main__":
    main()
