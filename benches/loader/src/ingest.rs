//! Sending events as fast as they are acknowledged, or at a set rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::IngestArgs;
use crate::connection::{Connection, number};
use crate::events::Template;
use crate::report::{Latencies, Report};

/// What one connection saw.
#[derive(Default)]
struct Seen {
    accepted: u64,
    refused: u64,
    acknowledgements: Latencies,
    freshness: Latencies,
}

pub(crate) fn run(args: &IngestArgs) -> anyhow::Result<()> {
    let template = Template::read(&args.data)?;
    let next = AtomicU64::new(0);
    let started = Instant::now();
    let seen = thread::scope(|scope| {
        let senders: Vec<_> = (0..args.load.connections)
            .map(|_| scope.spawn(|| send(args, &template, &next, started)))
            .collect();
        let watcher = args.freshness.then(|| scope.spawn(|| watch(args, started)));
        let mut all = Seen::default();
        for sender in senders.into_iter().chain(watcher) {
            let seen =
                sender.join().map_err(|_| anyhow::anyhow!("a connection's thread failed"))??;
            all.accepted += seen.accepted;
            all.refused += seen.refused;
            all.acknowledgements.extend(seen.acknowledgements);
            all.freshness.extend(seen.freshness);
        }
        anyhow::Ok(all)
    })?;
    let mut report = Report::new(started);
    report.count("events", seen.accepted);
    report.count("requests", seen.acknowledgements.len() as u64);
    report.count("refused_requests", seen.refused);
    report.rate("events_per_s", seen.accepted);
    report.latencies("ack", seen.acknowledgements);
    report.latencies("fresh", seen.freshness);
    report.print();
    Ok(())
}

fn send(
    args: &IngestArgs,
    template: &Template,
    next: &AtomicU64,
    started: Instant,
) -> anyhow::Result<Seen> {
    let mut connection = Connection::open(&args.load.server)?;
    let path = format!("/v1/events?wait={}", args.wait);
    let until = started + Duration::from_secs(args.load.seconds);
    let (mut seen, mut body) = (Seen::default(), Vec::new());
    loop {
        let first = next.fetch_add(args.batch as u64, Ordering::Relaxed);
        if first >= args.events || Instant::now() >= until {
            return Ok(seen);
        }
        if args.rate > 0 {
            let due = started + Duration::from_secs_f64(first as f64 / args.rate as f64);
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        template.write(&mut body, args.kind, args.seed, first, args.batch);
        loop {
            let sent = Instant::now();
            let reply = connection.post(&path, &body)?;
            match reply.status {
                200 => {
                    seen.acknowledgements.push(sent.elapsed());
                    seen.accepted += number(reply.body, "\"accepted\":").unwrap_or(0);
                    break;
                }
                503 if Instant::now() < until => {
                    seen.refused += 1;
                    thread::sleep(Duration::from_millis(20));
                }
                503 => return Ok(seen),
                status => {
                    anyhow::bail!("HTTP {status}: {}", String::from_utf8_lossy(reply.body))
                }
            }
        }
    }
}

/// Sends an event of its own now and then, and asks for an answer that has it.
fn watch(args: &IngestArgs, started: Instant) -> anyhow::Result<Seen> {
    let mut connection = Connection::open(&args.load.server)?;
    let until = started + Duration::from_secs(args.load.seconds);
    let mut seen = Seen::default();
    let mut count = 0;
    while Instant::now() < until {
        thread::sleep(Duration::from_millis(50));
        count += 1;
        let event = format!(
            "{{\"id\":\"fresh-{}-{count}\",\"event\":\"flight\",\"properties\":{{}}}}\n",
            args.seed
        );
        let reply = connection.post("/v1/events", event.as_bytes())?;
        let Some(position) = number(reply.body, "\"position\":{\"0\":") else { continue };
        let acknowledged = Instant::now();
        let query = format!("/v1/query?metric=flights&measures=departures&after=0:{position}");
        if connection.get(&query)?.status == 200 {
            seen.freshness.push(acknowledged.elapsed());
        }
    }
    Ok(seen)
}
