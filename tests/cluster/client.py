"""A client of a process: requests, and runs until they end."""

import json
import time
import urllib.error
import urllib.request

ENDED = ("succeeded", "failed", "cancelled")


def call(url, method="GET", body=None, kind="application/json", accept="application/json"):
    """Status and text of an answer."""
    headers = {"content-type": kind, "accept": accept}
    request = urllib.request.Request(url, method=method, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def start_run(url, mode):
    """Starts a run, behind one that began by itself, and says its id."""
    while True:
        code, text = call(f"{url}/v1/runs", "POST", json.dumps({"mode": mode}).encode())
        if code != 409:
            break
        ended_run(url, json.loads(text)["run"])
    assert code == 202, f"{code} {text}"
    return json.loads(text)["id"]


def ended_run(url, run, seconds=300):
    """A run, once it has ended: it must have succeeded, and its audit have found nothing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        # While another process takes over, nobody may know of runs.
        code, text = call(f"{url}/v1/runs/{run}")
        ended = json.loads(text) if code == 200 else {}
        if ended.get("state") in ENDED:
            assert ended["state"] == "succeeded" and ended["audit"]["differences"] == 0, ended
            return ended
        time.sleep(0.05)
    raise SystemExit(f"run {run} did not end within {seconds} s")


def run_and_wait(url, mode):
    return ended_run(url, start_run(url, mode))
