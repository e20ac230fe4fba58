"""Sending to a server that may be away for a while."""

import time

import requests


def send_until_acknowledged(session, server, headers, body, seconds):
    """Sends events until they are acknowledged; the verdict, in which all of them are fine."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            reply = session.post(f"{server}/v1/events", headers=headers, data=body, timeout=10)
        except requests.RequestException:
            reply = None
        if reply is not None and reply.status_code == 200:
            verdict = reply.json()
            assert verdict["invalid"] == [] and verdict["conflicts"] == [], verdict
            return verdict
        assert reply is None or reply.status_code in (429, 503), reply.text
        assert time.monotonic() < deadline, f"not acknowledged in {seconds} s"
        time.sleep(0.1)
