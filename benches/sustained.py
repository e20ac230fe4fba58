"""Watches the service while it takes events for minutes, and says what it held and where time went.

Every ten seconds a line; at the end a table of the time after the first minute, in which the
service was still filling up. Run by `scripts/bench sustained`:

    python sustained.py SERVER SERVICE_PID LOADER_PID

ends when the loader does. Only what the service shows and the kernel counts is used:

- the backlog, as the status shows it, has what a run that is under way works on too;
- processor time is that of threads, by their name, sampled every second, since threads come and go;
- a run's steps are sampled ten times a second, from its record.
"""

import collections
import json
import os
import sys
import time
import urllib.request
from datetime import datetime

LINE_SECONDS = 10
WARM_UP_SECONDS = 60
INTERVAL_SECONDS = 60
TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20
# Histograms of /metrics: time that events take, of one thread, but flushes are several at a time.
TIMES = {
    "append": "merganser_intake_append_seconds_sum",
    "fsync, a part of append": "merganser_journal_fsync_seconds_sum",
    "fold": "merganser_speed_fold_seconds_sum",
    "flush": "merganser_speed_flush_seconds_sum",
}


class Service:
    def __init__(self, server, pid):
        self.server, self.pid = server, pid
        # Of each thread its name and processor time, those that have ended included.
        self.threads = {}

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.server}{path}", timeout=60) as reply:
            return reply.read()

    def status(self):
        status = json.loads(self.get("/v1/status"))
        return {
            "events": status["events"]["accepted"],
            "backlog": status["backlog"]["events"],
            "memory": self.memory("VmRSS"),
            "journal": status["journal"]["size_bytes"],
        }

    def memory(self, field):
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith(field))

    def runs(self):
        return json.loads(self.get("/v1/runs"))["runs"]

    def times(self):
        """Seconds by name of `TIMES`, since the start."""
        lines = self.get("/metrics").decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if line[:1] != "#" and " " in line)
        return {name: float(values.get(metric, 0)) for name, metric in TIMES.items()}

    def cpu_by_name(self):
        """Seconds by name of thread, and of the whole process, since the start."""
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            try:
                name, spent = cpu(f"/proc/{self.pid}/task/{thread}/stat")
            except OSError:
                continue
            # A number that is given again, to another thread, adds to what was there.
            past, last, _ = self.threads.get(thread, (0, 0, name))
            past += last if spent < last else 0
            self.threads[thread] = (past, spent, name)
        by_name = collections.Counter()
        for past, last, name in self.threads.values():
            by_name[name] += past + last
        return by_name, cpu(f"/proc/{self.pid}/stat")[1]


def cpu(path):
    with open(path) as file:
        name, rest = file.read().rsplit(") ", 1)
    fields = rest.split()
    return name.split("(", 1)[1], (int(fields[11]) + int(fields[12])) / TICKS


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def row(name, value, note=""):
    print(f"{name:<52} {value:>16}  {note}".rstrip(), flush=True)


def at(share, values):
    return sorted(values)[int((len(values) - 1) * share)] if values else 0


def clock(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def seconds(run):
    return clock(run["ended_at"]) - clock(run["started_at"])


class Watch:
    def __init__(self, service):
        self.service = service
        self.began = time.monotonic()
        self.samples, self.steps, self.events_of_runs = [], collections.Counter(), 0
        self.start = None

    def until_the_end_of(self, loader):
        """A turn every tenth of a second; some of them note more."""
        print("seconds       events      backlog   memory MiB  journal MiB")
        last = time.monotonic()
        next_line, next_second = LINE_SECONDS, 1
        while lives(loader):
            time.sleep(0.1)
            now = time.monotonic()
            elapsed = now - self.began
            if elapsed >= next_second:
                next_second += 1
                self.service.cpu_by_name()
                if self.start is None and elapsed >= WARM_UP_SECONDS:
                    self.start = self.mark()
                    self.samples.clear()
                self.samples.append(self.service.status())
            if elapsed >= next_line:
                next_line += LINE_SECONDS
                s = self.samples[-1]
                memory, journal = s["memory"] // MIB, s["journal"] // MIB
                print(
                    f"{elapsed:7.0f} {s['events']:12} {s['backlog']:12} {memory:12} {journal:12}",
                    flush=True,
                )
            self.add_step(now - last)
            last = now

    def add_step(self, passed):
        for run in self.service.runs():
            if run["state"] in ("running", "publishing") and self.start is not None:
                # Such as `recompute flights` and `compact views, 2 of 5 parts`.
                step = run["step"]
                known = step.split()[0] in ("recompute", "compact")
                self.steps[step.split()[0] if known else step] += passed

    def mark(self):
        return {
            "at": time.monotonic(),
            "clock": time.time(),
            "events": self.service.status()["events"],
            "times": self.service.times(),
            "cpu": self.service.cpu_by_name(),
        }

    def report(self):
        if self.start is None:
            sys.exit(f"sustained.py: the load ended within the first {WARM_UP_SECONDS} s")
        end = self.mark()
        taken = end["at"] - self.start["at"]
        events = end["events"] - self.start["events"]
        if not events:
            sys.exit("sustained.py: no events came after the first minute")
        rate = events / taken
        note = f"acknowledged in {taken:.0f} s after the first minute"
        row("sustained: events/s", f"{rate:.0f}", note)
        backlog = max(s["backlog"] for s in self.samples)
        intervals = backlog / (rate * INTERVAL_SECONDS)
        row("  largest backlog", backlog, f"events, {intervals:.2f} intervals")
        self.report_runs()
        row("  most memory", self.service.memory("VmHWM") // MIB, "MiB")
        row("  largest journal", max(s["journal"] for s in self.samples) // MIB, "MiB")
        self.report_cpu(end, events)
        print("wall time of events")
        for name, total in end["times"].items():
            spent = total - self.start["times"][name]
            row(f"  {name}", f"{spent * 1e6 / events:.2f}", "µs an event")
        print("wall time of runs by step")
        for step, total in self.steps.most_common():
            note = f"s, {total * 1e6 / events:.2f} µs an event that came in"
            row(f"  {step}", f"{total:.1f}", note)

    def report_runs(self):
        since = self.start["clock"]
        runs = [run for run in self.service.runs() if run["trigger"] in ("schedule", "limit")]
        runs = [run for run in runs if run["ended_at"] and clock(run["ended_at"]) > since]
        good = [run for run in runs if run["state"] == "succeeded"]
        if not good:
            row("  runs that ended", len(runs), "none succeeded")
            return
        times = [seconds(run) for run in good]
        row("  runs that ended", len(good), f"{len(runs) - len(good)} more did not succeed")
        row("  duration of a run p50 / max", f"{at(0.5, times):.1f} / {max(times):.1f}", "s")
        covered = sum(run["events"] for run in good)
        row("  events/s of a run", f"{covered / max(sum(times), 0.001):.0f}", f"{covered} events")
        differences = sum(run["audit"]["differences"] for run in good if run["audit"])
        row("  differences that audits found", differences)

    def report_cpu(self, end, events):
        (before, whole_before), (after, whole) = self.start["cpu"], end["cpu"]
        print("processor time by thread")
        spent = {name: after[name] - before[name] for name in after}
        # What threads did after they were last seen.
        spent["unseen"] = whole - whole_before - sum(spent.values())
        for name, total in sorted(spent.items(), key=lambda entry: -entry[1]):
            if round(total * 1e6 / events, 2) > 0:
                row(f"  {name}", f"{total * 1e6 / events:.2f}", "µs an event")
        row("  all", f"{(whole - whole_before) * 1e6 / events:.2f}", "µs an event")


def main():
    server, service, loader = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    watch = Watch(Service(server, service))
    watch.until_the_end_of(loader)
    watch.report()


main()
