//! Runs whose parts executors make, while executors, schedulers and leaders are killed, held up and
//! cut off. Whatever happens, what is published is to the bit what one process makes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::arguments::Arguments;
use crate::cluster::{TAKEOVER_MAX, within};
use crate::http::Http;
use crate::kills::{keep, millis};
use crate::ledger::Violation;
use crate::load::run;
use crate::network::NetworkHost;
use crate::random::Random;
use crate::redis_cluster::RedisCluster;
use crate::report::Report;
use crate::service::{Options, Place, Service, binary, free_port};

const EVENTS: u64 = 24_000;
const DAYS: u64 = 59;
/// The smallest that there is, so that there are many.
const PART_EVENTS: &str = "1000";
/// Processes that do the runs or own the journal, and executors.
const LEADERS: usize = 2;
const EXECUTORS: usize = 3;
/// Longer than it takes to notice that an executor is gone.
const PAST_TIMEOUT: Duration = Duration::from_secs(19);
/// Longer than a lease lasts.
const PAST_LEASE: Duration = Duration::from_millis(6500);
/// How long making most parts takes, at least and at most; a run has some thirty.
const PART_TAKES_MS: (u64, u64) = (100, 1000);
/// How long a run may take, whatever happens.
const RUN_MAX: Duration = Duration::from_secs(240);

/// What is done while parts are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExecutorFault {
    Nothing,
    Killed,
    AllKilled,
    Ended,
    HeldUpPastTimeout,
    CutOff,
    LeaderKilled,
    LeaderHeldUp,
    SchedulerKilled,
}

const FAULTS: [ExecutorFault; 9] = [
    ExecutorFault::Nothing,
    ExecutorFault::Killed,
    ExecutorFault::AllKilled,
    ExecutorFault::Ended,
    ExecutorFault::HeldUpPastTimeout,
    ExecutorFault::CutOff,
    ExecutorFault::LeaderKilled,
    ExecutorFault::LeaderHeldUp,
    ExecutorFault::SchedulerKilled,
];

/// A cluster with executors, in a directory that all of them see.
struct Farm {
    redis: RedisCluster,
    storage: TempDir,
    /// Those that do the runs first, executors behind them.
    places: Vec<Place>,
    services: Vec<Service>,
    scheduler: Option<SchedulerProcess>,
    /// What executors fail with: parts take a while, so that faults come in the midst of them.
    slow: Options,
}

/// A scheduler of its own.
struct SchedulerProcess {
    host: NetworkHost,
    port: u16,
    storage: String,
    child: Child,
}

impl SchedulerProcess {
    fn start(storage: &Path) -> Self {
        let (host, port) = (NetworkHost::new(), free_port());
        let storage = format!("file://{}", storage.display());
        let child = Self::spawn(&host, port, &storage);
        Self { host, port, storage, child }
    }

    fn spawn(host: &NetworkHost, port: u16, storage: &str) -> Child {
        let mut command = host.command(binary());
        command.args(["scheduler", "--storage", storage]);
        command.args(["--ballista-listen", &format!("{}:{port}", host.address())]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    fn url(&self) -> String {
        format!("http://{}:{}", self.host.address(), self.port)
    }

    fn kill_and_restart(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = Self::spawn(&self.host, self.port, &self.storage);
    }
}

impl Drop for SchedulerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Events in order of time, so that files have different days, and parts can be cut between them.
fn lines(from: u64, to: u64) -> String {
    let line = |number: u64| {
        let day = number * DAYS / EVENTS;
        let (month, day) = if day < 31 { (1, day + 1) } else { (2, day - 30) };
        let time = format!("2025-{month:02}-{day:02}T{:02}:00:00Z", number % 24);
        let properties =
            format!(r#"{{"c":"{}","chunk":"{}","w":{number}}}"#, number % 7, number % 11);
        format!(r#"{{"id":"f{number}","event":"item","time":"{time}","properties":{properties}}}"#)
    };
    (from..to).map(line).collect::<Vec<_>>().join("\n")
}

impl Farm {
    /// Starts one whose parts are made by one process, and makes the views.
    fn start(
        planted: Option<&str>,
        is_apart: bool,
        part_takes: Duration,
    ) -> Result<Self, Violation> {
        let redis = RedisCluster::start();
        let storage = TempDir::with_prefix("merganser-shared-").unwrap();
        let place = |role: &str| {
            let mut place = Place::on(NetworkHost::new(), &redis.url(), planted);
            place.more = ["--storage", &format!("file://{}", storage.path().display())]
                .into_iter()
                .chain(["--journal", "storage", "--role", role, "--insecure"])
                .chain(["--part-max-events", PART_EVENTS])
                .map(str::to_owned)
                .collect();
            place
        };
        let leaders = (0..LEADERS).map(|_| place("ingest,batch"));
        let places: Vec<Place> = leaders.collect();
        // Some take longer than others, so that they are still made when they are made anew.
        let (usual, long) = (part_takes.as_millis(), part_takes.as_millis() * 5);
        let failpoints = format!("part.files.after=20%sleep({long})->sleep({usual})");
        let slow = Options { failpoints, power_seed: None };
        let (services, scheduler) = (Vec::new(), None);
        let mut farm = Self { redis, storage, places, services, scheduler, slow };
        farm.start_all()?;
        let http = farm.http(0);
        within(TAKEOVER_MAX, "the metrics are not defined", || {
            let reply = http.get("/v1/metrics/items").ok()?;
            (reply.status == 200).then_some(())
        })?;
        for from in (0..EVENTS).step_by(8_000) {
            let body = lines(from, from + 8_000);
            let sent =
                http.post("/v1/events?wait=applied", "application/x-ndjson", body.as_bytes());
            let sent = sent.map_err(|error| error.to_string())?;
            if sent.status != 200 {
                return Err(format!("events are answered {}: {}", sent.status, sent.text));
            }
            run(&http, "incremental")?;
        }
        run(&http, "full")?;
        farm.services.clear();
        // From here on by executors.
        farm.scheduler = is_apart.then(|| SchedulerProcess::start(farm.storage.path()));
        let executors: Vec<Place> = (0..EXECUTORS).map(|_| farm.executor(planted)).collect();
        farm.places.extend(executors);
        for place in &mut farm.places {
            let scheduler = farm.scheduler.as_ref().map(SchedulerProcess::url);
            let listen = format!("{}:{}", place.host.address(), free_port());
            let scheduler = scheduler.unwrap_or_else(|| "leader".to_owned());
            let more = ["--ballista-scheduler", &scheduler, "--ballista-listen", &listen];
            place
                .more
                .extend(more.into_iter().chain(["--ballista-min-events", "1"]).map(str::to_owned));
        }
        farm.start_all()?;
        Ok(farm)
    }

    fn executor(&self, planted: Option<&str>) -> Place {
        let mut place = Place::on(NetworkHost::new(), &self.redis.url(), planted);
        let storage = format!("file://{}", self.storage.path().display());
        let more = ["--storage", &storage, "--journal", "storage", "--role", "executor"];
        let more = more.into_iter().chain(["--insecure", "--executor-parts-max", "2"]);
        place.more = more.map(str::to_owned).collect();
        place
    }

    fn start_all(&mut self) -> Result<(), Violation> {
        self.services = (0..self.places.len()).map(|number| self.spawn(number)).collect();
        for (place, service) in self.places.iter().zip(&mut self.services) {
            if !service.wait_ready() {
                return Err(format!("a process does not start:\n{}", place.log_end()));
            }
        }
        Ok(())
    }

    fn http(&self, number: usize) -> Http {
        self.places[number].http()
    }

    fn spawn(&self, number: usize) -> Service {
        let (none, is_leader) = (Options::default(), number < LEADERS);
        self.places[number].spawn(if is_leader { &none } else { &self.slow })
    }

    fn restart(&mut self, number: usize) {
        let next = self.spawn(number);
        std::mem::replace(&mut self.services[number], next).kill();
    }

    fn kill(&mut self, number: usize) {
        self.services[number].signal("KILL");
        self.services[number].ends_within(Duration::from_secs(10));
    }

    /// Answers a request, whichever process does.
    fn ask(&self, path: &str) -> Option<Value> {
        (0..LEADERS).find_map(|number| {
            let reply = self.http(number).get(path).ok()?;
            (reply.status == 200).then(|| reply.json())
        })
    }

    fn leader(&self) -> Result<usize, Violation> {
        within(TAKEOVER_MAX, "no process does the runs", || {
            let url = self.ask("/v1/status")?["cluster"]["leader"].as_str()?.to_owned();
            self.places.iter().position(|place| place.url() == url)
        })
    }

    /// The newest backfill, or other run; null while there is none.
    fn newest(&self, is_backfill: bool) -> Option<Value> {
        let runs = self.ask("/v1/runs?limit=100")?;
        let mut runs = runs["runs"].as_array()?.iter();
        Some(runs.find(|run| run["backfill"].is_null() != is_backfill).cloned().unwrap_or_default())
    }

    /// Checksums of what is served, by metric, grain and range: names of files say nothing.
    fn checksums(&self, metric: &str) -> Result<BTreeMap<String, Value>, Violation> {
        let read = |path: &Path| -> Result<Value, Violation> {
            let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
            let json = text.rsplit_once("\ncrc32c:").map_or(&*text, |(json, _)| json);
            serde_json::from_str(json).map_err(|e| format!("{}: {e}", path.display()))
        };
        let folder = self.storage.path().join("manifest");
        let names = fs::read_dir(&folder).map_err(|e| e.to_string())?;
        let names = names.filter_map(|entry| Some(entry.ok()?.path()));
        let newest = names.filter(|path| path.extension().is_some_and(|end| end == "json")).max();
        let manifest = read(&newest.ok_or("there is no manifest")?)?;
        let metrics = manifest["metrics"].as_array().cloned().unwrap_or_default();
        let of = metrics.iter().find(|entry| entry["definition"]["name"] == metric);
        let list = of.and_then(|entry| entry["files"].as_str()).ok_or("the metric has no view")?;
        let files = read(&self.storage.path().join(list))?;
        let files = files.as_array().cloned().unwrap_or_default();
        let key = |file: &Value| format!("{} {}", file["grain"], file["range"]);
        Ok(files.iter().map(|file| (key(file), file["checksum"].clone())).collect())
    }
}

/// Does something to those who make parts, or have them made, and undoes it.
fn hurt(farm: &mut Farm, fault: ExecutorFault, random: &mut Random) -> Result<(), Violation> {
    let executor = LEADERS + random.below(EXECUTORS as u64) as usize;
    match fault {
        ExecutorFault::Nothing => {}
        ExecutorFault::Killed => {
            farm.kill(executor);
            thread::sleep(Duration::from_millis(random.below(2000)));
            farm.restart(executor);
        }
        ExecutorFault::AllKilled => {
            (LEADERS..LEADERS + EXECUTORS).for_each(|number| farm.kill(number));
            thread::sleep(Duration::from_millis(random.below(2000)));
            (LEADERS..LEADERS + EXECUTORS).for_each(|number| farm.restart(number));
        }
        ExecutorFault::Ended => {
            farm.services[executor].signal("TERM");
            let ended = farm.services[executor].ends_within(Duration::from_secs(60));
            if !ended.is_some_and(|status| status.success()) {
                return Err(format!("an executor that was told to end: {ended:?}"));
            }
            farm.restart(executor);
        }
        ExecutorFault::HeldUpPastTimeout => {
            farm.services[executor].signal("STOP");
            thread::sleep(PAST_TIMEOUT);
            farm.services[executor].signal("CONT");
        }
        ExecutorFault::CutOff => {
            farm.places[executor].host.cut_off(Duration::from_millis(random.below(19_000)));
        }
        ExecutorFault::LeaderKilled => {
            let leader = farm.leader()?;
            farm.kill(leader);
            thread::sleep(Duration::from_millis(random.below(2000)));
            farm.restart(leader);
        }
        ExecutorFault::LeaderHeldUp => {
            let leader = farm.leader()?;
            farm.services[leader].signal("STOP");
            thread::sleep(PAST_LEASE);
            farm.services[leader].signal("CONT");
        }
        ExecutorFault::SchedulerKilled => {
            if let Some(scheduler) = &mut farm.scheduler {
                scheduler.kill_and_restart();
            }
        }
    }
    Ok(())
}

/// Starts a run, hurts somebody, and waits for the end of it, or of what goes on with it.
fn one_run(
    farm: &mut Farm,
    is_backfill: bool,
    begin: impl Fn(&Http) -> Option<()>,
    fault: ExecutorFault,
    random: &mut Random,
) -> Result<Value, Violation> {
    let before = within(TAKEOVER_MAX, "no runs are known", || farm.newest(is_backfill))?;
    within(TAKEOVER_MAX, "a run is not taken", || {
        (0..LEADERS).find_map(|number| begin(&farm.http(number)))
    })?;
    thread::sleep(Duration::from_millis(random.below(1500)));
    hurt(farm, fault, random)?;
    let end = Instant::now() + RUN_MAX;
    loop {
        let newest = farm.newest(is_backfill).filter(|run| run["id"] != before["id"]);
        match newest.as_ref().and_then(|run| run["state"].as_str()) {
            Some("succeeded") => return Ok(newest.unwrap_or_default()),
            Some("failed" | "cancelled") => return Err(format!("a run ended: {newest:?}")),
            _ if Instant::now() > end => return Err(format!("a run does not end: {newest:?}")),
            _ => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Each part counts once, and none was made by a process that does the runs: executors live. None
/// is made for nothing.
fn check_distribution(farm: &Farm, fault: ExecutorFault, run: &Value) -> Result<(), Violation> {
    let attempts_max = match fault {
        // It goes on with the same work.
        ExecutorFault::LeaderKilled => 2,
        // And who wakes up may end what is another's by now.
        ExecutorFault::LeaderHeldUp => 3,
        _ => 1,
    };
    if run["attempt"].as_u64().is_none_or(|attempt| attempt > attempts_max) {
        return Err(format!("a run was begun anew: {run}"));
    }
    let distribution = &run["distribution"];
    let shares = distribution["executors"].as_array().cloned().unwrap_or_default();
    let counted: u64 = shares.iter().filter_map(|share| share["parts"].as_u64()).sum();
    let parts = distribution["parts"].as_u64().unwrap_or_default();
    if parts < 10 || distribution["made"] != parts || counted != parts {
        return Err(format!("{counted} parts of {parts} count: {run}"));
    }
    let status = farm.ask("/v1/status").unwrap_or_default();
    let processes = status["cluster"]["processes"].as_array().cloned().unwrap_or_default();
    let does_runs = |process: &Value| {
        let known = processes.iter().find(|known| known["process"] == *process);
        known.is_some_and(|known| known["roles"].as_str().is_some_and(|r| r.contains("batch")))
    };
    match shares.iter().find(|share| does_runs(&share["process"])) {
        Some(share) => Err(format!("parts were left to who does the runs: {share} of {run}")),
        None => Ok(()),
    }
}

/// Full runs and backfills under faults, in an order that the seed says.
pub(crate) fn under_faults(
    planted: Option<&str>,
    faults: &[ExecutorFault],
    runs: usize,
    end: Instant,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let is_apart = random.percent(50) || faults == [ExecutorFault::SchedulerKilled];
    let (shortest, longest) = PART_TAKES_MS;
    let part_takes = Duration::from_millis(shortest + random.below(longest - shortest));
    let mut farm = Farm::start(planted, is_apart, part_takes)?;
    let wanted = farm.checksums("items")?;
    let (mut result, mut ahead) = (Ok(()), Vec::new());
    for number in 0..runs {
        if Instant::now() > end || result.is_err() {
            break;
        }
        if ahead.is_empty() {
            let can_be =
                |fault: &&ExecutorFault| is_apart || **fault != ExecutorFault::SchedulerKilled;
            ahead = faults.iter().filter(can_be).copied().collect();
        }
        let fault = ahead.swap_remove(random.below(ahead.len() as u64) as usize);
        let began = Instant::now();
        result = match random.percent(30) {
            true => backfill(&mut farm, number, &wanted, fault, random),
            false => full_run(&mut farm, &wanted, fault, random),
        };
        result = result.map_err(|violation| format!("after {fault:?}: {violation}"));
        report.add("runs on executors", 1);
        report.add(&format!("runs on executors, {fault:?}"), 1);
        report.highest("longest run on executors, in ms", millis(began.elapsed()));
    }
    for place in &farm.places {
        let log = place.log();
        let count = |outcome: &str| {
            let said = format!("outcome=\"{outcome}\"");
            log.lines()
                .filter(|line| line.contains("was attempted") && line.contains(&said))
                .count()
        };
        report.add("parts that count", count("counts") as u64);
        report.add("parts that were thrown away", count("already made") as u64);
    }
    let keep_all =
        |violation| farm.places.iter().fold(violation, |violation, place| keep(place, violation));
    result.map_err(keep_all)
}

fn full_run(
    farm: &mut Farm,
    wanted: &BTreeMap<String, Value>,
    fault: ExecutorFault,
    random: &mut Random,
) -> Result<(), Violation> {
    let run = one_run(farm, false, |http| http.start_run("full").map(drop), fault, random)?;
    check_distribution(farm, fault, &run)?;
    if run["audit"]["differences"] != 0 || run["audit"]["compared"] == 0 {
        return Err(format!("what was made is not what was served: {run}"));
    }
    match farm.checksums("items")? == *wanted {
        true => Ok(()),
        false => Err("the files of a view are not what one process makes".to_owned()),
    }
}

/// A metric of the same definition, backfilled: its files have the same states.
fn backfill(
    farm: &mut Farm,
    number: usize,
    wanted: &BTreeMap<String, Value>,
    fault: ExecutorFault,
    random: &mut Random,
) -> Result<(), Violation> {
    let name = format!("copy_{number}");
    let path = format!("/v1/metrics/{name}");
    let definition = json!({
        "event": "item", "granularity": "day", "dimensions": ["c", "chunk"],
        "measures": { "n": { "kind": "count" }, "w": { "kind": "sum", "of": "w" } },
    });
    let begin = |http: &Http| {
        // It may be defined although the answer was lost.
        let known = http.get(&path).is_ok_and(|reply| reply.status == 200);
        let put = || http.put(&path, &definition);
        (known || put().is_ok_and(|reply| matches!(reply.status, 200 | 202))).then_some(())
    };
    let run = one_run(farm, true, begin, fault, random)?;
    check_distribution(farm, fault, &run)?;
    let made = farm.checksums(&name)?;
    if made.len() != wanted.len() {
        let (made, wanted) = (made.len(), wanted.len());
        return Err(format!("a backfill has made {made} files, not {wanted}"));
    }
    let rows = |metric: &str| {
        let query = format!(
            "/v1/query?metric={metric}&measures=n,w&group_by=c,chunk&granularity=day&limit=100000"
        );
        Some(farm.ask(&query)?["rows"].clone())
    };
    let (copy, items) = within(TAKEOVER_MAX, "no answer", || rows(&name).zip(rows("items")))?;
    if copy != items {
        return Err(format!("`{name}` does not answer as `items` does"));
    }
    within(TAKEOVER_MAX, "a metric is not deleted", || {
        let deleted = |number| farm.http(number).delete(&path).ok().filter(|r| r.status < 300);
        (0..LEADERS).find_map(deleted)
    })?;
    Ok(())
}

/// All faults, for a bounded time or number of runs.
pub(crate) fn all(a: &Arguments, report: &Report, random: &mut Random) -> Result<(), Violation> {
    let end = Instant::now() + a.share(20, Duration::from_secs(60));
    loop {
        under_faults(None, &FAULTS, 30, end, report, random)?;
        if Instant::now() > end {
            return Ok(());
        }
    }
}
