"""Measures what a distillation step holds at most beside what MemoryPlan says, and prints one table.

Each figure is the growth of the resident set of a process of its own, in which what is freed is given back at once.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import JAVA, machine

# name: (what it is, batches)
SHAPES = {
    "text": ("text U-Net, latents 4 × 16 × 16", (1, 8, 32)),
    "dit": ("DiT, 6 layers of width 384, latents 4 × 32 × 32", (1, 4, 8)),
    "cifar": ("U-Net of width 64, images of 32 × 32", (1, 4, 16)),
}
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TOP_PAD_": "65536", "OMP_NUM_THREADS": "1"}
WITHIN = 0.15


def benchmark(*arguments):
    command = JAVA + ["-cp", os.environ["ATELIER_CLASSPATH"], "dev.atelier.training.MemoryBenchmark"]
    result = subprocess.run(
        command + [str(a) for a in arguments], env={**os.environ, **GIVEN_BACK}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if result.returncode:
        sys.exit(f"MemoryBenchmark {' '.join(map(str, arguments))} ended with code {result.returncode}: {result.stderr[-2000:]}")
    return result.stdout


def measure(shape, batch, precision, recomputing, folder):
    case = (shape, batch, precision, str(recomputing).lower(), folder / "training.pt")
    benchmark("write", *case)
    return json.loads(benchmark("measure", *case).splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(prog="bench/engine/run memory", description=__doc__)
    parser.add_argument("--cases", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--precisions", nargs="*", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    parser.add_argument("--csv", type=Path, help="also write what MemoryPlanMeasuredTest reads")
    args = parser.parse_args()
    print(machine())
    print()
    print("| network | batch | precision | activations | measured, MB | plan, MB | plan / measured |")
    print("|---|---|---|---|---|---|---|", flush=True)
    rows = []
    far = 0
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        for shape in args.cases:
            title, batches = SHAPES[shape]
            for precision in args.precisions:
                for recomputing in (False, True):
                    for batch in batches:
                        found = measure(shape, batch, precision, recomputing, Path(folder))
                        ratio = found["planBytes"] / found["peakBytes"]
                        far += abs(ratio - 1) > WITHIN
                        rows.append([shape, batch, precision, str(recomputing).lower(), found["peakBytes"]])
                        print(
                            f"| {title} | {batch} | {precision} | {'computed again' if recomputing else 'kept'} "
                            f"| {found['peakBytes'] / 1e6:.0f} | {found['planBytes'] / 1e6:.0f} | {ratio:.2f} |",
                            flush=True,
                        )
    if args.csv:
        with open(args.csv, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["shape", "batch", "precision", "recomputing", "peakBytes"])
            writer.writerows(rows)
    if far:
        sys.exit(f"{far} of {len(rows)} plans are further than {WITHIN:.0%} from what was measured")


if __name__ == "__main__":
    main()
