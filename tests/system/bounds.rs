//! What happens at the bounds: nothing is lost, and the service recovers without help.

use std::time::Duration;

use crate::in_both_stores;
use crate::load::{tick, total, total_below};
use crate::server::{Place, Store};
use crate::wait::until;

/// A metric that is full leaves events out of the speed view. Runs are started for it until the
/// batch view has them all, also when one run is not enough.
fn a_full_metric_is_relieved_until_it_is_whole(store: Store) {
    const TICKS: u64 = 2_000;
    let place = Place::new(store);
    let server = place.start_with(&["--metric-max-groups", "60"]);
    let lines: Vec<String> = (0..TICKS).map(tick).collect();
    let mut sent = 0;
    for part in lines.chunks(50) {
        server.http.send(part);
        sent += part.len() as u64;
        if sent.is_multiple_of(500) {
            // Answers are whole or refused; never less.
            if let Some((got, through)) = total(&server.http) {
                assert_eq!(got, total_below(through));
            }
        }
    }
    let whole = || total(&server.http).filter(|(got, _)| *got == total_below(TICKS));
    until("the answer has every event", Duration::from_secs(60), whole);
    server.stop();
    place.check_log(&["reached its bound", "left out", "full"]);
}

in_both_stores!(a_full_metric_is_relieved_until_it_is_whole);
