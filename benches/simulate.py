"""What a cluster of N machines would do at a cloud's latencies: a simulation, not a measurement.

    python3 benches/simulate.py [--put-ms 30] [--put-p99-ms 120] [--cores 8] [--seconds 8]

It answers where the first limit is: the owner's processor, the storage's latency, or what comes in.
Inputs are processor times an event and a query as docs/performance.md measured them (on two
processors), and latencies of an object storage, which are assumptions and can be given.

The model of intake: events come at a rate in requests of so many. A front decodes, if there is one, the owner
judges, makes a frame and folds. One put is under way at a time; what is ready when it ends goes into
the next one. A put takes a lognormal time, and as long as
its bytes take at the storage's throughput. A processor is a queue with one server a core.

The model of runs on executors: the leader cuts and describes parts, and has at most so many made at a
time. A free place of an executor asks until it is given a part, which the scheduler hands out one after
the other; reads what it is about and its master files, makes it, and records it. When all parts of a
job are there, the leader notices at its next look and asks for the next ones. At the end it publishes.
"""

import argparse
import heapq
import math
import random

# Processor time in microseconds, with the table of docs/performance.md that it comes from.
OWNER_US = 3.14         # "In a bucket, and on several processes": an event, as many as are taken, sent to the owner
BEHIND_FRONTS_US = 2.40  # there: the same, sent to another process, which decodes it
FRONT_US = 1.67         # there: what that process takes
REDIS_US = 0.9          # rows 1 and 9: 858,000 and 697,000 events a second on two processors, in addition
QUERY_US = 30.0         # "queries of the last hour"
EVENT_BYTES = 63        # docs/operations.md, "Size": the journal
FULL_RUN_US = 3.4       # row 17: 584,000 events a second on two processors, five metrics
GROUP_MAX = 100_000     # events of a commit group at most: `commit_max_events`
PUT_MB_S = 90.0         # one stream to an object storage
# "Full runs on executors" there, five metrics: 6 million events by one executor, 13 parts.
PART_EVENTS = 500_000   # `part_max_events`
PART_S = 1.47           # processor time of a part where it is made: 17.7 s
LEADER_MS = 50.0        # of the leader a part, at most: 0.7 s, with all that it does but once
RUN_S = 1.5             # the leader before the first part and behind the last
MASTER_BYTES = 22.6     # row 18, history: an event in master files
# What the code does.
PARTS_A_JOB = 512       # `WorkSettings`
REQUESTS_AT_A_TIME = 16  # batch-layer/src/run/work.rs
PART_REQUESTS = 5       # to the storage, one after the other: part, record, files of views, record
POLL_S, LOOK_S = 0.05, 0.3  # how often an executor asks that has nothing to do, and how often the leader looks


def lognormal(p50, p99):
    sigma = math.log(p99 / p50) / 2.3263
    return lambda: random.lognormvariate(math.log(p50), sigma)


def intake(rate, cores, put, seconds, owner_us, request=1000):
    """Acknowledged events a second and times of acknowledgement, of one owner."""
    # One core commits; decoding and folding have the others.
    random.seed(1)
    now, waiting, done, times = 0.0, [], 0, []
    gap = request / rate
    work = owner_us * request / 1e6
    free = [0.0] * cores
    next_arrival, put_ends, in_put = 0.0, math.inf, []
    while now < seconds:
        now = min(next_arrival, put_ends)
        if now == next_arrival:
            at = heapq.heappop(free)
            ready = max(at, now) + work
            heapq.heappush(free, ready)
            waiting.append((ready, now))
            next_arrival += random.expovariate(1 / gap)
        else:
            times += [now - arrived for _, arrived in in_put]
            done += len(in_put) * request
            in_put, put_ends = [], math.inf
        if put_ends == math.inf and waiting:
            group = [entry for entry in waiting if entry[0] <= now][:GROUP_MAX // request]
            if not group:
                put_ends = min(entry[0] for entry in waiting)
                in_put = []
                continue
            waiting = [entry for entry in waiting if entry not in set(group)]
            size = len(group) * request * EVENT_BYTES
            in_put, put_ends = group, now + put() / 1e3 + size / (PUT_MB_S * 1e6)
        if len(waiting) > 4000:
            break
    times.sort()
    at = lambda share: times[int(share * (len(times) - 1))] * 1e3 if times else math.inf
    return done / now, at(0.5), at(0.99), len(waiting) <= 4000


def highest(cores, put, seconds, owner_us):
    """The highest rate whose acknowledgements stay under a second."""
    low, high = 1e4, 2e7
    for _ in range(14):
        middle = math.sqrt(low * high)
        _, _, p99, is_stable = intake(middle, cores, put, seconds, owner_us)
        low, high = (middle, high) if is_stable and p99 < 1000 else (low, middle)
    rate, p50, p99, _ = intake(low, cores, put, seconds, owner_us)
    return low, p50, p99


def run_on_executors(events, executors, cores, put, parts_a_job=PARTS_A_JOB, part_events=PART_EVENTS):
    """Seconds that a full run takes, and the share of them in which a processor makes parts."""
    random.seed(1)
    parts = math.ceil(events / part_events)
    part_s = lognormal(PART_S * part_events / PART_EVENTS, 1.5 * PART_S * part_events / PART_EVENTS)
    read_s = part_events * MASTER_BYTES / (PUT_MB_S * 1e6)
    describe_s = parts / REQUESTS_AT_A_TIME * put() / 1e3
    now, busy = RUN_S / 2 + describe_s, 0.0
    handed = now
    for first in range(0, parts, parts_a_job):
        places = [now + random.uniform(0, POLL_S) for _ in range(executors * cores)]
        heapq.heapify(places)
        last = now
        for _ in range(min(parts_a_job, parts - first)):
            handed = max(handed, heapq.heappop(places)) + LEADER_MS / 1e3
            made = part_s()
            busy += made
            end = handed + sum(put() for _ in range(PART_REQUESTS)) / 1e3 + read_s + made
            heapq.heappush(places, end)
            last = max(last, end)
        now = last + LOOK_S / 2 + put() / 1e3
    now += RUN_S / 2
    return now, busy / (now * executors * cores)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--put-ms", type=float, default=30, help="median of a put")
    parser.add_argument("--put-p99-ms", type=float, default=120)
    parser.add_argument("--cores", type=int, default=8, help="of each machine")
    parser.add_argument("--seconds", type=float, default=8, help="of simulated time")
    a = parser.parse_args()
    put = lognormal(a.put_ms, a.put_p99_ms)
    print(f"a put takes {a.put_ms:g} ms (p99 {a.put_p99_ms:g} ms); machines of {a.cores} cores\n")

    print("| events/s offered | acknowledged/s | p50, ms | p99, ms |\n|---|---|---|---|")
    for rate in (1e4, 1e5, 5e5, 1e6, 2e6):
        done, p50, p99, is_stable = intake(rate, a.cores, put, a.seconds, OWNER_US)
        note = "" if is_stable else " (falls behind)"
        print(f"| {rate:,.0f} | {done:,.0f}{note} | {p50:.0f} | {p99:.0f} |")

    print("\n| what the owner does | events/s at most | p50, ms | p99, ms | first limit |\n"
          "|---|---|---|---|---|")
    for name, us in [
        ("all of it", OWNER_US),
        ("fronts decode", BEHIND_FRONTS_US),
        ("fronts decode, another process folds (not built)", BEHIND_FRONTS_US - REDIS_US),
    ]:
        rate, p50, p99 = highest(a.cores, put, a.seconds, us)
        by_processor = a.cores * 1e6 / us
        by_storage = PUT_MB_S * 1e6 / EVENT_BYTES
        limit = "its processor" if by_processor < by_storage * 0.95 else "bytes of one put at a time"
        print(f"| {name} | {rate:,.0f} | {p50:.0f} | {p99:.0f} | {limit} |")
    print("| partitions, each with an owner | as many times as much | as above | as above | Redis, runs |")

    print(f"\na million events a second take {FRONT_US / a.cores:.1f} of such machines as fronts")
    print("\n| serving machines | queries/s |\n|---|---|")
    for machines in (1, 2, 4, 8, 16):
        print(f"| {machines} | {machines * a.cores * 1e6 / QUERY_US:,.0f} |")

    counts = (1, 4, 16, 64)
    shown = lambda seconds: f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
    print("\na full run of five metrics, and the share of the executors' processors that make parts\n")
    print("| events | leader alone |" + "".join(f" {count} executors |" for count in counts))
    print("|---|---|" + "---|" * len(counts))
    for events in (1e8, 1e9, 1e10):
        cells = [shown(events * FULL_RUN_US / 1e6 / a.cores)]
        for count in counts:
            seconds, share = run_on_executors(events, count, a.cores, put)
            cells.append(f"{shown(seconds)}, {share:.0%}")
        print(f"| {events:,.0f} | " + " | ".join(cells) + " |")

    print("\n1,000,000,000 events by 64 executors, by parts of a job and events of a part\n\n"
          "| parts a job | events a part | time | share |\n|---|---|---|---|")
    for parts_a_job, part_events in ((512, 500_000), (2048, 500_000), (512, 2_000_000), (2048, 2_000_000)):
        seconds, share = run_on_executors(1e9, 64, a.cores, put, parts_a_job, part_events)
        print(f"| {parts_a_job} | {part_events:,} | {shown(seconds)} | {share:.0%} |")


if __name__ == "__main__":
    main()
