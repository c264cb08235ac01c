"""Times this engine against that of another commit, in alternation, and prints one table.

Both run as processes of their own with the same number of threads, each first in every other pair. The interval of the
median ratio is that of order statistics: it needs no distribution, and 12 pairs give one of 96 %.
"""

import argparse
import math
import os
import statistics

import compare


def program(classpath, case):
    task, channels, teacher, batch, threads, _, _ = compare.CASES[case]
    return compare.ours(task, channels, teacher, batch, compare.side_of(task), threads, classpath=classpath)


def interval(values):
    """Of the median, at least 95 %: the narrowest pair of order statistics, and what it covers."""
    values, n = sorted(values), len(values)
    for k in range(n // 2, 0, -1):
        outside = 2 * sum(math.comb(n, i) for i in range(k)) / 2**n
        if outside <= 0.05:
            return values[k - 1], values[n - k], 1 - outside
    return values[0], values[-1], 1 - 2 / 2**n


def run(case, before, after, pairs, warmup):
    steps = compare.CASES[case][5]
    a, b = program(after, case), program(before, case)
    for each in (a, b):
        each.run(1 if compare.CASES[case][0] == "sample" else warmup)
    ratios = []
    for pair in range(pairs):
        seconds = {}
        for each in (a, b) if pair % 2 == 0 else (b, a):
            seconds[each] = statistics.median(each.run(steps)["seconds"])
        ratios.append(seconds[a] / seconds[b])
    a.close()
    b.close()
    low, high, covered = interval(ratios)
    print(f"| {case} | {statistics.median(ratios):.3f} | {low:.3f} to {high:.3f} ({covered:.0%}) |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--cases", nargs="+", default=[c for c in compare.CASES if c.endswith("-1")], choices=list(compare.CASES))
    options = parser.parse_args()
    before, after = os.environ["ATELIER_CLASSPATH_BEFORE"], os.environ["ATELIER_CLASSPATH"]
    print(f"{compare.machine()}; {options.pairs} pairs, each case's threads in its name.\n")
    print("| case | after / before | interval of the median |\n|---|---|---|", flush=True)
    for case in options.cases:
        run(case, before, after, options.pairs, options.warmup)


if __name__ == "__main__":
    main()
