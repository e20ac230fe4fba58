//! Random lives, the oracle beside them.

use std::sync::Arc;

use merganser_core::ids::MetricId;
use merganser_core::journal::Journal;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::oracle::DEFINITIONS;
use super::parts::{Fault, FaultyStore};
use super::rig::{Defined, Rig, some};

#[derive(Clone, Debug)]
enum Step {
    Send(u64),
    Burst(Vec<u64>),
    Seal,
    /// Batch views cover what is sealed of some metrics.
    Publish(u8),
    Define(usize),
    Delete(u8),
    Restart,
    Fault(Fault),
    Check,
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        Just(Fault::LostBefore),
        Just(Fault::LostAfter),
        Just(Fault::Refused),
        Just(Fault::Emptied),
    ];
    prop_oneof![
        5 => (1_u64..60).prop_map(Step::Send),
        2 => vec(1_u64..20, 1..10).prop_map(Step::Burst),
        3 => Just(Step::Seal),
        2 => any::<u8>().prop_map(Step::Publish),
        1 => (0..DEFINITIONS.len()).prop_map(Step::Define),
        1 => any::<u8>().prop_map(Step::Delete),
        1 => Just(Step::Restart),
        4 => fault.prop_map(Step::Fault),
        2 => Just(Step::Check),
    ]
}

async fn live(steps: Vec<Step>) {
    let store = Arc::new(FaultyStore::default());
    let mut rig = Rig::start(Arc::clone(&store) as Arc<_>, &[0, 1, 2]).await;
    let mut ids = 3;
    for step in steps {
        let next = rig.events.len() as u64;
        match step {
            Step::Send(count) => {
                rig.send(&some(next, count)).await;
            }
            Step::Burst(counts) => {
                for count in counts {
                    rig.send(&some(rig.events.len() as u64, count)).await;
                }
            }
            Step::Seal => {
                rig.journal.seal().unwrap();
            }
            Step::Publish(which) => {
                let boundary = rig.journal.seal().unwrap();
                for (id, metric) in &mut rig.metrics {
                    if which & 1 << (id.0 % 8) == 0 {
                        metric.boundary = boundary;
                    }
                }
                rig.publish();
            }
            Step::Define(definition) => {
                ids += 1;
                let boundary = rig.journal.seal().unwrap();
                rig.metrics.insert(MetricId(ids), Defined { definition, boundary });
                rig.publish();
            }
            Step::Delete(which) => {
                let id = rig.metrics.keys().nth(usize::from(which) % 4).copied();
                id.map(|id| rig.metrics.remove(&id));
                rig.publish();
            }
            Step::Restart => rig.restart().await,
            Step::Fault(fault) => store.plan([fault]),
            Step::Check => rig.check().await,
        }
    }
    rig.check().await;
    rig.restart().await;
    rig.check().await;
    rig.stop().await;
}

#[test]
fn a_random_life_is_counted_right() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&vec(step(), 1..30), |steps| {
        runtime.block_on(live(steps));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
