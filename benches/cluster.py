"""What processes of a cluster take: intake sent to the owner and to another process, and queries.

Called by `scripts/bench cluster`: python3 benches/cluster.py MERGANSER LOADER DATA SECONDS

One owner, which does the runs too, and two other processes, with SeaweedFS and six nodes of Redis,
all on this machine: so the figures compare with each other. Processor time is that of a process,
user and system, from /proc.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "cluster"))
from cluster import Cluster  # noqa: E402

METRICS = Path(__file__).with_name("metrics.toml")
ROLES = ["ingest,batch", "serving", "serving"]
QUERY = "/v1/query?metric=flights&measures=departures,mean_delay&group_by=carrier&from=now-1h"


class Bench:
    def __init__(self, cluster, loader, data, seconds):
        self.cluster, self.loader, self.data, self.seconds = cluster, loader, data, seconds
        self.owner, self.front, self.other = cluster.processes
        self.seed = 0

    def start(self, command, name, *arguments):
        server = self.cluster.processes[name].removeprefix("http://")
        return subprocess.Popen(
            [self.loader, command, "--server", server, "--seconds", str(self.seconds), *arguments],
            stdout=subprocess.PIPE, text=True)

    def load(self, command, names, *arguments):
        """What a loader a process reports, and the processor time of each process."""
        before = {one: self.cluster.cpu_s(one) for one in self.cluster.processes}
        loads = [self.start(command, name, *arguments) for name in names]
        reports = [json.loads(load.communicate()[0]) for load in loads]
        cpu = {one: self.cluster.cpu_s(one) - before[one] for one in before}
        return reports, cpu

    def ingest(self, what, name, rate):
        self.seed += 1
        [report], cpu = self.load("ingest", [name], "--data", self.data, "--connections", "8",
                                  "--rate", str(rate), "--seed", str(self.seed))
        each = {one: seconds * 1e6 / report["events"] for one, seconds in cpu.items()}
        print(f"{what:44}{report['events_per_s']:10,.0f} events/s"
              f"{report['ack_p50_ms']:8.1f} /{report['ack_p99_ms']:6.1f} ms"
              f"   owner {each[self.owner]:.2f} us, front {each[self.front]:.2f} us an event", flush=True)

    def query(self, what, names):
        reports, cpu = self.load("query", names, "--connections", "4", "--path", QUERY)
        rate = sum(report["queries_per_s"] for report in reports)
        asked = sum(report["queries"] for report in reports)
        p50, p99 = (max(report[f"query_{at}_ms"] for report in reports) for at in ("p50", "p99"))
        each = sum(cpu[name] for name in names) * 1e6 / asked
        print(f"{what:44}{rate:10,.0f} queries/s{p50:7.2f} /{p99:6.2f} ms"
              f"   each {each:.1f} us; owner {cpu[self.owner] / self.seconds:.2f} s a second", flush=True)


def main():
    merganser, loader, data, seconds = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        with Cluster(merganser, directory, METRICS, roles=ROLES) as cluster:
            bench = Bench(cluster, loader, data, int(seconds))
            for rate in [100_000, 0]:
                taken = f"{rate:,} a second" if rate else "as many as are taken"
                for _ in range(2):
                    bench.ingest(f"{taken}, sent to the owner", bench.owner, rate)
                    bench.ingest(f"{taken}, sent to a front", bench.front, rate)
            bench.query("queries of the last hour, one process", [bench.front])
            bench.query("the same, two processes", [bench.front, bench.other])


main()
