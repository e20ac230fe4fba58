//! Several processes as one service, each on a host of its own, with a directory of its own and a
//! clock of its own, over one storage and one Redis Cluster.

use std::thread;
use std::time::{Duration, Instant};

use crate::clock;
use crate::http::Http;
use crate::ledger::Violation;
use crate::load::{Load, ask_until_whole};
use crate::network::NetworkHost;
use crate::places::OF_LEADERS;
use crate::redis_cluster::RedisCluster;
use crate::s3::S3;
use crate::service::{Options, Place, Service, binary, other_binary};

/// What the processes stand ready for. The first one is the clients', and is only held up and cut
/// off.
pub(crate) const ROLES: [&str; 7] =
    ["serving", "ingest", "ingest", "batch", "batch", "serving", "serving"];
/// How far each one's clock is wrong, in seconds: who takes over lives minutes apart.
const CLOCKS_S: [i64; 7] = [0, 240, -240, -300, 300, 60, -60];

/// Within which events are taken again, on a machine that does nothing else.
pub(crate) const TAKEOVER: Duration = Duration::from_secs(10);
/// The same on one that is slow, or does much else.
pub(crate) const TAKEOVER_MAX: Duration = Duration::from_secs(60);

/// What was replaced is kept for as long as the longest answer, which ends before a client's time.
const REQUEST_TIMEOUT_MS: &str = "20000";

/// A process and where it lives.
pub(crate) struct Process {
    pub(crate) place: Place,
    pub(crate) service: Service,
}

impl Process {
    pub(crate) fn host(&self) -> &NetworkHost {
        &self.place.host
    }

    pub(crate) fn http(&self) -> &Http {
        &self.service.http
    }

    /// Kills it, and waits until it is gone.
    fn kill(&mut self) {
        self.service.signal("KILL");
        self.service.ends_within(Duration::from_secs(10));
    }
}

/// The processes and what they share.
pub(crate) struct Cluster {
    pub(crate) redis: RedisCluster,
    pub(crate) s3: S3,
    pub(crate) processes: Vec<Process>,
    /// How they are started.
    options: Options,
}

impl Cluster {
    /// Starts all processes, which remember so many ids.
    pub(crate) fn start(planted: Option<&str>, window: u64) -> Result<Self, Violation> {
        let failpoints = format!("{OF_LEADERS}=10%return(eio)");
        let options = Options { failpoints, ..Options::default() };
        Self::start_with(planted, window, options, REQUEST_TIMEOUT_MS)
    }

    /// The same with failpoints, and another time that a request may take.
    pub(crate) fn start_with(
        planted: Option<&str>,
        window: u64,
        options: Options,
        request_timeout_ms: &str,
    ) -> Result<Self, Violation> {
        let (redis, s3) = (RedisCluster::start(), S3::start());
        let place = |(number, (role, clock_s)): (usize, (&&str, i64))| {
            let mut place = Place::on(NetworkHost::new(), &redis.url(), planted);
            place.more = S3::arguments(role);
            place.more.extend(["--request-timeout-ms", request_timeout_ms].map(str::to_owned));
            place.more.push("--insecure".to_owned());
            place.environment = s3.environment();
            place.environment.extend(clock::set_wrong(clock_s));
            place.window = window;
            // Two builds side by side, of each role.
            if let Some(other) = other_binary().filter(|_| number % 2 == 1) {
                place.binary = other;
            }
            place
        };
        let places: Vec<Place> = ROLES.iter().zip(CLOCKS_S).enumerate().map(place).collect();
        let spawn = |place: Place| {
            let service = place.spawn(&options);
            Process { place, service }
        };
        let mut processes: Vec<Process> = places.into_iter().map(spawn).collect();
        for process in &mut processes {
            if !process.service.wait_ready() {
                let log = process.place.log_end();
                return Err(format!("a process does not start:\n{log}"));
            }
        }
        // The leader applies the file of definitions, once there is one.
        let is_defined = |process: &Process| {
            process.http().get("/v1/metrics/items").is_ok_and(|reply| reply.status == 200)
        };
        within(TAKEOVER_MAX, "the metrics are not defined", || {
            processes.iter().all(is_defined).then_some(())
        })?;
        let key = NewKey::make(processes[0].http(), "admin")?;
        for process in &mut processes {
            process.place.key = Some(key.text.clone());
            process.service.http = process.place.http();
        }
        Ok(Self { redis, s3, processes, options })
    }

    /// The process that clients ask.
    pub(crate) fn front(&self) -> &Http {
        self.processes[0].http()
    }

    /// All processes, as clients see them.
    pub(crate) fn fronts(&self) -> Vec<Http> {
        self.processes.iter().map(|process| process.http().clone()).collect()
    }

    /// The process that holds a lease, as one of them sees it.
    pub(crate) fn holder(&self, lease: &str) -> Option<usize> {
        let status = self.front().get("/v1/status").ok()?.json();
        let url = status["cluster"][lease].as_str()?.to_owned();
        self.processes.iter().position(|process| process.place.url() == url)
    }

    pub(crate) fn known_holder(&self, lease: &str) -> Result<usize, Violation> {
        let what = format!("no process holds the lease `{lease}`");
        within(TAKEOVER_MAX, &what, || self.holder(lease))
    }

    pub(crate) fn restart(&mut self, number: usize) {
        let process = &mut self.processes[number];
        if let Some(other) = other_binary() {
            // Upgraded, or the other way round.
            let is_other = process.place.binary == other;
            process.place.binary = if is_other { binary() } else { other };
        }
        let next = process.place.spawn(&self.options);
        std::mem::replace(&mut process.service, next).kill();
    }

    /// Kills a process, and starts it again.
    pub(crate) fn kill(&mut self, number: usize) {
        self.processes[number].kill();
        self.restart(number);
    }

    /// Kills all processes; `change` is done while there are none; then they are started again.
    pub(crate) fn restart_all<T>(&mut self, change: impl FnOnce(&S3) -> T) -> T {
        self.processes.iter_mut().for_each(Process::kill);
        self.s3.end();
        let changed = change(&self.s3);
        self.s3.restart();
        (0..self.processes.len()).for_each(|number| self.restart(number));
        changed
    }

    /// Every process gives an answer that is right.
    pub(crate) fn ask_all(&self, load: &Load) -> Result<(), Violation> {
        for process in &self.processes {
            let asked = ask_until_whole(process.http(), &load.common);
            asked.map_err(|violation| format!("{}: {violation}", process.place.url()))?;
        }
        Ok(())
    }
}

/// A key that was made.
pub(crate) struct NewKey {
    pub(crate) id: String,
    pub(crate) text: String,
}

impl NewKey {
    pub(crate) fn make(http: &Http, role: &str) -> Result<Self, Violation> {
        let request = format!(r#"{{"role":"{role}"}}"#);
        let made = http.post("/v1/keys", "application/json", request.as_bytes());
        let made = made.map_err(|error| format!("a key cannot be made: {error}"))?;
        let body = made.json();
        match (body["id"].as_str(), body["key"].as_str()) {
            (Some(id), Some(text)) => Ok(Self { id: id.to_owned(), text: text.to_owned() }),
            _ => Err(format!("a key cannot be made: {}: {}", made.status, made.text)),
        }
    }
}

/// Looks until there is something.
pub(crate) fn within<T>(
    time: Duration,
    otherwise: &str,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T, Violation> {
    let end = Instant::now() + time;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() > end {
            return Err(format!("{otherwise}, for {time:?}"));
        }
        thread::sleep(Duration::from_millis(20));
    }
}
