"""Full runs and a backfill by one process, and by executors, of the same events.

Called by `scripts/bench executors`:
    python3 benches/executors.py MERGANSER LOADER DATA EVENTS [EXECUTORS…]

The leader, SeaweedFS, six nodes of Redis and the executors share this machine, so more executors than
processors show what they cost and not what they bring. Every run's view files are compared, by their
checksums, with those that the leader makes alone.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "cluster"))
from cluster import BUCKET, Cluster, status, wait_until  # noqa: E402

METRICS = Path(__file__).with_name("metrics.toml")
COPY = """
event = "flight"
granularity = "minute"
dimensions = ["carrier", "origin"]
[measures]
flights = { kind = "count" }
miles = { kind = "sum", of = "distance" }
"""


def get(url):
    with urllib.request.urlopen(url, timeout=120) as answer:
        return answer.read().decode()


def send(url, method, body, kind="application/json"):
    request = urllib.request.Request(url, method=method, data=body, headers={"content-type": kind})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


class Bench:
    def __init__(self, cluster):
        self.cluster = cluster
        self.leader = next(iter(cluster.processes.values()))

    def ended(self, run):
        while True:
            record = json.loads(get(f"{self.leader}/v1/runs/{run}"))
            if record["state"] in ("succeeded", "failed", "cancelled"):
                assert record["state"] == "succeeded", record
                return record
            time.sleep(0.05)

    def full_run(self):
        began = time.monotonic()
        run = self.ended(send(f"{self.leader}/v1/runs", "POST", b'{"mode":"full"}')["id"])
        assert run["audit"]["differences"] == 0 < run["audit"]["compared"], run
        return run, time.monotonic() - began

    def backfill(self, name):
        began = time.monotonic()
        path = f"{self.leader}/v1/metrics/{name}"
        run = self.ended(send(path, "PUT", COPY.encode(), "application/toml")["run"])
        took = time.monotonic() - began
        found = self.checksums(name)
        request = urllib.request.Request(path, method="DELETE")
        urllib.request.urlopen(request, timeout=60).close()
        return run, took, found

    def object(self, name):
        text = get(f"{self.cluster.endpoint}/{BUCKET}/merganser/{name}")
        return json.loads(text.rsplit("\ncrc32c:", 1)[0])

    def checksums(self, metric=None):
        listed = get(f"{self.cluster.endpoint}/{BUCKET}?list-type=2&prefix=merganser/manifest/")
        newest = max(re.findall(r"<Key>merganser/(manifest/[^<]+)</Key>", listed))
        found = {}
        for entry in self.object(newest)["metrics"]:
            if metric is None or entry["definition"]["name"] == metric:
                for file in self.object(entry["files"]):
                    place = (file["grain"], json.dumps(file["range"]))
                    name = metric and "copy" or entry["definition"]["name"]
                    found[name, place] = file["checksum"]
        return found


def show(what, run, took):
    shared = run.get("distribution")
    by = ""
    if shared:
        made = shared["executors"]
        parts, seconds = shared["parts"], sum(one["seconds"] for one in made)
        by = (f"   {parts} parts by {len(made)}, {seconds / parts:.2f} s a part,"
              f" asked for {shared['submissions']} times")
    print(f"{what:44}{took:8.1f} s{run['events'] / took:12,.0f} events/s{by}", flush=True)


def main():
    merganser, loader, data, events, *counts = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(merganser, directory, METRICS, roles=["ingest,batch"], executors=1)
        # Large parts, as they are by default, and runs of any size by executors, once there are some.
        cluster.part_max_events, cluster.ballista_min_events = 500_000, 2 ** 60
        cluster.roles = ["ingest,batch"]
        with cluster:
            bench = Bench(cluster)
            server = bench.leader.removeprefix("http://")
            subprocess.run([loader, "ingest", "--server", server, "--data", data, "--kind", "history",
                            "--events", events, "--seconds", "1800"], check=True, stdout=subprocess.DEVNULL)
            bench.ended(send(f"{bench.leader}/v1/runs", "POST", b'{"mode":"incremental"}')["id"])
            bench.full_run()
            run, took = bench.full_run()
            wanted = bench.checksums()
            show("full run, the leader alone", run, took)
            run, took, copied = bench.backfill("copy_of_leader")
            show("backfill, the leader alone", run, took)
            cluster.ballista_min_events = 1
            cluster.stop_process("ingest,batch-0")
            cluster.start_process("leader", "ingest,batch")
            bench.leader = cluster.processes["leader"]
            wait_until("the leader is ready", lambda: status(f"{bench.leader}/readyz") == 200, 300)
            running = 0
            for count in map(int, counts or ["1", "2", "4"]):
                while running < count:
                    running += 1
                    cluster.start_process(f"executor-{running}", "executor")
                    url = cluster.processes[f"executor-{running}"]
                    wait_until("an executor is ready", lambda: status(f"{url}/readyz") == 200, 120)
                run, took = bench.full_run()
                show(f"full run, {count} executors", run, took)
                assert bench.checksums() == wanted, "other files than the leader makes alone"
                run, took, found = bench.backfill(f"copy_{count}")
                show(f"backfill, {count} executors", run, took)
                assert found == copied, "other files than the leader makes alone"
    print("all view files are to the bit those that the leader makes alone")


main()
