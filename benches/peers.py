"""The aggregates of the sample metric by ClickHouse and by DuckDB, out of Merganser's master files.

Each engine reads the same Parquet files (typed columns, by name), groups them at the same grain with
so many threads, and writes Parquet. Estimates are each engine's own: HyperLogLog for distinct aircraft,
and DDSketch (ClickHouse) or t-digest (DuckDB) for the 95th percentile, kept as a value and not as a
state that could be merged, which is less work than a view's. Run by `scripts/bench peers`:

    python peers.py ENGINE GRAIN MASTER_DIRECTORY OUTPUT_FILE THREADS

prints the seconds that the query took and the peak of resident memory in MiB.
"""

import os
import resource
import sys
import time

GRAINS = {
    "minute": ("toStartOfMinute", "minute", ["carrier", "origin", "dest"]),
    "day": ("toStartOfDay", "day", ["carrier", "origin"]),
}


def clickhouse(grain, files, output, threads):
    import chdb

    floor, _, dimensions = GRAINS[grain]
    columns = ", ".join(f'"text:{name}" AS {name}' for name in dimensions)
    delay, aircraft = '"number:dep_delay"', '"value:tailnum"'
    query = f"""
        SELECT {floor}("time") AS bucket, {columns}, count() AS departures,
            sum({delay}) AS total_delay, avg({delay}) AS mean_delay, max({delay}) AS worst,
            min({delay}) AS best, sum("number:distance") AS miles,
            uniqHLL12({aircraft}) AS aircraft,
            quantileDD(0.01, 0.95)(toFloat64({delay})) AS delay_p95,
            countIf({delay} > 15) AS late
        FROM file('{files}', Parquet) WHERE event = 'flight'
        GROUP BY bucket, {", ".join(dimensions)}
        INTO OUTFILE '{output}' TRUNCATE FORMAT Parquet
        SETTINGS max_threads = {threads}"""
    return lambda: chdb.query(query)


def duckdb(grain, files, output, threads):
    import duckdb as engine

    _, unit, dimensions = GRAINS[grain]
    columns = ", ".join(f'"text:{name}" AS {name}' for name in dimensions)
    delay, aircraft = '"number:dep_delay"', '"value:tailnum"'
    connection = engine.connect()
    connection.execute(f"SET threads TO {threads}; SET preserve_insertion_order = false")
    query = f"""
        COPY (SELECT date_trunc('{unit}', "time") AS bucket, {columns}, count(*) AS departures,
            sum({delay}) AS total_delay, avg({delay}) AS mean_delay, max({delay}) AS worst,
            min({delay}) AS best, sum("number:distance") AS miles,
            approx_count_distinct({aircraft}) AS aircraft,
            approx_quantile({delay}::DOUBLE, 0.95) AS delay_p95,
            count(*) FILTER ({delay} > 15) AS late
        FROM read_parquet('{files}') WHERE event = 'flight' GROUP BY ALL)
        TO '{output}' (FORMAT parquet, COMPRESSION zstd)"""
    return lambda: connection.execute(query)


def main():
    engine, grain, master, output, threads = sys.argv[1:]
    files = os.path.join(os.path.abspath(master), "*", "*.parquet")
    query = {"clickhouse": clickhouse, "duckdb": duckdb}[engine](grain, files, output, int(threads))
    started = time.monotonic()
    query()
    taken = time.monotonic() - started
    if not os.path.getsize(output):
        sys.exit(f"{engine} wrote nothing")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{taken:.3f} {peak}")


main()
