"""Full runs and backfills by one process, and by executors, of the same events.

Called by `scripts/bench executors`:
    python3 benches/executors.py MERGANSER LOADER DATA EVENTS [EXECUTORS…]

The leader, SeaweedFS, six nodes of Redis and the executors share this machine, so more executors than
processors show what they cost and not what they bring. The files of every run are compared, by their
checksums, with those that the leader makes alone. At the end the same is done while processes are
killed, held up and cut off; the last needs root and iptables, and is left out, with a line, without.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "cluster"))
from client import call, ended_run, start_run  # noqa: E402
from cluster import BUCKET, Cluster, status, wait_until  # noqa: E402

METRICS = Path(__file__).with_name("metrics.toml")
COPY = {
    "event": "flight", "granularity": "minute", "dimensions": ["carrier", "origin"],
    "measures": {"flights": {"kind": "count"}, "miles": {"kind": "sum", "of": "distance"}},
}
# Longer than it takes until an executor that says nothing is taken for gone.
PAST_TIMEOUT_S = 19
RUN_MAX_S = 900
# Added to their numbers, the group ids of executors: nobody else's.
GROUPS_FROM = 54_000
CAN_CUT_OFF = os.geteuid() == 0 and shutil.which("iptables") is not None


class Bench:
    def __init__(self, cluster):
        self.cluster = cluster
        self.started = 0

    def get(self, path):
        """What any process that lives answers."""
        for url in self.cluster.processes.values():
            code, text = call(f"{url}{path}")
            if code == 200:
                return json.loads(text)
        raise SystemExit(f"no process answers {path}")

    def start(self, role, count=1):
        names = []
        for _ in range(count):
            self.started += 1
            names.append(f"{role.replace(',', '-')}-{self.started}")
            if CAN_CUT_OFF:
                self.cluster.groups[names[-1]] = GROUPS_FROM + self.started
            self.cluster.start_process(names[-1], role)
        for name in names:
            ready = f"{self.cluster.processes[name]}/readyz"
            wait_until(f"{name} is ready", lambda: status(ready) == 200, 300)

    def leader(self):
        url = self.get("/v1/status")["cluster"]["leader"]
        return next(name for name, known in self.cluster.processes.items() if known == url)

    def executors(self):
        return [name for name in self.cluster.processes if name.startswith("executor")]

    def full_run(self, meanwhile=lambda: None):
        """A run, and how long it took; the files it made are those that were there."""
        began = time.monotonic()
        run = start_run(self.cluster.processes[self.leader()], "full")
        meanwhile()
        ended = ended_run(next(iter(self.cluster.processes.values())), run, RUN_MAX_S)
        assert ended["audit"]["compared"] > 0, ended
        return ended, time.monotonic() - began

    def settle(self):
        """Full runs until one has the files of the one before: runs merge master files, and parts
        are cut where those begin and end."""
        before, found = None, self.checksums()
        while found != before:
            self.full_run()
            before, found = found, self.checksums()

    def backfill(self, name):
        """The same of a metric that is defined."""
        began = time.monotonic()
        path = f"{next(iter(self.cluster.processes.values()))}/v1/metrics/{name}"
        code, text = call(path, "PUT", json.dumps(COPY).encode())
        assert code in (200, 202), f"{code} {text}"
        run = self.get("/v1/runs?limit=1")["runs"][0]["id"]
        ended = ended_run(path.split("/v1/")[0], run, RUN_MAX_S)
        return ended, time.monotonic() - began

    def object(self, name):
        _, text = call(f"{self.cluster.endpoint}/{BUCKET}/merganser/{name}")
        return json.loads(text.rsplit("\ncrc32c:", 1)[0])

    def checksums(self):
        """Of all files that are served; they name their metric."""
        listing = f"{self.cluster.endpoint}/{BUCKET}?list-type=2&prefix=merganser/manifest/"
        newest = max(re.findall(r"<Key>merganser/(manifest/[^<]+)</Key>", call(listing)[1]))
        found = {}
        for entry in self.object(newest)["metrics"]:
            for file in self.object(entry["files"]):
                place = (entry["definition"]["name"], file["grain"], json.dumps(file["range"]))
                found[place] = file["checksum"]
        return found

    def cpu_s(self):
        """Processor time of the leader, and of all processes, so far."""
        each = {name: self.cluster.cpu_s(name) for name in self.cluster.processes}
        return each[self.leader()], sum(each.values())

    def thrown_away(self):
        """Attempts at parts that did not count, so far."""
        said = 'outcome="already made"'
        logs = self.cluster.directory.glob("*.log")
        return sum(log.read_text(errors="replace").count(said) for log in logs)


def show(what, run, took, cpu=None):
    line = f"{what:44}{took:8.1f} s{run['events'] / took:12,.0f} events/s"
    if cpu is not None:
        line += f"{cpu[1]:8.1f} s of processors, the leader {cpu[0]:.1f} s"
    if shared := run.get("distribution"):
        made, parts = shared["executors"], shared["parts"]
        seconds = sum(one["seconds"] for one in made)
        line += (f"   {parts} parts by {len(made)}, {seconds / parts:.2f} s each,"
                 f" asked for {shared['submissions']} times")
    print(line, flush=True)


def measure(bench, what, metric):
    """A full run and a backfill of a metric, and all files behind them."""
    for kind, do in [("full run", bench.full_run), ("backfill", lambda: bench.backfill(metric))]:
        before = bench.cpu_s()
        run, took = do()
        show(f"{kind}, {what}", run, took, [now - then for now, then in zip(bench.cpu_s(), before)])
    return bench.checksums()


def check(found, wanted, what):
    """All files of metrics that both have; some are defined meanwhile."""
    there = {place: sum for place, sum in wanted.items() if place in found}
    assert len(there) == min(len(found), len(wanted)) > 0, (
        f"{what}: other files: {sorted(set(found) ^ set(wanted))[:9]}")
    assert all(found[place] == sum for place, sum in there.items()), f"{what}: other files"


def hurt(bench, wanted, usual_s):
    """The same while processes are hurt at a random moment."""
    cluster = bench.cluster

    def kill(name, role):
        cluster.kill(name)
        cluster.processes.pop(name)
        bench.start(role)

    def hold_up(name):
        cluster.children[name].send_signal(signal.SIGSTOP)
        time.sleep(PAST_TIMEOUT_S)
        cluster.children[name].send_signal(signal.SIGCONT)

    def cut_off(name):
        """Nothing that it sends arrives."""
        rule = ["OUTPUT", "-m", "owner", "--gid-owner", str(cluster.groups[name]), "-j", "DROP"]
        subprocess.run(["iptables", "-I", *rule], check=True)
        try:
            time.sleep(PAST_TIMEOUT_S)
        finally:
            subprocess.run(["iptables", "-D", *rule], check=True)

    faults = [
        ("an executor is killed", lambda: kill(random.choice(bench.executors()), "executor")),
        ("an executor sleeps past its time", lambda: hold_up(random.choice(bench.executors()))),
        ("leader and scheduler are killed", lambda: kill(bench.leader(), "ingest,batch")),
    ]
    if CAN_CUT_OFF:
        faults.append(
            ("an executor is cut off", lambda: cut_off(random.choice(bench.executors()))))
    else:
        print("no executor is cut off: that needs root and iptables", flush=True)
    for what, do in faults:
        def meanwhile():
            time.sleep(random.uniform(0.1, 0.7) * usual_s)
            do()
        before = bench.thrown_away()
        run, took = bench.full_run(meanwhile)
        show(f"full run, {what}", run, took)
        print(f"{'':44}{bench.thrown_away() - before} attempts did not count", flush=True)
        check(bench.checksums(), wanted, what)


def main():
    merganser, loader, data, events, *counts = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(merganser, directory, METRICS, roles=["ingest,batch"] * 2)
        cluster.more = ["--schedule", "", "--full-schedule", ""]
        with cluster:
            bench = Bench(cluster)
            server = cluster.processes[bench.leader()].removeprefix("http://")
            subprocess.run([loader, "ingest", "--server", server, "--data", data, "--kind", "history",
                            "--events", events, "--seconds", "1800"],
                           check=True, stdout=subprocess.DEVNULL)
            ended_run(f"http://{server}", start_run(f"http://{server}", "incremental"), RUN_MAX_S)
            bench.settle()
            wanted = measure(bench, "the leader alone", "copy_alone")
            # From here on by executors, in parts as large as they are by default.
            cluster.executors, cluster.part_max_events = 1, 500_000
            for name in list(cluster.processes):
                cluster.stop_process(name)
            bench.start("ingest,batch", 2)
            for count in map(int, counts or ["1", "2", "4"]):
                bench.start("executor", count - len(bench.executors()))
                found = measure(bench, f"executors: {count}", f"copy_{count}")
                check(found, wanted, f"executors: {count}")
                wanted = found
            # Runs of backfills have merged more of them.
            bench.settle()
            wanted, (_, usual_s) = bench.checksums(), bench.full_run()
            hurt(bench, wanted, usual_s)
            # What executors made of all metrics, once more by the leader alone.
            cluster.executors = 0
            for name in list(cluster.processes):
                cluster.stop_process(name)
            bench.start("ingest,batch")
            bench.full_run()
            check(bench.checksums(), wanted, "the leader alone")
    print("all view files are to the bit those that the leader makes alone")


main()
