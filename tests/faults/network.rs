//! Hosts of their own, as far as a network goes: each a network namespace behind one switch, so
//! that it can be cut off. Where none can be made, all hosts are the loopback, and nothing can be
//! cut.
//!
//! The campaign runs itself in a namespace, the switch's, so that nothing of the machine's own
//! network is touched, and everything is gone when it ends. It needs Linux, `unshare` and `nsenter`
//! of util-linux, `ip` of iproute2, and either root or namespaces for users.

use std::env;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Set where the campaign runs in a namespace of its own.
const INSIDE: &str = "FAULTS_NETWORK";
/// The switch, and its address.
const SWITCH: (&str, Ipv4Addr) = ("switch", Ipv4Addr::new(10, 77, 0, 1));
/// No host's: what is sent there is lost.
const NOBODY: &str = "02:00:00:00:00:01";

/// Goes on in a network of its own, if one can be made; says so where not.
pub(crate) fn enter() {
    if is_inside() {
        for line in [
            "link set lo up".to_owned(),
            format!("link add {} type bridge", SWITCH.0),
            format!("addr add {}/24 dev {}", SWITCH.1, SWITCH.0),
            format!("link set {} up", SWITCH.0),
        ] {
            ip(&line);
        }
        return;
    }
    let Ok(me) = env::current_exe() else { return };
    let ways: [&[&str]; 2] = [&["--net"], &["--net", "--user", "--map-root-user"]];
    for way in ways {
        let can = "ip link add switch type bridge";
        let tried = Command::new("unshare").args(way).args(["sh", "-c", can]).output();
        if tried.is_ok_and(|output| output.status.success()) {
            let mut command = Command::new("unshare");
            command.args(way).arg(&me).args(env::args_os().skip(1)).env(INSIDE, "own");
            // It returns only where it failed.
            let error = command.exec();
            println!("a network of its own cannot be entered: {error}");
        }
    }
    println!("no network of its own: hosts are not cut off");
}

/// Whether hosts can be cut off.
pub(crate) fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

fn ip(line: &str) {
    let done = Command::new("ip").args(line.split(' ')).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip {line}: {said}");
}

/// A host. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct NetworkHost {
    address: Ipv4Addr,
    /// What keeps its namespace, and the name of its port at the switch.
    namespace: Option<(Child, String)>,
}

impl NetworkHost {
    /// The campaign's own, which is never cut off.
    pub(crate) fn loopback() -> Self {
        Self { address: Ipv4Addr::LOCALHOST, namespace: None }
    }

    /// The next one.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        if !is_inside() {
            return Self::loopback();
        }
        let number = 2 + NEXT.fetch_add(1, Ordering::Relaxed) % 250;
        let address = Ipv4Addr::new(10, 77, 0, number);
        // It ends with its standard input, which ends with the campaign.
        let mut command = Command::new("unshare");
        command.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let holder = command.spawn().unwrap();
        wait_until_apart(holder.id());
        let port = format!("port{number}");
        ip(&format!("link add {port} type veth peer name eth0 netns {}", holder.id()));
        ip(&format!("link set {port} master {} up", SWITCH.0));
        let host = Self { address, namespace: Some((holder, port)) };
        host.ip("link set lo up");
        host.ip(&format!("addr add {address}/24 dev eth0"));
        host.ip("link set eth0 up");
        host
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.address.into()
    }

    /// A command that runs on it.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let Some((holder, _)) = &self.namespace else { return Command::new(program) };
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", holder.id())).arg(program);
        command
    }

    fn ip(&self, line: &str) {
        let done = self.command("ip").args(line.split(' ')).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "ip {line}: {said}");
    }

    /// Cuts it off from all others, or connects it again.
    pub(crate) fn set_cut_off(&self, is_cut: bool) {
        if let Some((_, port)) = &self.namespace {
            ip(&format!("link set {port} {}", if is_cut { "down" } else { "up" }));
        }
    }

    /// The same for some time.
    pub(crate) fn cut_off(&self, time: Duration) {
        self.set_cut_off(true);
        thread::sleep(time);
        self.set_cut_off(false);
    }

    /// What it sends to another one gets lost, or arrives again.
    pub(crate) fn set_cut_from(&self, other: &Self, is_cut: bool) {
        if self.namespace.is_none() {
            return;
        }
        let other = other.address;
        match is_cut {
            true => {
                self.ip(&format!("neigh replace {other} lladdr {NOBODY} dev eth0 nud permanent"));
            }
            false => self.ip(&format!("neigh del {other} dev eth0")),
        }
    }

    /// The same for some time. A host is not cut from itself.
    pub(crate) fn cut_from(&self, other: &Self, time: Duration) {
        if self.address == other.address {
            return;
        }
        self.set_cut_from(other, true);
        thread::sleep(time);
        self.set_cut_from(other, false);
    }
}

/// Waits until a process is in a namespace of its own.
fn wait_until_apart(pid: u32) {
    let end = Instant::now() + Duration::from_secs(10);
    let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    while of(&pid.to_string()).is_none_or(|net| Some(net) == of("self")) {
        assert!(Instant::now() < end, "unshare makes no namespace");
        thread::sleep(Duration::from_millis(2));
    }
}

impl Drop for NetworkHost {
    fn drop(&mut self) {
        if let Some((holder, port)) = &mut self.namespace {
            let _ = Command::new("ip").args(["link", "del", port]).output();
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}
