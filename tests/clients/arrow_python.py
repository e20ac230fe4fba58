"""Sends events as columns that pyarrow writes, as Arrow streams and Parquet files: server, key, how many."""

import io
import sys
from datetime import datetime, timezone

import pyarrow
import pyarrow.parquet
import requests
from sending import send_until_acknowledged

server, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
session = requests.Session()
session.headers["authorization"] = f"Bearer {key}"
CHUNK = 20


def table(numbers):
    times = [datetime(2026, 3, 1 + n % 20, 12, tzinfo=timezone.utc) for n in numbers]
    client = pyarrow.array(["pyarrow"] * len(numbers)).dictionary_encode()
    amount = pyarrow.array(list(numbers), pyarrow.int32())
    tags = pyarrow.array([["a", None] if n % 2 else None for n in numbers], pyarrow.list_(pyarrow.string()))
    return pyarrow.table(
        {
            "event": pyarrow.array(["order"] * len(numbers)),
            "id": pyarrow.array([f"arrow-{n}" for n in numbers], pyarrow.large_string()),
            "time": pyarrow.array(times, pyarrow.timestamp("ns", "UTC")),
            "subject": pyarrow.array([f"käufer-{n % 7}" if n % 3 else None for n in numbers]),
            "properties": pyarrow.StructArray.from_arrays([client, amount, tags], ["client", "amount", "tags"]),
        }
    )


def stream(events):
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, events.schema) as writer:
        writer.write_table(events, max_chunksize=7)
    return sink.getvalue()


def parquet(events, **options):
    sink = io.BytesIO()
    pyarrow.parquet.write_table(events, sink, **options)
    return sink.getvalue()


WAYS = [
    ("application/vnd.apache.arrow.stream", stream),
    ("application/vnd.apache.parquet", parquet),
    ("application/vnd.apache.parquet", lambda events: parquet(events, compression="zstd", row_group_size=7)),
    ("application/vnd.apache.parquet", lambda events: parquet(events, compression="lz4", version="1.0")),
    ("application/vnd.apache.parquet", lambda events: parquet(events, compression="none", data_page_version="2.0")),
]


for chunk, first in enumerate(range(0, count, CHUNK)):
    events = table(range(first, min(first + CHUNK, count)))
    # However it is written, it is the same event: what one way stored, the others find there.
    for way in range(len(WAYS)):
        kind, write = WAYS[(chunk + way) % len(WAYS)]
        verdict = send_until_acknowledged(session, server, {"content-type": kind}, write(events), 120)
        assert way == 0 or verdict["duplicates"] == events.num_rows, verdict
