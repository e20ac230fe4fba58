//! Asking the same queries over and over, as fast as they are answered or at a set rate.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::time::sleep;

use crate::QueryLoadArgs;
use crate::connection::Connection;
use crate::report::{Latencies, Report};

/// What one connection saw.
#[derive(Default)]
struct QueryTally {
    all: Latencies,
    /// Of the first request of each path.
    first: Latencies,
    refused: u64,
}

pub(crate) async fn run(args: &QueryLoadArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let next = Cell::new(0);
    let clients = (0..args.load.connections).map(|place| ask(args, place, &next, started));
    let mut seen = QueryTally::default();
    for part in try_join_all(clients).await? {
        seen.all.extend(part.all);
        seen.first.extend(part.first);
        seen.refused += part.refused;
    }
    let mut report = Report::new(started);
    report.count("queries", seen.all.len() as u64);
    report.count("refused_queries", seen.refused);
    report.rate("queries_per_s", seen.all.len() as u64);
    report.latencies("query", seen.all);
    report.latencies("first", seen.first);
    report.print();
    Ok(())
}

async fn ask(
    args: &QueryLoadArgs,
    place: usize,
    next: &Cell<usize>,
    started: Instant,
) -> anyhow::Result<QueryTally> {
    let mut connection = Connection::open(&args.load.server).await?;
    let until = started + Duration::from_secs(args.load.seconds);
    let mut seen = QueryTally::default();
    for turn in 0.. {
        let (mut place, mut sent) = (turn + place, Instant::now());
        if args.rate > 0 {
            // The connections share the turns, so that the paths have the same rate.
            place = next.replace(next.get() + 1);
            let due = started + Duration::from_secs_f64(place as f64 / args.rate as f64);
            // A turn that no connection was free for has waited since it was due.
            sent = if due > sent { after(due.min(until)).await } else { due };
        }
        if sent >= until {
            break;
        }
        let path = &args.paths[place % args.paths.len()];
        let reply = connection.get(path).await?;
        // Asking at a rate goes on through a time of too much work, which is counted.
        if args.rate > 0 && reply.status == 503 {
            seen.refused += 1;
            continue;
        }
        anyhow::ensure!(reply.status == 200, "{path}: HTTP {}", reply.status);
        seen.all.push(sent.elapsed());
        if turn < args.paths.len() {
            seen.first.push(sent.elapsed());
        }
    }
    Ok(seen)
}

/// The time, once this time has come.
async fn after(due: Instant) -> Instant {
    sleep(due.saturating_duration_since(Instant::now())).await;
    Instant::now()
}
