"""Metric points in both forms, side by side on one Postgres: bytes, writes, charts, moving, thinning out, deletion."""

import argparse
import contextlib
import glob
import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import psycopg

MIGRATIONS = pathlib.Path("migrations/src/main/resources/db/migration")
LOSSES = ["loss", "diffusion_loss", "distillation_loss", "gradient_norm"]
SERIES = (
    LOSSES
    + ["learning_rate", "images_per_second", "max_loss", "max_gradient_norm", "native_bytes"]
    + [f"{name}_{of}" for name in LOSSES for of in ("variance", "outliers")]
    + [f"diffusion_loss_tenth_{k}" for k in range(8)]
)  # 25: what a student of 8 tenths reports
REPORTS = 10_000  # of a model: 100,000 steps, one report every 10
SIDE_BY_SIDE = 8  # trainings that write at once, so that their rows lie among one another

CHART = {
    "former": """
        select coalesce(array_agg(step), '{}'), coalesce(array_agg(value), '{}')
        from (select step, value from metric_point where model_id = %s and series = %s order by step limit 250000) p""",
    "reports": """
        select coalesce(array_agg(step), '{}'), coalesce(array_agg(value), '{}')
        from (select step, value from (
            select step, values[(select array_position(series, %(series)s) from curves where id = %(curves)s)] as value
            from metric_report where curves = %(curves)s) r
          where value is not null order by step limit 250000) p""",
}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def postgres(folder: pathlib.Path):
    """A server with the settings of the local stack; the port."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    if not found:
        sys.exit("Found no Postgres below /usr/lib/postgresql; expected Debian's package postgresql.")
    programs = pathlib.Path(found[-1]).parent
    port = free_port()
    user = []
    if os.geteuid() == 0:  # which Postgres refuses
        shutil.chown(folder, "nobody", "nogroup")
        os.chmod(folder, 0o700)
        user = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    data = folder / "data"
    subprocess.run([*user, programs / "initdb", "-D", data, "-A", "trust", "-U", "atelier"], check=True, stdout=subprocess.DEVNULL)
    command = [*user, programs / "postgres", "-D", data, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1",
               "-c", "shared_buffers=64MB", "-c", "max_wal_size=2GB"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        for _ in range(100):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(host="127.0.0.1", port=port, user="atelier", dbname="postgres").close()
                break
            time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        server.wait(60)


def models(database, count: int) -> list[int]:
    """Models of as many ended experiments, one each."""
    return [
        database.execute(
            """with e as (insert into experiment (id, name, spec, stage, finished_at) values (gen_random_uuid()::text, 'n', '{}', 'DONE', now()) returning id)
               insert into model (experiment_id, key, position, range_low, range_high, state, total_steps)
               select id, 'student-1', 1, 0, 1000, 'DONE', 100000 from e returning id"""
        ).fetchone()[0]
        for _ in range(count)
    ]


def groups(ids: list[int]):
    return [ids[i : i + SIDE_BY_SIDE] for i in range(0, len(ids), SIDE_BY_SIDE)]


def fill_former(database, count: int) -> list[int]:
    ids = models(database, max(1, count // (REPORTS * len(SERIES))))
    for some in groups(ids):
        database.execute(
            """insert into metric_point select m, s, 10 * n, random() from generate_series(1, %s) n, unnest(%s::bigint[]) m, unnest(%s::text[]) s""",
            (REPORTS, some, SERIES),
        )
    database.execute("vacuum analyze metric_point")
    return ids


def fill_reports(database, count: int) -> list[int]:
    ids = []
    for some in groups(models(database, max(1, count // (REPORTS * len(SERIES))))):
        curves = [database.execute("insert into curves (series) values (%s) returning id", (SERIES,)).fetchone()[0] for _ in some]
        for model, own in zip(some, curves):
            database.execute("update model set curves = %s where id = %s", (own, model))
        database.execute(
            """insert into metric_report select c, 10 * n, array(select random() + 0 * n from generate_series(1, %s))
               from generate_series(1, %s) n, unnest(%s::bigint[]) c""",
            (len(SERIES), REPORTS, curves),
        )
        ids += curves
    database.execute("vacuum analyze metric_report")
    return ids


def size(database, tables: str) -> int:
    return database.execute(
        "select sum(pg_total_relation_size(oid))::bigint from pg_class where relkind = 'r' and relname ~ %s", (tables,)
    ).fetchone()[0]


def summary(times: list[float]) -> dict:
    ordered = sorted(times)
    return {"n": len(times), "p50": ordered[len(times) // 2], "p99": ordered[min(len(times) - 1, int(0.99 * len(times)))]}


def charts(database, form: str, ids: list[int], asked: int) -> dict:
    """Any series of any model, so that most pages come from the system's cache and not from Postgres's."""
    draw = random.Random(1)
    times = []
    with database.cursor(binary=True) as cursor:
        for i in range(asked + 20):
            chosen, series = draw.choice(ids), draw.choice(SERIES)
            begin = time.perf_counter()
            arguments = (chosen, series) if form == "former" else {"curves": chosen, "series": series}
            steps, values = cursor.execute(CHART[form], arguments, prepare=True).fetchone()
            took = 1000 * (time.perf_counter() - begin)
            if len(steps) != REPORTS or len(values) != REPORTS:
                sys.exit(f"A chart in the form {form} has {len(steps)} points; expected {REPORTS}.")
            if i >= 20:
                times.append(took)
    return summary(times)


def timed(call) -> tuple[float, object]:
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result


def ingestion(port: int, database, form: str) -> float:
    """Points a second that a worker's own code writes over one connection."""
    (model,) = models(database, 1)
    (experiment,) = database.execute("select experiment_id from model where id = %s", (model,)).fetchone()
    url = f"jdbc:postgresql://127.0.0.1:{port}/postgres"
    done = subprocess.run(
        ["java", "-Xmx256m", "-cp", os.environ["ATELIER_CLASSPATH"], "dev.atelier.store.IngestBench", url, "", experiment, form, ",".join(SERIES)],
        check=True, capture_output=True, text=True,
    )
    return float(re.search(r"points/s: ([0-9.]+)", done.stdout).group(1))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--points", type=int, default=100_000_000)
    options.add_argument("--former-points", type=int, default=10_000_000)
    options.add_argument("--charts", type=int, default=300)
    options.add_argument("--data", default=None, help="a folder for the database; deleted afterwards if not given")
    options.add_argument("--without-ingestion", action="store_true")
    args = options.parse_args()
    result = {"load before": os.getloadavg()[0], "cpus": os.cpu_count()}
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(args.data or stack.enter_context(tempfile.TemporaryDirectory(prefix="atelier-storage-", ignore_cleanup_errors=True)))
        port = stack.enter_context(postgres(folder))
        database = stack.enter_context(psycopg.connect(host="127.0.0.1", port=port, user="atelier", dbname="postgres", autocommit=True))
        for script in sorted(MIGRATIONS.glob("V*.sql")):
            database.execute(script.read_text())
        if not args.without_ingestion:
            result["points/s"] = {form: ingestion(port, database, form) for form in ("former", "reports")}
            database.execute("delete from experiment")
            database.execute("truncate metric_point, metric_report, curves, curves_left")
            print(json.dumps(result), flush=True)
        took, former = timed(lambda: fill_former(database, args.former_points))
        former_points = len(former) * REPORTS * len(SERIES)
        result["former"] = {"points": former_points, "fill s": took, "bytes/point": size(database, "^metric_point$") / former_points}
        took, reports = timed(lambda: fill_reports(database, args.points))
        points = len(reports) * REPORTS * len(SERIES)
        result["reports"] = {"points": points, "fill s": took, "bytes/point": size(database, "^(metric_report_[0-9]+|curves)$") / points}
        print(json.dumps(result), flush=True)
        for _ in range(2):  # in turns, as other work on the machine comes and goes
            for form, ids in (("former", former), ("reports", reports)):
                result[form].setdefault("chart ms", []).append(charts(database, form, ids, args.charts))
        print(json.dumps(result), flush=True)
        moved, steps, longest = former[0], 0, 0.0
        begin = time.perf_counter()
        while True:
            took, (step,) = timed(lambda: database.execute("select move_metric_points(%s, 1000)", (moved,)).fetchone())
            if step == 0:
                break
            steps, longest = steps + step, max(longest, took)
        result["moved points/s"] = steps * len(SERIES) / (time.perf_counter() - begin)
        result["longest move ms"] = 1000 * longest
        gone = database.execute("select experiment_id from model where curves = %s", (reports[0],)).fetchone()
        result["delete request ms"] = 1000 * timed(lambda: database.execute("delete from experiment where id = %s", gone))[0]
        result["delete reports ms"] = 1000 * timed(
            lambda: database.execute("delete from metric_report where curves = %s", (reports[0],))
        )[0]
    pathlib.Path("target").mkdir(exist_ok=True)
    pathlib.Path("target/bench-storage.json").write_text(json.dumps(result, indent=2))
    print(table(result))


def table(result: dict) -> str:
    former, reports = result["former"], result["reports"]

    def chart(form):
        return ", ".join("{p50:.0f} / {p99:.0f}".format(**c) for c in form["chart ms"])

    lines = [
        f"Load before: {result['load before']:.1f} on {result['cpus']} CPUs.",
        "",
        "| | a row per point | a row per report |",
        "|---|---|---|",
        f"| points | {former['points']:,} | {reports['points']:,} |",
        f"| bytes per point, indexes included | {former['bytes/point']:.1f} | {reports['bytes/point']:.1f} ({former['bytes/point'] / reports['bytes/point']:.1f} times fewer) |",
        f"| chart of {REPORTS:,} points, ms: median / p99, two rounds | {chart(former)} | {chart(reports)} |",
    ]
    if "points/s" in result:
        lines.append("| points written per second | {former:,.0f} | {reports:,.0f} |".format(**result["points/s"]))
    lines += [
        f"| points moved per second | | {result['moved points/s']:,.0f}; longest transaction {result['longest move ms']:.0f} ms |",
        f"| deletion of a model with {REPORTS * len(SERIES):,} points | | request {result['delete request ms']:.0f} ms, in the background {result['delete reports ms']:.0f} ms |",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
