//! Sending events as fast as they are acknowledged, or at a set rate.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures::future::{OptionFuture, try_join, try_join_all};
use tokio::time::sleep;

use crate::IngestLoadArgs;
use crate::connection::{Connection, number};
use crate::events::Template;
use crate::report::{Latencies, Report};

/// What one connection saw.
#[derive(Default)]
struct IngestTally {
    accepted: u64,
    refused: u64,
    acknowledgements: Latencies,
    freshness: Latencies,
}

pub(crate) async fn run(args: &IngestLoadArgs) -> anyhow::Result<()> {
    let template = Template::read(&args.data)?;
    let next = Cell::new(args.first);
    let started = Instant::now();
    let senders = (0..args.load.connections).map(|_| send(args, &template, &next, started));
    let watcher = OptionFuture::from(args.freshness.then(|| watch(args, started)));
    let (sent, watched) =
        try_join(try_join_all(senders), async { watcher.await.transpose() }).await?;
    let mut seen = IngestTally::default();
    for part in sent.into_iter().chain(watched) {
        seen.accepted += part.accepted;
        seen.refused += part.refused;
        seen.acknowledgements.extend(part.acknowledgements);
        seen.freshness.extend(part.freshness);
    }
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

async fn send(
    args: &IngestLoadArgs,
    template: &Template,
    next: &Cell<u64>,
    started: Instant,
) -> anyhow::Result<IngestTally> {
    let mut connection = Connection::open(&args.load.server).await?;
    let path = format!("/v1/events?wait={}", args.wait);
    let until = started + Duration::from_secs(args.load.seconds);
    let (mut seen, mut body) = (IngestTally::default(), Vec::new());
    loop {
        let first = next.replace(next.get() + args.batch as u64);
        if first >= args.first.saturating_add(args.events) || Instant::now() >= until {
            return Ok(seen);
        }
        if args.rate > 0 {
            let due =
                started + Duration::from_secs_f64((first - args.first) as f64 / args.rate as f64);
            sleep(due.saturating_duration_since(Instant::now())).await;
        }
        template.write(&mut body, args.kind, args.seed, first, args.batch);
        loop {
            let sent = Instant::now();
            let reply = connection.post(&path, &body).await?;
            match reply.status {
                200 => {
                    seen.acknowledgements.push(sent.elapsed());
                    seen.accepted += number(reply.body, "\"accepted\":").unwrap_or(0);
                    break;
                }
                503 if Instant::now() < until => {
                    seen.refused += 1;
                    sleep(Duration::from_millis(20)).await;
                }
                503 => return Ok(seen),
                status => {
                    anyhow::bail!("HTTP {status}: {}", String::from_utf8_lossy(reply.body))
                }
            }
        }
    }
}

/// Sends an event of its own now and then, and queries until an answer includes it.
async fn watch(args: &IngestLoadArgs, started: Instant) -> anyhow::Result<IngestTally> {
    let mut connection = Connection::open(&args.load.server).await?;
    let until = started + Duration::from_secs(args.load.seconds);
    let mut seen = IngestTally::default();
    let mut count = 0;
    while Instant::now() < until {
        sleep(Duration::from_millis(50)).await;
        count += 1;
        let event = format!(
            "{{\"id\":\"fresh-{}-{count}\",\"event\":\"flight\",\"properties\":{{}}}}\n",
            args.seed
        );
        let reply = connection.post("/v1/events", event.as_bytes()).await?;
        let Some(position) = number(reply.body, "\"position\":{\"0\":") else { continue };
        let acknowledged = Instant::now();
        let query = format!("/v1/query?metric=flights&measures=departures&after=0:{position}");
        if connection.get(&query).await?.status == 200 {
            seen.freshness.push(acknowledged.elapsed());
        }
    }
    Ok(seen)
}
