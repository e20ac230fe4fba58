//! What every store keeps, as tests that each of them runs. See [`super`]'s text for the rules.

mod cases;
mod edge_cases;
mod fixture;
mod random;

pub(super) use cases::*;
pub(super) use edge_cases::*;
pub(super) use fixture::{Fixture, Row, journal, layout};
pub(super) use random::{random_changes, same_on_both};

/// Makes a test of each case. `$store` gives a store and whatever has to live as long.
macro_rules! contract {
    ($store:expr) => {
        $crate::store::contract::contract!(@ $store;
            nothing_is_there_before_it_is_begun,
            a_view_is_read_only_when_it_is_complete,
            only_what_follows_is_applied,
            a_repeated_change_is_known_by_what_is_stored,
            the_higher_fence_wins,
            a_rebuild_starts_empty_in_a_higher_space,
            reads_take_what_lies_in_their_range,
            retired_epochs_are_gone_and_the_others_stay,
            a_dropped_view_is_gone,
            views_do_not_touch_each_other,
            counters_are_stored_and_reads_name_what_was_left_out,
            changes_that_cannot_be_stored_change_nothing,
            odd_texts_come_back_as_they_were,
            the_greatest_states_come_back_as_they_were,
            many_groups_are_read_in_portions_up_to_the_bound,
            a_reader_beside_the_writer_counts_each_event_once,
            a_flush_is_seen_when_it_is_whole,
        );
    };
    (@ $store:expr; $($case:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let (store, _guard) = $store.await;
            $crate::store::contract::$case(store).await;
        }
    )+};
}
pub(super) use contract;
