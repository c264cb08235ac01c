"""Times the API on a real stack with a long history, and MLflow with the same data beside it."""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

import psycopg

from stack import Client, free_port, process, await_text, running_stack


SERIES_PER_CHART = 100_000
WARM_UP = 20
TEMPLATE = {
    "name": "template",
    "compute": "gpu-bench",  # a queue that nobody serves: nothing trains
    "labels": {"team": "vision"},
    "dataset": {"source": "shapes", "resolution": 16},
    "students": {"count": 4},
}
FILTERS = [
    {"q": "students=4"},
    {"q": "p>=0.5 students=8"},
    {"q": "distance<12", "sort": "distance"},
    {"q": "distance.teacher>4 stage=DONE", "sort": "-distance"},
    {"q": "label.team=team-7"},
    {"q": "name~exp-77"},
    {"q": "exp-1234"},
    {"q": "nowhere"},
    {"q": "label.run=1234"},
    {"q": "spec.students.loss.feature.kind=hint"},
    {"q": "spec.teacher.training.steps>1000000"},
    {"q": "spec.compute~gpu", "sort": "-students"},
    {"q": "dataset=shapes created>2026-01-01", "sort": "created"},
    {"q": "spec.students.count=2 distance<15"},
    {"q": "seed=17"},
]


def columns(database, table: str, without=()):
    rows = database.execute(
        """select column_name from information_schema.columns
           where table_schema = 'public' and table_name = %s
             and is_generated = 'NEVER' and is_identity = 'NO' order by ordinal_position""",
        (table,),
    )
    return [name for (name,) in rows if name not in without]


def fill(database, template: str, experiments: int, points: int) -> list[tuple[str, int]]:
    """Copies the template; returns experiments whose teachers have curves, and their model ids."""
    # The specs repeat after 100, and so do their values, which a trigger gathers in some milliseconds for each.
    fill_experiments(database, template, 1, min(100, experiments))
    database.execute("alter table experiment disable trigger experiment_spec_values")
    fill_experiments(database, template, 101, experiments)
    database.execute("alter table experiment enable trigger experiment_spec_values")
    names = columns(database, "model", without=("experiment_id",))
    database.execute(
        f"""insert into model (experiment_id, {", ".join(names)})
            select e.id, {", ".join("r." + name for name in names)} from experiment e
              join model t on t.experiment_id = %(template)s,
              jsonb_populate_record(null::model, to_jsonb(t) || jsonb_build_object('state', 'DONE', 'step', t.total_steps)) r
            where e.name like 'exp-%%'""",
        {"template": template},
    )
    database.execute(
        """insert into evaluation (experiment_id, subject, metric, distance, macs_per_step, parameters,
             images_per_second, peak_memory_bytes, protocol)
           select id, subject, 'Fréchet distance (random-conv)', 3 + 30 * random(), 1e7 * (1 + random()), 600000, 40, 5e8,
             '{"samples": 10000}'
           from experiment, unnest(array['teacher', 'o2mkd']) subject where name like 'exp-%'"""
    )
    database.execute(
        """insert into event (experiment_id, kind, detail)
           select id, kind, '' from experiment, unnest(array['launched', 'stage', 'stage', 'stage']) kind
           where name like 'exp-%'"""
    )
    curves = max(1, points // SERIES_PER_CHART)
    charted = database.execute(
        """select e.id, m.id from experiment e join model m on m.experiment_id = e.id and m.key = 'teacher'
           where e.name like 'exp-%%' order by e.id desc limit %s""",
        (curves,),
    ).fetchall()
    for _, model in charted:
        own = begin_curves(database, model)
        database.execute(
            """insert into metric_report (curves, step, values)
               select %s, n, array[1 / sqrt(n::float) + random()] from generate_series(1, %s) n""",
            (own, SERIES_PER_CHART),
        )
    database.execute("analyze")
    return charted


def fill_experiments(database, template: str, first: int, last: int) -> None:
    names = columns(database, "experiment")
    chosen = ", ".join(f"r.{name}" for name in names)
    database.execute(
        f"""with alike as materialized (select name, spec_values from experiment) -- what is being inserted is not looked through
            insert into experiment ({", ".join(names)})
            select {chosen} from experiment e cross join generate_series(%(first)s::int, %(last)s::int) n
              left join alike on alike.name = 'exp-' || (1 + (n - 1) %% 100),
              jsonb_populate_record(null::experiment, to_jsonb(e) || jsonb_build_object(
                'id', to_char(timestamp '2026-01-01' + n * interval '10 min', 'YYYYMMDD-HH24MISS-') || lpad(to_hex(n), 4, '0'),
                'name', 'exp-' || n, 'stage', 'DONE',
                'labels', jsonb_build_object('team', 'team-' || n %% 20, 'run', n::text),
                'created_at', timestamp '2026-01-01' + n * interval '10 min',
                'finished_at', timestamp '2026-01-01' + n * interval '10 min' + interval '3 h',
                'spec_values', to_jsonb(alike.spec_values),
                'spec', jsonb_set(jsonb_set(jsonb_set(e.spec, '{{students,count}}', to_jsonb((array[1, 2, 4, 8])[1 + n %% 4])),
                  '{{students,specificProbability}}', to_jsonb((n %% 10) / 10.0)), '{{seed}}', to_jsonb(n %% 50)))) r
            where e.id = %(template)s""",
        {"first": first, "last": last, "template": template},
    )


def begin_curves(database, model: int) -> int:
    """Curves of the model, with a loss and no report yet."""
    return database.execute(
        """with own as (insert into curves (series) values ('{loss}') returning id)
           update model set curves = own.id from own where model.id = %s returning curves""",
        (model,),
    ).fetchone()[0]


def summary(times: list[float]) -> dict:
    ordered = sorted(times)

    def rank(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return {"n": len(times), "median": statistics.median(times), "p95": rank(0.95), "p99": rank(0.99), "max": ordered[-1]}


def bench_atelier(api: Client, database, charted, requests: int) -> dict:
    """Each read is followed by a write: points of a training, as a worker saves them."""
    step = SERIES_PER_CHART
    (written,) = database.execute("select curves from model where id = %s", (charted[0][1],)).fetchone()

    def write():
        nonlocal step
        with database.cursor() as cursor:
            cursor.executemany(
                "insert into metric_report (curves, step, values) values (%s, %s, array[0.5])",
                [(written, step + i) for i in range(1, 101)],
            )
        step += 100

    def timed(call, count: int) -> dict:
        times = []
        for i in range(WARM_UP + count):
            took = call(i)
            write()
            if i >= WARM_UP:
                times.append(took)
        return summary(times)

    encoded = ["/experiments?" + urllib.parse.urlencode(f) for f in FILTERS]
    result = {"list page": timed(lambda i: api.ask("GET", "/experiments?limit=50")[0], requests)}
    filters = [timed(lambda i, path=path: api.ask("GET", path)[0], max(100, requests // 3)) for path in encoded]
    for asked, figures in zip(FILTERS, filters):
        print("  ", asked, {k: round(v, 1) for k, v in figures.items()}, flush=True)
    result["slowest filter"] = max(filters, key=lambda figures: figures["p99"])
    charts = [f"/experiments/{e}/models/teacher/metrics?series=loss&points=1000" for e, _ in charted[1:] or charted]
    result["chart of 100,000 points"] = timed(lambda i: api.ask("GET", charts[i % len(charts)])[0], max(100, requests // 3))
    result["launch"] = timed(
        lambda i: api.ask("POST", "/experiments", {**TEMPLATE, "name": f"launched-{i}"}, expected=202)[0],
        max(100, requests // 3),
    )
    return result


def first_paint(api: Client, base: str) -> dict:
    """Bytes and milliseconds of what the list page needs before it shows rows."""
    url = urllib.parse.urlsplit(base)
    root = Client(f"{url.scheme}://{url.netloc}")
    seen, waiting, took, size = set(), ["/"], 0.0, 0
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        ms, content = root.ask("GET", path)
        took += ms
        size += len(content)
        text = content.decode(errors="replace")
        for found in re.findall(r"""(?:src|href)="([^"#:]+\.(?:js|css))"|from\s+['"]([^'"]+\.js)['"]""", text):
            waiting.append(urllib.parse.urljoin(path, found[0] or found[1]))
    ms, content = api.ask("GET", "/experiments?limit=50")
    return {"requests": len(seen) + 1, "bytes": size + len(content), "milliseconds": took + ms}


def busy_experiment(api: Client, database) -> str:
    """An experiment of 16 students whose loss has 100,000 points each."""
    spec = {**TEMPLATE, "name": "busy", "students": {"count": 16}}
    busy = json.loads(api.ask("POST", "/experiments", spec, expected=202)[1])["id"]
    for (student,) in database.execute("select id from model where experiment_id = %s and key like 'student-%%'", (busy,)).fetchall():
        own = begin_curves(database, student)
        database.execute(
            """insert into metric_report (curves, step, values)
               select %s, n, array[m.position / 20.0 + 1 / sqrt(n::float) + 0.1 * random()]
               from model m, generate_series(1, %s) n where m.id = %s""",
            (own, SERIES_PER_CHART, student),
        )
    database.execute("update model set state = 'RUNNING', step = %s where experiment_id = %s and key like 'student-%%'", (SERIES_PER_CHART, busy))
    database.execute("analyze metric_report")
    return busy


def bench_browser(base: str, busy: str, rounds=7) -> dict:
    """Milliseconds in headless Chromium, each time with an empty cache."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait

    options = Options()
    options.binary_location = shutil.which("chromium")
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(flag)
    root = base.removesuffix("/api/v1")

    def opened(page: str, condition: str) -> tuple[float, float, webdriver.Chrome]:
        browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": """
          new MutationObserver(() => { if (!window.shownAt && (%s)) window.shownAt = performance.now(); })
            .observe(document, { childList: true, subtree: true });""" % condition})
        browser.get(root + page)
        WebDriverWait(browser, 60).until(lambda b: b.execute_script("return window.shownAt"))
        time.sleep(0.3)
        paint = browser.execute_script("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
        return paint, browser.execute_script("return window.shownAt"), browser

    paints, rows, charts, frames = [], [], [], []
    for _ in range(rounds):
        paint, shown, browser = opened("/#/experiments", "document.querySelectorAll('tbody tr').length >= 20")
        browser.quit()
        paints.append(paint)
        rows.append(shown)
        _, shown, browser = opened(f"/#/experiments/{busy}", "document.querySelector('.u-over')")
        charts.append(shown)
        # The pointer crosses the chart: how long each frame takes, with sixteen curves under it.
        frames.extend(browser.execute_async_script("""
          const done = arguments[0], over = document.querySelector('.u-over'), box = over.getBoundingClientRect(), gaps = [];
          let last = performance.now(), i = 0;
          const step = (now) => {
            gaps.push(now - last); last = now;
            over.dispatchEvent(new MouseEvent('mousemove', { clientX: box.left + box.width * (i % 100) / 100, clientY: box.top + box.height * (0.2 + 0.6 * ((i * 7) % 10) / 10), bubbles: true }));
            if (++i < 150) requestAnimationFrame(step); else done(gaps.slice(5));
          };
          requestAnimationFrame(step);"""))
        browser.quit()
    return {"first paint": summary(paints), "rows shown": summary(rows), "16 curves shown": summary(charts), "frame under the pointer": summary(frames)}


def ingest(database_url: str, password: str, experiment: str) -> float:
    done = subprocess.run(
        ["java", "-Xmx256m", "-cp", os.environ["ATELIER_CLASSPATH"], "dev.atelier.store.IngestBench", database_url, password, experiment, "reports", "loss"],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(re.search(r"points/s: ([0-9.]+)", done.stdout).group(1))


def ancestors(pid: int) -> list[int]:
    found = []
    while pid > 1:
        pid = int(re.search(r"PPid:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))
        found.append(pid)
    return found


def below(parent: int, text: str) -> int:
    """The process below the launcher's whose command has the text."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_text().replace("\0", " ")
                if text in command and parent in ancestors(int(entry.name)):
                    return int(entry.name)
    sys.exit(f"There is no process of {text}.")


def resident_mib(pid: int, line="VmHWM") -> float:
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(line + r":\s+(\d+)", text).group(1)) / 1024


def bench_mlflow(port: int, password: str, experiments: int, charts: int, requests: int, folder: pathlib.Path) -> dict:
    """The same list and chart of an MLflow tracking server, on the same Postgres."""
    with psycopg.connect(host="127.0.0.1", port=port, user="atelier", password=password, dbname="atelier", autocommit=True) as admin:
        admin.execute("drop database if exists mlflow")
        admin.execute("create database mlflow")
    uri = f"postgresql+psycopg2://atelier:{password}@127.0.0.1:{port}/mlflow"
    http_port = free_port()
    command = [
        str(pathlib.Path(sys.executable).parent / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(http_port),
        "--backend-store-uri", uri, "--artifacts-destination", str(folder / "mlflow"), "--workers", "2",
    ]
    log = folder / "mlflow.log"
    environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with process(command, log, env=environment) as server:
        await_text(log, "startup complete", server)
        client = Client(f"http://127.0.0.1:{http_port}")
        experiment = json.loads(client.ask("POST", "/api/2.0/mlflow/experiments/create", {"name": "bench"})[1])["experiment_id"]
        first = json.loads(client.ask("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": experiment, "run_name": "template", "start_time": 1})[1])
        template = first["run"]["info"]["run_id"]
        with psycopg.connect(host="127.0.0.1", port=port, user="atelier", password=password, dbname="mlflow", autocommit=True) as database:
            names = columns(database, "runs")
            database.execute(
                f"""insert into runs ({", ".join(names)}) select {", ".join("r." + n for n in names)}
                    from runs t, generate_series(1, %s) n, jsonb_populate_record(null::runs, to_jsonb(t) || jsonb_build_object(
                      'run_uuid', md5(n::text), 'name', 'exp-' || n, 'status', 'FINISHED', 'start_time', 1700000000000 + n::bigint * 600000)) r
                    where t.run_uuid = %s""",
                (experiments, template),
            )
            database.execute(
                """insert into params (key, value, run_uuid) select 'p' || k, (n * k)::text, md5(n::text)
                   from generate_series(1, %s) n, generate_series(1, 20) k""",
                (experiments,),
            )
            database.execute(
                """insert into latest_metrics (key, value, timestamp, step, is_nan, run_uuid)
                   select key, 3 + 30 * random(), 1, 1, false, md5(n::text) from generate_series(1, %s) n,
                     unnest(array['distance', 'distance_teacher']) key""",
                (experiments,),
            )
            for n in range(1, charts + 1):
                database.execute(
                    """insert into metrics (key, value, timestamp, run_uuid, step, is_nan)
                       select 'loss', 1 / sqrt(s::float) + random(), 1700000000000 + s, md5(%s), s, false from generate_series(1, %s) s""",
                    (str(n), SERIES_PER_CHART),
                )
            database.execute("analyze")
            runs = [r for (r,) in database.execute("select md5(n::text) from generate_series(1, %s) n", (charts,))]
        client = Client(f"http://127.0.0.1:{http_port}")  # the server has closed the idle connection
        listing = {"experiment_ids": [experiment], "max_results": 50, "order_by": ["attributes.start_time DESC"]}
        filtered = {**listing, "filter": "metrics.distance < 12", "order_by": ["metrics.distance ASC"]}

        def timed(call, count):
            return summary([call(i) for i in range(WARM_UP + count)][WARM_UP:])

        return {
            "version": subprocess.run([command[0], "--version"], capture_output=True, text=True, env=environment).stdout.strip(),
            "list page": timed(lambda i: client.ask("POST", "/api/2.0/mlflow/runs/search", listing)[0], max(60, requests // 5)),
            "slowest filter": timed(lambda i: client.ask("POST", "/api/2.0/mlflow/runs/search", filtered)[0], max(60, requests // 5)),
            "chart of 100,000 points": timed(
                lambda i: client.ask(
                    "GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={runs[i % len(runs)]}&metric_key=loss&max_results=1000"
                )[0],
                max(30, requests // 10),
            ),
        }


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--experiments", type=int, default=10_000)
    options.add_argument("--points", type=int, default=1_000_000)
    options.add_argument("--requests", type=int, default=300)
    options.add_argument("--data", default=None, help="a folder for all state; deleted afterwards if not given")
    options.add_argument("--without-mlflow", action="store_true")
    options.add_argument("--without-browser", action="store_true")
    args = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, too
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(args.data or stack.enter_context(tempfile.TemporaryDirectory(prefix="atelier-bench-", ignore_cleanup_errors=True)))
        base, text, up = stack.enter_context(running_stack(folder))
        # What is launched waits: workers run elsewhere, and would here take the cores from what is timed.
        worker = below(up.pid, "WorkerMain")
        os.kill(worker, signal.SIGSTOP)
        stack.callback(os.kill, worker, signal.SIGCONT)
        database_url = re.search(r"jdbc:postgresql://\S+", text).group(0)
        port = int(re.search(r":(\d+)/", database_url.split("//")[1]).group(1))
        password = re.search(r"postgres\.password=(\S+)", (folder / "data/credentials.properties").read_text()).group(1)
        api = Client(base)
        template = json.loads(api.ask("POST", "/experiments", TEMPLATE, expected=202)[1])["id"]
        database = stack.enter_context(
            psycopg.connect(host="127.0.0.1", port=port, user="atelier", password=password, dbname="atelier", autocommit=True)
        )
        print(f"Filling {args.experiments} experiments and {args.points} points…", flush=True)
        charted = fill(database, template, args.experiments, args.points)
        load = os.getloadavg()[0]
        result = {"load before": load, "cpus": os.cpu_count(), "experiments": args.experiments, "points": args.points}
        result["atelier"] = bench_atelier(api, database, charted, args.requests)
        result["first paint"] = first_paint(api, base)
        result["ingestion points/s"] = ingest(database_url, password, charted[-1][0])
        result["api RSS MiB, peak"] = resident_mib(below(up.pid, "quarkus-run.jar"))
        print(table(result), flush=True)
        if not args.without_browser:
            print("Opening pages…", flush=True)
            result["browser"] = bench_browser(base, busy_experiment(api, database))
        if not args.without_mlflow:
            print("Filling and asking MLflow…", flush=True)
            result["mlflow"] = bench_mlflow(port, password, args.experiments, len(charted), args.requests, folder)
    pathlib.Path("target").mkdir(exist_ok=True)
    pathlib.Path("target/bench-api.json").write_text(json.dumps(result, indent=2))
    print(table(result))


def table(result: dict) -> str:
    ours, mlflow = result["atelier"], result.get("mlflow", {})

    def cell(figures):
        return "{median:.0f} / {p95:.0f} / {p99:.0f}".format(**figures) if figures else ""

    rows = [
        ("list page of 50", "list page", "p99 ≤ 50 ms"),
        (f"slowest of {len(FILTERS)} filters", "slowest filter", "p99 ≤ 100 ms"),
        ("chart of 100,000 points, thinned to 1,000", "chart of 100,000 points", "p95 ≤ 100 ms"),
        ("launch", "launch", "p99 ≤ 150 ms"),
    ]
    lines = [
        f"Load before: {result['load before']:.1f} on {result['cpus']} CPUs; {result['experiments']} experiments, {result['points']} points. {mlflow.get('version', '')}",
        "",
        "| milliseconds: median / p95 / p99 | Atelier | target | MLflow |",
        "|---|---|---|---|",
    ]
    lines += [f"| {name} | {cell(ours[key])} | {target} | {cell(mlflow.get(key))} |" for name, key, target in rows]
    paint = result["first paint"]
    seen = result.get("browser", {})
    pages = [
        (f"browser: first paint of the list, {result['experiments']} experiments", "first paint", "≤ 1,000 ms"),
        ("browser: its rows are there", "rows shown", ""),
        ("browser: 16 curves of 100,000 points are there", "16 curves shown", ""),
        ("browser: a frame while the pointer crosses them", "frame under the pointer", "smooth"),
    ]
    lines += [f"| {name} | {cell(seen[key])} | {target} | |" for name, key, target in pages if key in seen]
    lines += [
        f"| metric points written per second | {result['ingestion points/s']:,.0f} | ≥ 20,000 | |",
        f"| api resident set, most | {result['api RSS MiB, peak']:.0f} MiB | ≤ 400 MB | |",
        f"| what the list page loads, one request after the other | {paint['requests']} requests, {paint['bytes'] / 1024:.0f} KiB, {paint['milliseconds']:.0f} ms | | |",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
