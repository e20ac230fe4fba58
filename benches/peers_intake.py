"""The same events into the same aggregates, by Merganser and by engines that keep them up to date.

Each takes a file of NDJSON in batches, one after another on one connection, and each batch is durable
in the sense that the engine documents before the next is sent. What an engine cannot read as it is
(Redis) is put into its commands before the clock starts. Run by `scripts/bench peers`:

    python peers_intake.py ENGINE FILE BATCH DIRECTORY TARGET

prints the events that were taken and the seconds for it; after a minute it stops. DIRECTORY is free for
the engine's files, TARGET is where it listens (Merganser: host:port, PostgreSQL: a directory with its
socket, Redis: the path of its socket).
"""

import http.client
import json
import select
import socket
import sys
import time

SECONDS_MAX = 60


def batches(path, size):
    """The file's lines in parts of so many, each with its count."""
    with open(path, "rb") as file:
        lines = file.readlines()
    parts = [lines[at : at + size] for at in range(0, len(lines), size)]
    return [(len(part), b"".join(part)) for part in parts]


def merganser(path, size, _, server):
    connection = http.client.HTTPConnection(server, timeout=SECONDS_MAX)
    headers = {"content-type": "application/x-ndjson"}

    def send(count, body):
        while True:
            connection.request("POST", "/v1/events", body, headers)
            reply = connection.getresponse()
            answer = reply.read()
            if reply.status != 503:
                break
            time.sleep(0.02)
        accepted = reply.status == 200 and json.loads(answer)["accepted"]
        if accepted != count:
            sys.exit(f"merganser: HTTP {reply.status}: {answer[:500]}")

    return batches(path, size), send, lambda: None


CLICKHOUSE = [
    "CREATE DATABASE IF NOT EXISTS intake ENGINE = Atomic",
    """CREATE TABLE intake.events (id String, time Int64, event LowCardinality(String),
        properties Tuple(carrier LowCardinality(String), flight Int32,
            origin LowCardinality(String), dest LowCardinality(String), distance Int32,
            tailnum Nullable(String), dep_delay Nullable(Int32), arr_delay Nullable(Int32),
            air_time Nullable(Int32)))
        ENGINE = MergeTree ORDER BY time
        SETTINGS fsync_after_insert = 1, fsync_part_directory = 1""",
    """CREATE TABLE intake.by_minute (bucket DateTime64(3), carrier LowCardinality(String),
        origin LowCardinality(String), dest LowCardinality(String),
        departures SimpleAggregateFunction(sum, UInt64),
        total_delay SimpleAggregateFunction(sum, Int64),
        mean_delay AggregateFunction(avg, Nullable(Int32)),
        worst SimpleAggregateFunction(max, Nullable(Int32)),
        best SimpleAggregateFunction(min, Nullable(Int32)),
        miles SimpleAggregateFunction(sum, Int64),
        aircraft AggregateFunction(uniqHLL12, Nullable(String)),
        delay_p95 AggregateFunction(quantileDD(0.01, 0.95), Nullable(Float64)),
        late SimpleAggregateFunction(sum, UInt64))
        ENGINE = AggregatingMergeTree ORDER BY (bucket, carrier, origin, dest)
        SETTINGS fsync_after_insert = 1, fsync_part_directory = 1""",
    """CREATE MATERIALIZED VIEW intake.to_minute TO intake.by_minute AS
        SELECT fromUnixTimestamp64Milli(time - time % 60000) AS bucket,
            properties.carrier AS carrier, properties.origin AS origin,
            properties.dest AS dest, count() AS departures,
            ifNull(sum(properties.dep_delay), 0) AS total_delay,
            avgState(properties.dep_delay) AS mean_delay, max(properties.dep_delay) AS worst,
            min(properties.dep_delay) AS best, sum(properties.distance) AS miles,
            uniqHLL12State(properties.tailnum) AS aircraft,
            quantileDDState(0.01, 0.95)(toFloat64(properties.dep_delay)) AS delay_p95,
            countIf(properties.dep_delay > 15) AS late
        FROM intake.events WHERE event = 'flight' GROUP BY bucket, carrier, origin, dest""",
]


def clickhouse(path, size, directory, _):
    from chdb import session

    engine = session.Session(directory)
    for statement in CLICKHOUSE:
        engine.query(statement)
    insert = "INSERT INTO intake.events FORMAT JSONEachRow\n"

    def check():
        query = "SELECT sum(departures) FROM intake.by_minute"
        return int(engine.query(query, "TabSeparated").data())

    parts = [(count, insert + body.decode()) for count, body in batches(path, size)]
    return parts, lambda _, text: engine.query(text), check


POSTGRESQL = """
    CREATE TABLE by_minute (bucket timestamptz, carrier text, origin text, dest text,
        departures bigint NOT NULL, total_delay bigint NOT NULL, delays bigint NOT NULL,
        worst int, best int, miles bigint NOT NULL, late bigint NOT NULL,
        PRIMARY KEY (bucket, carrier, origin, dest));
    CREATE TEMPORARY TABLE staging (event jsonb) ON COMMIT DELETE ROWS"""
# Text without quotes, in which a line is a value: neither byte is in JSON.
COPY = r"COPY staging FROM STDIN (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')"
# A mean is the sum by the count of delays.
UPSERT = """
    INSERT INTO by_minute AS known
    SELECT date_trunc('minute', to_timestamp((event->>'time')::bigint / 1000), 'UTC'),
        p.carrier, p.origin, p.dest, count(*), coalesce(sum(p.dep_delay), 0), count(p.dep_delay),
        max(p.dep_delay), min(p.dep_delay), sum(p.distance), count(*) FILTER (WHERE p.dep_delay > 15)
    FROM staging, jsonb_to_record(event->'properties')
        AS p(carrier text, origin text, dest text, dep_delay int, distance int)
    WHERE event->>'event' = 'flight'
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (bucket, carrier, origin, dest) DO UPDATE SET
        departures = known.departures + excluded.departures,
        total_delay = known.total_delay + excluded.total_delay,
        delays = known.delays + excluded.delays,
        worst = greatest(known.worst, excluded.worst), best = least(known.best, excluded.best),
        miles = known.miles + excluded.miles, late = known.late + excluded.late"""


def postgresql(path, size, _, target):
    import psycopg

    connection = psycopg.connect(f"host={target} user=postgres dbname=postgres")
    connection.execute("DROP TABLE IF EXISTS by_minute")
    for statement in POSTGRESQL.split(";"):
        connection.execute(statement)
    connection.commit()

    def send(_, body):
        with connection.cursor() as cursor:
            with cursor.copy(COPY) as copy:
                copy.write(body)
            cursor.execute(UPSERT)
        connection.commit()

    def check():
        return int(connection.execute("SELECT sum(departures) FROM by_minute").fetchone()[0])

    return batches(path, size), send, check


def commands(body):
    """What counts and adds up the events of a batch, and how many commands that is."""
    texts = []
    for line in body.splitlines():
        event = json.loads(line)
        p, minute = event["properties"], event["time"] // 60_000
        key = f"{minute}:{p['carrier']}:{p['origin']}:{p['dest']}"
        delay = p.get("dep_delay")
        added = {"departures": 1, "miles": p["distance"]}
        if delay is not None:
            added |= {"total_delay": delay, "delays": 1}
            if delay > 15:
                added["late"] = 1
        for field, number in added.items():
            words = ("HINCRBY", key, field, str(number))
            texts.append("*4\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words))
    return len(texts), "".join(texts).encode()


def redis(path, size, _, target):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(target)
    connection.setblocking(False)

    def call(count, text):
        # Replies are read meanwhile, since Redis stops reading when nobody takes them.
        view, replies, seen = memoryview(text), [], 0
        while seen < count:
            readable, writable, _ = select.select([connection], [connection] if view else [], [])
            if writable:
                view = view[connection.send(view) :]
            if readable:
                replies.append(connection.recv(1 << 16))
                if not replies[-1]:
                    sys.exit("redis closed the connection")
                seen += replies[-1].count(b"\n")
        replies = b"".join(replies)
        if any(reply.startswith(b"-") for reply in replies.splitlines()):
            sys.exit(f"redis: {replies[:500]}")

    call(1, b"FLUSHALL\r\n")
    parts = [(count, commands(body)) for count, body in batches(path, size)]
    return parts, lambda _, part: call(*part), lambda: None


ENGINES = {
    "merganser": merganser,
    "clickhouse": clickhouse,
    "postgresql": postgresql,
    "redis": redis,
}


def main():
    engine, path, size, directory, target = sys.argv[1:]
    parts, send, check = ENGINES[engine](path, int(size), directory, target)
    taken, started = 0, time.monotonic()
    for count, part in parts:
        send(count, part)
        taken += count
        if time.monotonic() - started > SECONDS_MAX:
            break
    seconds = time.monotonic() - started
    aggregated = check()
    if aggregated not in (None, taken):
        sys.exit(f"{engine} has {aggregated} events in its aggregates, not {taken}")
    print(f"{taken} {seconds:.3f}")


main()
