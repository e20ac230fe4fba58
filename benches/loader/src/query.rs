//! Asking the same queries over and over.

use std::time::{Duration, Instant};

use futures::future::try_join_all;

use crate::QueryLoadArgs;
use crate::connection::Connection;
use crate::report::{Latencies, Report};

pub(crate) async fn run(args: &QueryLoadArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let (mut all, mut first) = (Latencies::default(), Latencies::default());
    let clients = (0..args.load.connections).map(|place| ask(args, place, started));
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
    started: Instant,
) -> anyhow::Result<(Latencies, Latencies)> {
    let mut connection = Connection::open(&args.load.server).await?;
    let until = started + Duration::from_secs(args.load.seconds);
    let (mut all, mut first) = (Latencies::default(), Latencies::default());
    for turn in 0.. {
        let path = &args.paths[(turn + place) % args.paths.len()];
        let sent = Instant::now();
        if sent >= until {
            break;
        }
        let reply = connection.get(path).await?;
        anyhow::ensure!(reply.status == 200, "{path}: HTTP {}", reply.status);
        all.push(sent.elapsed());
        if turn < args.paths.len() {
            first.push(sent.elapsed());
        }
    }
    Ok((all, first))
}
