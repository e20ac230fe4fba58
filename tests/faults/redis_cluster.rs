//! A Redis Cluster of our own: three primaries, each with a replica, each on a host of its own.

use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::network::NetworkHost;
use crate::random::Random;
use crate::service::{free_port, signal};

const NODES: usize = 6;
/// After so long without a sign of it, a primary's replica is promoted.
const NODE_TIMEOUT: Duration = Duration::from_millis(1500);
/// Longer than the others take to replace a primary.
const PAST_TIMEOUT: Duration = Duration::from_secs(4);
/// How long the nodes may take to agree.
const AGREED: Duration = Duration::from_secs(60);

/// What is done to its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeFault {
    /// A node is killed, and is back later.
    Killed,
    /// A primary is killed, and is back at once with nothing.
    Emptied,
    /// A primary is held up until its replica is promoted, and goes on.
    HeldUp,
    /// A primary is cut off from everything until its replica is promoted, and is back.
    CutOff,
    /// Slots are moved from one primary to another.
    Resharded,
    /// All keys of all nodes are deleted.
    AllEmptied,
}

pub(crate) const NODE_FAULTS: [NodeFault; 6] = [
    NodeFault::Killed,
    NodeFault::Emptied,
    NodeFault::HeldUp,
    NodeFault::CutOff,
    NodeFault::Resharded,
    NodeFault::AllEmptied,
];

/// The nodes, that are killed when it is dropped.
#[derive(Debug)]
pub(crate) struct RedisCluster {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    host: NetworkHost,
    /// For clients, and for the other nodes.
    ports: (u16, u16),
    dir: TempDir,
    child: Child,
}

impl RedisCluster {
    pub(crate) fn start() -> Self {
        let nodes: Vec<Node> = (0..NODES).map(|_| Node::start()).collect();
        nodes.iter().for_each(Node::wait);
        let cluster = Self { nodes };
        let addresses: Vec<String> = cluster.nodes.iter().map(Node::address).collect();
        let mut create = vec!["--cluster", "create"];
        create.extend(addresses.iter().map(String::as_str));
        create.extend(["--cluster-replicas", "1", "--cluster-yes"]);
        cluster.nodes[0].cli(&create);
        cluster.wait();
        cluster
    }

    /// What a process is told.
    pub(crate) fn url(&self) -> String {
        let addresses: Vec<String> = self.nodes.iter().map(Node::address).collect();
        format!("redis-cluster://{}", addresses.join(","))
    }

    pub(crate) fn hurt(&mut self, fault: NodeFault, random: &mut Random) {
        let primary = *random.pick(&self.primaries());
        let any = random.below(NODES as u64) as usize;
        match fault {
            NodeFault::Killed => {
                self.nodes[any].kill();
                thread::sleep(Duration::from_millis(random.below(4000)));
                self.nodes[any].restart();
            }
            NodeFault::Emptied => {
                self.nodes[primary].kill();
                self.nodes[primary].forget();
                self.nodes[primary].restart();
            }
            NodeFault::HeldUp => {
                let pid = self.nodes[primary].child.id();
                signal(pid, "STOP");
                thread::sleep(PAST_TIMEOUT);
                signal(pid, "CONT");
            }
            NodeFault::CutOff => self.nodes[primary].host.cut_off(PAST_TIMEOUT),
            NodeFault::Resharded => {
                let others: Vec<usize> =
                    self.primaries().into_iter().filter(|node| *node != primary).collect();
                self.move_slots(primary, *random.pick(&others));
            }
            NodeFault::AllEmptied => {
                for primary in self.primaries() {
                    self.nodes[primary].cli(&["FLUSHALL"]);
                }
            }
        }
        self.wait();
    }

    /// Moves every slot of a primary that has keys to another one, key by key.
    fn move_slots(&self, from: usize, to: usize) {
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        let (source_id, target_id) = (source.id(), target.id());
        let keys = source.cli(&["KEYS", "*"]);
        let mut slots: Vec<String> =
            keys.lines().map(|key| source.cli(&["CLUSTER", "KEYSLOT", key])).collect();
        slots.sort();
        slots.dedup();
        for slot in &slots {
            target.cli(&["CLUSTER", "SETSLOT", slot, "IMPORTING", &source_id]);
            source.cli(&["CLUSTER", "SETSLOT", slot, "MIGRATING", &target_id]);
            loop {
                let keys = source.cli(&["CLUSTER", "GETKEYSINSLOT", slot, "10"]);
                if keys.trim().is_empty() {
                    break;
                }
                let (host, port) = (target.host.address().to_string(), target.ports.0.to_string());
                let mut migrate = vec!["MIGRATE", &*host, &*port, "", "0", "5000", "KEYS"];
                migrate.extend(keys.lines());
                source.cli(&migrate);
            }
            for node in [target, source].into_iter().chain(&self.nodes) {
                node.cli(&["CLUSTER", "SETSLOT", slot, "NODE", &target_id]);
            }
        }
    }

    fn primaries(&self) -> Vec<usize> {
        let is_primary =
            |node: &usize| self.nodes[*node].info("replication").contains("role:master");
        let found: Vec<usize> = (0..NODES).filter(is_primary).collect();
        assert!(!found.is_empty(), "no node is a primary");
        found
    }

    /// Waits until all nodes agree that all is there, every primary with its replica.
    fn wait(&self) {
        let end = Instant::now() + AGREED;
        let is_whole = |node: &Node| {
            let (state, replication) = (node.cli(&["CLUSTER", "INFO"]), node.info("replication"));
            state.contains("cluster_state:ok")
                && (replication.contains("master_link_status:up")
                    || replication.contains("state=online"))
        };
        while !self.nodes.iter().all(is_whole) {
            assert!(Instant::now() < end, "the nodes of Redis do not come together");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Node {
    fn start() -> Self {
        let (host, ports) = (NetworkHost::new(), (free_port(), free_port()));
        let dir = TempDir::with_prefix("merganser-redis-").unwrap();
        let child = spawn(&host, ports, &dir);
        Self { host, ports, dir, child }
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host.address(), self.ports.0)
    }

    /// What it answers to a command, a line for each part.
    fn cli(&self, command: &[&str]) -> String {
        let (host, port) = (self.host.address().to_string(), self.ports.0.to_string());
        let output = std::process::Command::new("redis-cli")
            .args(["-h", &host, "-p", &port])
            .args(command)
            .stdin(Stdio::null())
            .output()
            .expect("redis-cli cannot be started; scripts/test installs it or says how");
        String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
    }

    fn id(&self) -> String {
        self.cli(&["CLUSTER", "MYID"])
    }

    fn info(&self, section: &str) -> String {
        self.cli(&["INFO", section])
    }

    fn wait(&self) {
        let end = Instant::now() + AGREED;
        // One that still reads its files says so.
        while self.cli(&["PING"]) != "PONG" {
            assert!(Instant::now() < end, "redis-server does not answer");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Removes what it has stored, but for what it knows of the other nodes.
    fn forget(&self) {
        let _ = fs::remove_dir_all(self.dir.path().join("appendonlydir"));
    }

    fn restart(&mut self) {
        self.child = spawn(&self.host, self.ports, &self.dir);
        self.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(host: &NetworkHost, (port, bus): (u16, u16), dir: &TempDir) -> Child {
    let timeout = NODE_TIMEOUT.as_millis().to_string();
    host.command("redis-server")
        .args(["--port", &port.to_string(), "--bind", &host.address().to_string()])
        .args(["--protected-mode", "no", "--save", "", "--appendonly", "yes"])
        .args(["--appendfsync", "no", "--maxmemory-policy", "noeviction"])
        .args(["--dir", dir.path().to_str().unwrap(), "--repl-diskless-sync-delay", "0"])
        .args(["--cluster-enabled", "yes", "--cluster-port", &bus.to_string()])
        .args(["--cluster-node-timeout", &timeout, "--cluster-replica-validity-factor", "0"])
        .args(["--cluster-allow-replica-migration", "no"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server cannot be started; scripts/test installs it or says how")
}
