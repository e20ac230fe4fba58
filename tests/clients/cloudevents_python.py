"""Sends CloudEvents made by their SDK for Python, in all modes: server, key, how many."""

import sys
from datetime import datetime, timezone

import requests
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from sending import send_until_acknowledged

server, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
session = requests.Session()
session.headers["authorization"] = f"Bearer {key}"


def event(n):
    attributes = {
        "type": "com.example.order",
        "source": "https://example.com/shop/ü",
        "id": f"order-{n}",
        "specversion": "1.0",
        "time": datetime(2026, 3, 1 + n % 20, 12, tzinfo=timezone.utc),
        "subject": f"käufer-{n % 7}",
        "datacontenttype": "application/json",
    }
    return CloudEvent(attributes=attributes, data={"client": "cloudevents-python", "amount": n})


def send(headers, body):
    """Sends twice, as a sender that lost the answer would."""
    for _ in range(2):
        send_until_acknowledged(session, server, headers, body, 60)


json_format = JSONFormat()
batch = []
for n in range(count):
    if n % 3 == 0:
        message = to_binary(event(n), json_format)
        send(message.headers, message.body)
    elif n % 3 == 1:
        message = to_structured(event(n), json_format)
        send(message.headers, message.body)
    else:
        batch.append(to_structured(event(n), json_format).body)
    if len(batch) == 10 or (batch and n == count - 1):
        send({"content-type": "application/cloudevents-batch+json"}, b"[" + b",".join(batch) + b"]")
        batch = []
