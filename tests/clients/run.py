"""Real clients against the real binary: `run.py MERGANSER`, in a directory with all libraries.

Each client sends its events while the server is killed and started again under it. Afterwards every
event counts once, in the merged answer before and after a batch run. Then schemathesis tries every
operation of the API.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

HERE = Path(__file__).parent
COUNT = 400
METRICS = """
[[metric]]
name = "clients"
event = "*"
granularity = "day"
dimensions = ["client"]
[metric.measures]
events = { kind = "count" }
amount = { kind = "sum", of = "amount" }
"""
CLIENTS = {
    "segment-python": [sys.executable, "segment_python.py"],
    "segment-node": ["node", "segment_node.mjs"],
    "segment-browser": ["node", "segment_browser.mjs"],
    "cloudevents-python": [sys.executable, "cloudevents_python.py"],
    "cloudevents-node": ["node", "cloudevents_node.mjs"],
    "pyarrow": [sys.executable, "arrow_python.py"],
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s until {what}"
        time.sleep(0.02)
    return found


class Server:
    """A server that can be killed and started again on its directory and port."""

    def __init__(self, binary, directory):
        self.binary, self.directory = binary, Path(directory)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Where a page is served whose scripts send events.
        self.page_port = free_port()
        (self.directory / "metrics.toml").write_text(METRICS)
        self.log = open(self.directory / "log", "ab")
        self.process = None

    def start(self):
        arguments = ["--listen", f"127.0.0.1:{self.port}", "--data-dir", str(self.directory / "data")]
        arguments += ["--metrics", str(self.directory / "metrics.toml"), "--schedule", "", "--full-schedule", ""]
        arguments += ["--disk-floor-bytes", "1MiB", "--cors-origins", f"http://127.0.0.1:{self.page_port}"]
        self.process = subprocess.Popen([self.binary, "serve", *arguments], stdout=self.log, stderr=self.log)
        wait("the server is ready", self.is_ready)

    def is_ready(self):
        assert self.process.poll() is None, (self.directory / "log").read_text()[-4000:]
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, "the server ends well"

    def command(self, *arguments, key=None):
        environment = {**os.environ, "MERGANSER_SERVER": self.url}
        if key:
            environment["MERGANSER_KEY"] = key
        done = subprocess.run([self.binary, *arguments], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()


def counted(server, key, client):
    """Events and amount of a client, as the service answers."""
    query = {"metric": "clients", "group_by": ["client"], "filter": f"client = '{client}'"}
    reply = requests.post(f"{server.url}/v1/query", json=query, headers={"authorization": f"Bearer {key}"}, timeout=30)
    assert reply.status_code == 200, reply.text
    rows = reply.json()["rows"]
    return (rows[0]["events"], rows[0]["amount"]) if rows else (0, None)


def clients(binary):
    with tempfile.TemporaryDirectory() as directory:
        server = Server(binary, directory)
        server.start()
        admin = server.command("keys", "create", "--role", "admin")
        ingest = server.command("keys", "create", "--role", "ingest", key=admin)
        read = server.command("keys", "create", "--role", "read", key=admin)
        expected = (COUNT, COUNT * (COUNT - 1) // 2)
        for name, command in CLIENTS.items():
            started = time.monotonic()
            environment = {**os.environ, "PAGE_PORT": str(server.page_port)}
            sender = subprocess.Popen([*command, server.url, ingest, str(COUNT)], cwd=HERE, env=environment)
            # Where a client is so fast that all is there, it was not hurt; the next one may be.
            wait("some events are there", lambda: counted(server, read, name)[0] > 0)
            before = counted(server, read, name)[0]
            server.kill()
            time.sleep(0.3)
            server.start()
            assert sender.wait(180) == 0, f"{name} failed"
            wait("all events are there", lambda: counted(server, read, name) == expected)
            print(f"{name}: {COUNT} events, {before} of them before the kill, {time.monotonic() - started:.1f} s")
        server.command("run", key=admin)
        for name in CLIENTS:
            assert counted(server, read, name) == expected, name
        quarantine = requests.get(f"{server.url}/v1/quarantine", headers={"authorization": f"Bearer {admin}"}, timeout=30)
        assert quarantine.json()["entries"] == [], quarantine.text[:2000]
        server.stop()


def without_message_id(binary):
    """Calls as they are written by hand: no `messageId`, the key in the body, `text/plain`."""
    with tempfile.TemporaryDirectory() as directory:
        server = Server(binary, directory)
        server.start()
        admin = server.command("keys", "create", "--role", "admin")
        ingest = server.command("keys", "create", "--role", "ingest", "--set", "client=by-hand", key=admin)
        call = {"writeKey": ingest, "event": "Order Completed", "properties": {"client": "other", "amount": 2}}
        kinds = {"content-type": "text/plain"}
        for path in ["/v1/t", "/v1/segment/t", "/v1/segment/track", "/v1/segment/v1/track"]:
            reply = requests.post(server.url + path, data=json.dumps(call), headers=kinds, timeout=30)
            assert reply.status_code == 200 and reply.json()["accepted"] == 1, reply.text
        batch = {"writeKey": ingest, "batch": [{"type": "track", **call}, {"type": "page", "properties": {"amount": 5}}]}
        for path in ["/v1/b", "/v1/batch", "/v1/import", "/v1/segment/b"]:
            reply = requests.post(server.url + path, data=json.dumps(batch), headers=kinds, timeout=30)
            assert reply.status_code == 200 and reply.json()["accepted"] == 2, reply.text
        reply = requests.post(f"{server.url}/v1/t", json={**call, "writeKey": "mgs_wrong"}, timeout=30)
        assert reply.status_code == 401, reply.text
        wait("all events are there", lambda: counted(server, admin, "by-hand") == (12, 36))
        server.stop()


def schema(binary):
    with tempfile.TemporaryDirectory() as directory:
        server = Server(binary, directory)
        server.start()
        admin = {"authorization": "Bearer " + server.command("keys", "create", "--role", "admin")}
        event = {"id": "e-1", "event": "x", "properties": {"client": "one", "amount": 1}}
        assert requests.post(f"{server.url}/v1/events", json=event, headers=admin, timeout=30).status_code == 200
        tool = Path(sys.executable).parent / "schemathesis"
        command = [str(tool), "run", f"{server.url}/openapi.json", *sys.argv[2:]]
        command += ["--max-examples", "40", "--seed", "1", "--request-timeout", "30", "--generation-database", "none"]
        # What no schema can say (names that exist, conditions in SQL, time zones) may be refused, and
        # a run that is deleted is cancelled: its record stays.
        command += ["--exclude-checks", "positive_data_acceptance,use_after_free"]
        command += ["--header", f"Authorization: {admin['authorization']}"]
        done = subprocess.run(command, cwd=directory)
        assert server.process.poll() is None, "the server lives"
        log = (server.directory / "log").read_text()
        assert "panicked" not in log, log[-4000:]
        assert done.returncode == 0, "schemathesis found failures"
        server.stop()


if __name__ == "__main__":
    clients(sys.argv[1])
    without_message_id(sys.argv[1])
    schema(sys.argv[1])
    print("all clients are served")
