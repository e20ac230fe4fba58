"""A cluster on loopback, to try or to test: see scripts/cluster."""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from client import call, run_and_wait
from cluster import Cluster, free_port, status, wait_until

DATA = Path(__file__).resolve().parent.parent / "data"
METRICS = DATA / "flights.toml"
EVENTS = DATA / "flights-2013-01.ndjson.gz"

# Each is asked of every process, as CSV, which holds the answer and nothing about how it was made.
QUESTIONS = [
    {},
    {"granularity": "day"},
    {"granularity": "hour", "from": "2013-01-05", "to": "2013-01-08"},
    {"granularity": "week", "timezone": "America/New_York"},
    {"granularity": "day", "timezone": "Asia/Kathmandu", "fill": "zero"},
    {"group_by": ["carrier"], "order_by": ["-departures", "carrier"]},
    {"group_by": ["origin", "dest"], "order_by": ["-miles", "origin", "dest"], "limit": 20},
    {"group_by": ["carrier"], "filter": "origin = 'JFK' AND dest IN ('LAX', 'SFO')"},
    {"group_by": ["origin"], "granularity": "day", "having": "departures > 300"},
    {"measures": ["aircraft", "delay_p95", "mean_delay"], "group_by": ["origin"]},
    {"measures": ["departures"], "granularity": "day", "from": "2013-01-10", "to": "2013-01-20",
     "compare": "previous_period"},
]


def send(url, lines, wait):
    code, text = call(f"{url}/v1/events?wait={wait}", "POST", "\n".join(lines).encode(),
                      "application/x-ndjson")
    assert code == 200, f"{code} {text}"
    receipt = json.loads(text)
    assert wait != "applied" or receipt["applied"], receipt
    return receipt


def ask(url, question, position):
    body = json.dumps({"metric": "flights", "after": position, **question}).encode()
    return call(f"{url}/v1/query", "POST", body, accept="text/csv")


class Alone:
    """One process with a local directory, whose answers are the right ones."""

    def __init__(self, binary, directory):
        self.url = f"http://127.0.0.1:{free_port()}"
        log = open(Path(directory) / "alone.log", "wb")
        self.child = subprocess.Popen(
            [binary, "serve", "--listen", self.url.removeprefix("http://"), "--metrics", METRICS,
             "--data-dir", Path(directory) / "alone", "--schedule", "", "--full-schedule", "",
             "--disk-floor-bytes", "1MiB"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until("the process alone is ready", lambda: status(f"{self.url}/readyz") == 200)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()


def check_answers(cluster, alone, positions, when):
    """Every process, and the balancer, answers every question as the process alone does."""
    position, own = positions
    checked = 0
    for question in QUESTIONS:
        expected = ask(alone.url, question, own)
        assert expected[0] == 200, f"{question}: {expected}"
        for name, url in [*cluster.processes.items(), ("balancer", cluster.url)]:
            found = ask(url, question, position)
            assert found == expected, f"{when}: {name}: {question}:\n{found}\n{expected}"
            checked += 1
    print(f"{when}: {checked} answers are those of one process, byte for byte", flush=True)


def test(binary, executors):
    lines = gzip.decompress(EVENTS.read_bytes()).decode().splitlines()
    third = len(lines) // 3
    parts = [lines[:third], lines[third:2 * third], lines[2 * third:]]
    with tempfile.TemporaryDirectory(prefix="merganser-cluster-") as directory:
        cluster = Cluster(binary, directory, METRICS, executors=executors)
        with Alone(binary, directory) as alone, cluster:
            urls = list(cluster.processes.values())

            def send_all(part, at):
                for first in range(0, len(part), 2000):
                    chunk = part[first:first + 2000]
                    # Each to another process, and the last until it is in every answer.
                    url = urls[(at + first) % len(urls)]
                    wait = "applied" if first + 2000 >= len(part) else "durable"
                    receipt, own = send(url, chunk, wait), send(alone.url, chunk, wait)
                    assert receipt["accepted"] == own["accepted"] == len(chunk), receipt
                return receipt["position"], own["position"]

            check_answers(cluster, alone, send_all(parts[0], 0), "speed")
            run_and_wait(cluster.url, "incremental")
            run_and_wait(alone.url, "incremental")
            again = send(cluster.url, parts[0][:100], "applied")
            assert again["duplicates"] == 100, again
            check_answers(cluster, alone, (again["position"], None), "batch")
            check_answers(cluster, alone, send_all(parts[1], 1), "both")
            owner = next(name for name in cluster.processes if owns(cluster, name))
            cluster.kill(owner)
            began = time.monotonic()
            wait_until("another process takes events",
                       lambda: call(f"{cluster.url}/v1/events", "POST",
                                    parts[2][0].encode())[0] == 200, 30)
            print(f"{owner} was killed: events are taken again after "
                  f"{time.monotonic() - began:.1f} s", flush=True)
            send(alone.url, parts[2][:1], "durable")
            cluster.processes.pop(owner)
            urls[:] = cluster.processes.values()
            check_answers(cluster, alone, send_all(parts[2][1:], 2), "after a takeover")
            check_distribution(run_and_wait(cluster.url, "full"), executors)
            run_and_wait(alone.url, "full")
            check_answers(cluster, alone, (None, None), "after a full run")
    print("the cluster answers as one process does")


def check_distribution(run, executors):
    if executors == 0:
        assert "distribution" not in run, run
        return
    shared = run["distribution"]
    made = {share["process"]: share["parts"] for share in shared["executors"]}
    assert shared["made"] == shared["parts"] == sum(made.values()) > 1, run
    print(f"{shared['parts']} parts of a full run were made by {len(made)} executors", flush=True)


def owns(cluster, name):
    log = (cluster.directory / f"{name}.log").read_text()
    return log.count("this process owns the journal") > log.count("no longer owns the journal")


def up(binary, directory, port, executors):
    with Cluster(binary, directory, METRICS, port, executors=executors) as cluster:
        print(f"the balancer: {cluster.url}")
        for name, url in cluster.processes.items():
            print(f"{name}: {url}, log {cluster.directory / name}.log")
        print(f"storage: {cluster.endpoint}\nspeed store: {cluster.speed_store}")
        print("Ctrl-C ends all of it", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


def main():
    parser = argparse.ArgumentParser(prog="scripts/cluster", description=__doc__)
    parser.add_argument("binary", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command")
    upwards = commands.add_parser("up", help="start it, until Ctrl-C")
    upwards.add_argument("--port", type=int, default=8080, help="of the balancer")
    upwards.add_argument("--directory", help="for its data and logs; a new one by default")
    tests = commands.add_parser("test", help="ask every process what one process is asked")
    for command in (upwards, tests):
        command.add_argument("--executors", type=int, default=0,
                             help="that make parts of full runs and backfills")
    arguments = parser.parse_args()
    if arguments.command == "test":
        test(arguments.binary, arguments.executors)
    else:
        port = getattr(arguments, "port", 8080)
        given = getattr(arguments, "directory", None)
        with tempfile.TemporaryDirectory(prefix="merganser-cluster-") as directory:
            up(arguments.binary, given or directory, port,
               getattr(arguments, "executors", 0))


if __name__ == "__main__":
    sys.exit(main())
