"""What a cluster of N machines would do at a cloud's latencies: a simulation, not a measurement.

    python3 benches/simulate.py [--put-ms 30] [--put-p99-ms 120] [--cores 8] [--seconds 8]

It answers where the first limit is: the owner's processor, the storage's latency, or what comes in.
Inputs are processor times an event and a query as docs/performance.md measured them (on two
processors), and latencies of an object storage, which are assumptions and can be given.

The model: events come at a rate in requests of so many. A front decodes, if there is one, the owner
judges, makes a frame and folds. One put is under way at a time; what is ready when it ends goes into
the next one. A put takes a lognormal time, and as long as
its bytes take at the storage's throughput. A processor is a queue with one server a core.
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

    print("\n| events in the master dataset | full run of five metrics on one leader |\n|---|---|")
    for events in (1e8, 1e9, 1e10):
        seconds = events * FULL_RUN_US / 1e6 / a.cores
        shown = f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
        print(f"| {events:,.0f} | {shown} |")


if __name__ == "__main__":
    main()
