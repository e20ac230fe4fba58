//! Asking the same queries over and over, as fast as they are answered or at a set rate.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::time::sleep;

use crate::QueryLoadArgs;
use crate::connection::Connection;
use crate::report::{Latencies, Report};

pub(crate) async fn run(args: &QueryLoadArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let (mut all, mut first) = (Latencies::default(), Latencies::default());
    let next = Cell::new(0);
    let clients = (0..args.load.connections).map(|place| ask(args, place, &next, started));
    for (latencies, once) in try_join_all(clients).await? {
        all.extend(latencies);
        first.extend(once);
    }
    let mut report = Report::new(started);
    report.count("queries", all.len() as u64);
    report.rate("queries_per_s", all.len() as u64);
    report.latencies("query", all);
    report.latencies("first", first);
    report.print();
    Ok(())
}

/// All latencies, and those of the first request of each path.
async fn ask(
    args: &QueryLoadArgs,
    place: usize,
    next: &Cell<usize>,
    started: Instant,
) -> anyhow::Result<(Latencies, Latencies)> {
    let mut connection = Connection::open(&args.load.server).await?;
    let until = started + Duration::from_secs(args.load.seconds);
    let (mut all, mut first) = (Latencies::default(), Latencies::default());
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
        anyhow::ensure!(reply.status == 200, "{path}: HTTP {}", reply.status);
        all.push(sent.elapsed());
        if turn < args.paths.len() {
            first.push(sent.elapsed());
        }
    }
    Ok((all, first))
}

/// The time, once this time has come.
async fn after(due: Instant) -> Instant {
    sleep(due.saturating_duration_since(Instant::now())).await;
    Instant::now()
}
