#!/usr/bin/env python3
"""Answers that another engine computed, for the golden test beside this file.

usage: make.py            (needs `pip install duckdb`; writes one JSON file a feature)

Each case is a query, the SQL that DuckDB was asked instead, and its rows. Times are seconds since
1970; a quantile is the two values that it lies between. The service is compared with the files alone; this script only says where they come from.
"""
import json, os
import duckdb

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "../../../../../tests/data/flights-2013-01.ndjson.gz")
NY = "America/New_York"
db = duckdb.connect()
db.execute("SET TimeZone = 'UTC'")
db.execute(f"""CREATE TABLE f AS SELECT
    properties->>'carrier' carrier, properties->>'origin' origin, properties->>'dest' dest,
    (properties->>'dep_delay')::BIGINT d, (properties->>'distance')::BIGINT miles,
    properties->>'tailnum' tailnum, time::TIMESTAMPTZ t, reverse(id) AS place
  FROM read_json('{DATA}', format='newline_delimited', columns={{
    id: 'VARCHAR', event: 'VARCHAR', time: 'VARCHAR', properties: 'JSON'}})""")
assert db.execute("SELECT count(*) FROM f").fetchone() == (27004,)


def bucket(unit, zone="UTC"):
    """Seconds at which the local period of a time begins."""
    return f"epoch(date_trunc('{unit}', t AT TIME ZONE '{zone}') AT TIME ZONE '{zone}')::BIGINT"


def minutes(n):
    return f"epoch(time_bucket(INTERVAL {n} MINUTE, t))::BIGINT"


def case(sql, **query):
    result = db.execute(sql)
    names = [column[0] for column in result.description]
    rows = []
    for values in result.fetchall():
        row = dict(zip(names, values))
        before = {k[8:]: row.pop(k) for k in list(row) if k.startswith("compare_")}
        rows.append({**row, "compare": before} if before else row)
    return {"query": {"metric": "flights", **query}, "sql": " ".join(sql.split()), "rows": rows}


COUNT = "count(*) AS departures"
ALL = """count(*) AS departures, sum(d)::BIGINT AS total_delay, avg(d) AS mean_delay, max(d) AS worst,
    min(d) AS best, sum(miles)::BIGINT AS miles, count(DISTINCT tailnum) AS aircraft,
    list_value(
    list_sort(list(d) FILTER (d IS NOT NULL))[1 + floor(0.95 * (count(d) - 1))::BIGINT],
    list_sort(list(d) FILTER (d IS NOT NULL))[1 + ceil(0.95 * (count(d) - 1))::BIGINT]) AS delay_p95, count(*) FILTER (d > 15) AS late,
    count(*) FILTER (d > 15) / count(*)::DOUBLE AS late_share"""
EVERY = ["departures", "total_delay", "mean_delay", "worst", "best", "miles", "aircraft", "delay_p95",
         "late", "late_share"]
files = {}

files["measures"] = [
    case(f"SELECT {ALL} FROM f"),
    case(f"SELECT {ALL} FROM f", measures=EVERY, partial="allow"),
    case(f"SELECT carrier, {ALL} FROM f GROUP BY 1 ORDER BY 1", group_by=["carrier"]),
    case(f"SELECT dest, origin, {ALL} FROM f GROUP BY ALL ORDER BY ALL",
         group_by=["dest", "origin"], measures=EVERY, order_by=["dest", "origin"]),
]

LAST = ("arg_max(tailnum, row(t, place)) FILTER (tailnum IS NOT NULL) AS last_aircraft, "
        "arg_max(d, row(t, place)) FILTER (d IS NOT NULL) AS last_delay")
LASTS = ["last_aircraft", "last_delay"]
files["latest"] = [
    case(f"SELECT {LAST} FROM f", measures=LASTS),
    case(f"SELECT dest, {LAST} FROM f GROUP BY 1 ORDER BY 1", group_by=["dest"], measures=LASTS),
    case(f"SELECT {bucket('day', NY)} AS time, carrier, {LAST} FROM f "
         f"WHERE origin = 'LGA' AND carrier IN ('OO', 'UA') GROUP BY ALL ORDER BY ALL",
         granularity="day", timezone=NY, group_by=["carrier"], measures=LASTS,
         filter="origin = 'LGA' AND carrier IN ('OO', 'UA')"),
    case(f"SELECT carrier, {LAST} FROM f GROUP BY 1 HAVING last_aircraft < 'N5' "
         f"ORDER BY last_aircraft DESC",
         group_by=["carrier"], measures=LASTS, having="last_aircraft < 'N5'",
         order_by=["-last_aircraft"]),
    case(f"SELECT {bucket('day')} AS time, carrier, {LAST} FROM f WHERE carrier = 'YV' "
         f"GROUP BY ALL ORDER BY last_delay, time",
         granularity="day", group_by=["carrier"], measures=LASTS, filter="carrier = 'YV'",
         order_by=["last_delay"]),
]

files["granularity"] = [
    case(f"SELECT {bucket(unit)} AS time, {COUNT} FROM f GROUP BY 1 ORDER BY 1",
         granularity=unit, measures=["departures"])
    for unit in ["hour", "day", "week", "month", "quarter", "year"]
] + [
    case(f"SELECT {minutes(n)} AS time, {COUNT}, sum(d)::BIGINT AS total_delay FROM f "
         f"WHERE t >= '2013-01-07' AND t < '2013-01-09' GROUP BY 1 ORDER BY 1",
         granularity=name, measures=["departures", "total_delay"],
         **{"from": "2013-01-07", "to": "2013-01-09"})
    for n, name in [(1, "minute"), (5, "5m"), (15, "15m")]
]

files["timezone"] = [
    case(f"SELECT {bucket(unit, zone)} AS time, {COUNT}, avg(d) AS mean_delay FROM f "
         f"WHERE t >= TIMESTAMP '2013-01-05' AT TIME ZONE '{zone}' "
         f"AND t < TIMESTAMP '2013-01-26' AT TIME ZONE '{zone}' GROUP BY 1 ORDER BY 1",
         granularity=unit, timezone=zone, measures=["departures", "mean_delay"],
         **{"from": "2013-01-05", "to": "2013-01-26"})
    for zone in [NY, "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe",
                 "America/St_Johns"]
    for unit in ["hour", "day", "week", "month"]
]

files["filter"] = [
    case(f"SELECT origin, {COUNT}, max(d) AS worst FROM f WHERE {sql} GROUP BY 1 ORDER BY 1",
         group_by=["origin"], measures=["departures", "worst"], filter=sql)
    for sql in ["carrier = 'UA'", "carrier <> 'UA' AND dest > 'M'", "dest LIKE 'S%'",
                "dest LIKE '_A%' OR carrier IN ('AA', 'B6')", "NOT (origin = 'EWR' OR dest = 'LAX')",
                "carrier IS NULL", "dest BETWEEN 'BOS' AND 'DCA'", "carrier NOT IN ('UA', 'DL')",
                "dest IS NOT NULL AND dest < 'C'"]
]

files["having"] = [
    case(f"SELECT dest, {COUNT}, avg(d) AS mean_delay FROM f GROUP BY 1 HAVING {sql} ORDER BY 1",
         group_by=["dest"], measures=["departures", "mean_delay"], having=ours)
    for sql, ours in [
        ("count(*) > 500", "departures > 500"),
        ("avg(d) > 15 AND count(*) < 100", "mean_delay > 15 AND departures < 100"),
        ("max(d) IS NULL OR count(*) = 1", "worst IS NULL OR departures = 1"),
        ("sum(miles) >= 1000000 OR min(d) <= -30", "miles >= 1000000 OR best <= -30"),
    ]
]

files["order_and_limit"] = [
    case(f"SELECT dest, {COUNT} FROM f GROUP BY 1 ORDER BY departures DESC, dest LIMIT 10 OFFSET 5",
         group_by=["dest"], measures=["departures"], order_by=["-departures"], limit=10, offset=5),
    case(f"SELECT carrier, dest, max(d) AS worst FROM f GROUP BY ALL "
         f"ORDER BY worst ASC NULLS LAST, carrier, dest",
         group_by=["carrier", "dest"], measures=["worst"], order_by=["worst"]),
    case(f"SELECT carrier, dest, max(d) AS worst FROM f GROUP BY ALL "
         f"ORDER BY worst DESC NULLS LAST, carrier, dest LIMIT 300",
         group_by=["carrier", "dest"], measures=["worst"], order_by=["-worst"], limit=300),
    case(f"SELECT {bucket('day')} AS time, origin, {COUNT} FROM f GROUP BY ALL "
         f"ORDER BY origin DESC, departures, time LIMIT 40",
         group_by=["origin"], measures=["departures"], granularity="day", limit=40,
         order_by=["-origin", "departures"]),
    case(f"SELECT {bucket('day')} AS time, carrier, {COUNT} FROM f GROUP BY ALL "
         f"ORDER BY time DESC, carrier LIMIT 25",
         group_by=["carrier"], measures=["departures"], granularity="day", limit=25,
         order_by=["-time"]),
]

files["limit_per_bucket"] = [
    case(f"SELECT {bucket('week', NY)} AS time, dest, {COUNT} FROM f GROUP BY 1, 2 QUALIFY "
         f"row_number() OVER (PARTITION BY time ORDER BY departures DESC, dest) <= 3 "
         f"ORDER BY departures DESC, time, dest",
         granularity="week", timezone=NY, group_by=["dest"], measures=["departures"], limit=3,
         limit_per_bucket=True, order_by=["-departures"]),
    case(f"SELECT {bucket('day')} AS time, carrier, {COUNT} FROM f GROUP BY 1, 2 QUALIFY "
         f"row_number() OVER (PARTITION BY time ORDER BY carrier) <= 2 ORDER BY time, carrier",
         granularity="day", group_by=["carrier"], measures=["departures"], limit=2,
         limit_per_bucket=True),
]

DAYS = """SELECT epoch(day)::BIGINT AS time FROM generate_series(
    TIMESTAMP '2012-12-28', TIMESTAMP '2013-01-04', INTERVAL 1 DAY) AS s(day)"""
OO = "SELECT carrier FROM f WHERE carrier IN ('OO', 'HA') GROUP BY 1"
filled = dict(granularity="day", fill="zero", **{"from": "2012-12-28", "to": "2013-01-05"})
LEFT = f"LEFT JOIN f ON {bucket('day')} = days.time"
PER_CARRIER = f"""FROM ({DAYS}) days CROSS JOIN (SELECT DISTINCT carrier FROM f
    WHERE carrier IN ('HA', 'YV') AND t >= '2012-12-28' AND t < '2013-01-05') c
    LEFT JOIN f ON {bucket('day')} = days.time AND f.carrier = c.carrier"""
files["fill"] = [
    case(f"SELECT days.time, count(f.t) AS departures, coalesce(sum(d), 0)::BIGINT AS total_delay, "
         f"max(d) AS worst FROM ({DAYS}) days {LEFT} GROUP BY 1 ORDER BY 1",
         measures=["departures", "total_delay", "worst"], **filled),
    case(f"SELECT days.time, nullif(count(f.t), 0) AS departures, sum(d)::BIGINT AS total_delay "
         f"FROM ({DAYS}) days {LEFT} GROUP BY 1 ORDER BY 1",
         measures=["departures", "total_delay"], **{**filled, "fill": "null"}),
    case(f"SELECT days.time, c.carrier, count(f.t) AS departures {PER_CARRIER} "
         f"GROUP BY ALL ORDER BY ALL",
         measures=["departures"], group_by=["carrier"], filter="carrier IN ('HA', 'YV')", **filled),
    case(f"""SELECT time, carrier, last_value(departures IGNORE NULLS) OVER (
            PARTITION BY carrier ORDER BY time) AS departures FROM (
            SELECT days.time, c.carrier, nullif(count(f.t), 0) AS departures {PER_CARRIER}
            GROUP BY ALL) ORDER BY time, carrier""",
         measures=["departures"], group_by=["carrier"], filter="carrier IN ('HA', 'YV')",
         **{**filled, "fill": "previous"}),
]


def weeks(name, start):
    return (f"SELECT (epoch(t) - epoch(TIMESTAMP '{start}' AT TIME ZONE '{NY}'))::BIGINT // 86400 AS i, "
            f"carrier, count(*) AS n, sum(d)::BIGINT AS s FROM f "
            f"WHERE t >= TIMESTAMP '{start}' AT TIME ZONE '{NY}' "
            f"AND t < (TIMESTAMP '{start}' + INTERVAL 7 DAY) AT TIME ZONE '{NY}' GROUP BY ALL")


WEEK = {"from": "2013-01-15", "to": "2013-01-22", "timezone": NY, "compare": "previous_period"}
files["compare"] = [
    case(f"SELECT epoch((TIMESTAMP '2013-01-15' + INTERVAL (a.i) DAY) AT TIME ZONE '{NY}')::BIGINT "
         f"AS time, a.carrier, a.n AS departures, a.s AS total_delay, b.n AS compare_departures, "
         f"b.s AS compare_total_delay FROM ({weeks('a', '2013-01-15')}) a "
         f"LEFT JOIN ({weeks('b', '2013-01-08')}) b ON a.i = b.i AND a.carrier = b.carrier "
         f"ORDER BY time, a.carrier",
         granularity="day", group_by=["carrier"], measures=["departures", "total_delay"], **WEEK),
    case(f"SELECT a.n AS departures, b.n AS compare_departures FROM "
         f"(SELECT sum(n)::BIGINT AS n FROM ({weeks('a', '2013-01-15')})) a, "
         f"(SELECT sum(n)::BIGINT AS n FROM ({weeks('b', '2013-01-08')})) b",
         measures=["departures"], **WEEK),
    case(f"SELECT {bucket('month', NY)} AS time, {COUNT}, NULL AS compare_departures FROM f "
         f"GROUP BY 1 ORDER BY 1",
         granularity="month", timezone=NY, measures=["departures"], compare="previous_year"),
]

for name, cases in files.items():
    with open(os.path.join(HERE, name + ".json"), "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    print(name, len(cases), sum(len(c["rows"]) for c in cases))
