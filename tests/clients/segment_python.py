"""Sends events with Segment's SDK for Python: server, key, how many."""

import sys

from segment.analytics.client import Client

server, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
failed = []
client = Client(
    key,
    host=f"{server}/v1/segment",
    gzip=True,
    upload_size=20,
    upload_interval=0.05,
    on_error=lambda error, items: failed.append(error),
)
for n in range(count):
    properties = {"client": "segment-python", "amount": n}
    user = f"user-{n % 7}"
    if n % 5 == 0:
        client.identify(user, properties)
    elif n % 5 == 1:
        client.page(user, "Docs", "Home", properties)
    elif n % 5 == 2:
        client.group(user, "group-1", properties)
    else:
        client.track(user, "Order Completed", properties)
client.shutdown()
sys.exit(f"not delivered: {failed[:3]}" if failed else 0)
