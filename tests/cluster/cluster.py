"""A cluster on loopback: SeaweedFS, six Redis nodes, Merganser processes of every role, and nginx.

Everything is in one directory and ends with this process. No port is fixed but the balancer's, if it
is asked for.
"""

import getpass
import grp
import os
import signal
import socket
import subprocess
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

ROLES = ["ingest", "ingest", "batch", "batch", "serving", "serving", "serving"]
BUCKET = "events"

_given = set()


def free_port():
    """A port that is free, and not one that the system gives to connections by itself."""
    port = 11000 + os.getpid() % 9000
    while True:
        port += 1
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port


def wait_until(what, is_there, seconds=60):
    end = time.monotonic() + seconds
    while not is_there():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def status(url, method="GET", body=None):
    """The status of an answer; None if there is none."""
    request = urllib.request.Request(url, method=method, data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


class Cluster:
    def __init__(self, binary, directory, metrics, balancer_port=None, roles=ROLES, executors=0):
        self.binary, self.directory, self.metrics = binary, Path(directory), Path(metrics)
        self.roles = [*roles, *["executor"] * executors]
        self.executors = executors
        # Small, so that there are many parts, and all runs but incremental ones.
        self.part_max_events, self.ballista_min_events = 2000, 1
        # Further arguments of all processes.
        self.more = []
        # Group ids of processes whose packets are to be told from those of others; only for root.
        self.groups = {}
        self.balancer_port = balancer_port or free_port()
        self.children = {}
        self.processes = {}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.balancer_port}"

    def start(self):
        self.start_storage()
        self.start_redis()
        for number, role in enumerate(self.roles):
            self.start_process(f"{role}-{number}", role)
        for name, url in self.processes.items():
            wait_until(f"{name} is ready", lambda: status(f"{url}/readyz") == 200)
        # The leader applies the file when it leads, which may be later.
        defined = [metric["name"] for metric in tomllib.loads(self.metrics.read_text())["metric"]]
        for name, url in self.processes.items():
            for metric in defined:
                wait_until(f"{name} knows {metric}",
                           lambda: status(f"{url}/v1/metrics/{metric}") == 200)
        self.start_balancer()

    def run(self, name, command, environment=None):
        log = open(self.directory / f"{name}.log", "ab")
        self.children[name] = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            group=self.groups.get(name),
        )

    def start_storage(self):
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        others = ["s3.port.grpc", "master.port", "master.port.grpc", "volume.port",
                  "volume.port.grpc", "filer.port", "filer.port.grpc"]
        data = self.directory / "seaweedfs"
        data.mkdir(parents=True)
        self.run("seaweedfs", [
            "weed", "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
            f"-s3.port={port}", "-s3.port.iceberg=0", "-s3.port.lance=0",
            "-master.telemetry=false", "-volume.max=200", "-master.volumeSizeLimitMB=512",
            *(f"-{name}={free_port()}" for name in others),
        ])
        bucket = f"{self.endpoint}/{BUCKET}"
        wait_until("SeaweedFS takes a bucket", lambda: status(bucket, "PUT", b"") == 200)

    def start_redis(self):
        ports = []
        for number in range(6):
            port, bus = free_port(), free_port()
            data = self.directory / f"redis-{number}"
            data.mkdir()
            self.run(f"redis-{number}", [
                "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", data,
                "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction",
                "--cluster-enabled", "yes", "--cluster-port", bus,
                "--cluster-node-timeout", "2000",
            ])
            ports.append(port)

        def answers(port):
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        for port in ports:
            wait_until("Redis takes connections", lambda: answers(port))
        nodes = [f"127.0.0.1:{port}" for port in ports]
        subprocess.run(
            ["redis-cli", "--cluster", "create", *nodes, "--cluster-replicas", "1", "--cluster-yes"],
            check=True, stdout=subprocess.DEVNULL,
        )
        state = ["redis-cli", "-p", str(ports[0]), "cluster", "info"]
        wait_until("the Redis cluster is up", lambda: b"cluster_state:ok" in subprocess.run(
            state, capture_output=True).stdout)
        self.speed_store = "redis-cluster://" + ",".join(nodes)

    def start_process(self, name, role):
        port = free_port()
        self.processes[name] = f"http://127.0.0.1:{port}"
        self.run(name, [
            self.binary, "serve", "--role", role, "--listen", f"127.0.0.1:{port}",
            "--storage", f"s3://{BUCKET}/merganser", "--journal", "storage",
            "--speed-store", self.speed_store, "--data-dir", self.directory / name,
            "--metrics", self.metrics, "--disk-floor-bytes", "1MiB", *self.sharing(), *self.more,
        ], {
            "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "cluster", "AWS_SECRET_ACCESS_KEY": "cluster",
        })

    def sharing(self):
        """Has executors make all runs but incremental ones, in many parts, if there are some."""
        if self.executors == 0:
            return []
        return ["--ballista-scheduler", "leader", "--ballista-listen", f"127.0.0.1:{free_port()}",
                "--ballista-min-events", self.ballista_min_events,
                "--part-max-events", self.part_max_events, "--executor-parts-max", "1"]

    def cpu_s(self, name):
        """Processor time of a process so far, user and system."""
        stat = Path(f"/proc/{self.children[name].pid}/stat").read_text()
        after_name = stat.rsplit(")", 1)[1].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def start_balancer(self):
        nginx = self.directory / "nginx"
        nginx.mkdir()
        servers = "\n".join(
            f"    server {url.removeprefix('http://')} max_fails=1 fail_timeout=2s;"
            for url in self.processes.values())
        template = Path(__file__).with_name("nginx.conf").read_text()
        config = nginx / "nginx.conf"
        # As whoever started it, so that it may write where it was told to.
        user = f"{getpass.getuser()} {grp.getgrgid(os.getgid()).gr_name}"
        config.write_text(template.replace("@DIR@", str(nginx)).replace("@SERVERS@", servers)
                          .replace("@USER@", user)
                          .replace("@LISTEN@", f"127.0.0.1:{self.balancer_port}"))
        self.run("nginx", ["nginx", "-c", config, "-e", nginx / "error.log"])
        wait_until("the balancer answers", lambda: status(f"{self.url}/readyz") == 200)

    def stop_process(self, name):
        self.processes.pop(name)
        self.children[name].terminate()
        self.children[name].wait()

    def kill(self, name):
        self.children[name].kill()
        self.children[name].wait()

    def stop(self):
        # The service first, so that it can hand over and say goodbye.
        order = sorted(self.children.items(), key=lambda child: child[0] not in self.processes)
        for _, child in order:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for _, child in order:
            try:
                child.wait(timeout=30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
