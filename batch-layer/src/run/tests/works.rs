//! Runs whose parts others make, badly: some are lost, made twice, refused, held up, or said to be
//! made when they are not.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use merganser_api::run::RunDistribution;

use super::*;

/// Longer than any of these tests.
const ALONE_AFTER: Duration = Duration::from_secs(600);

/// Has parts made in this process, with the faults that its dice say.
#[derive(Default)]
struct BadCluster {
    maker: OnceLock<Arc<PartMaker>>,
    /// What is decided next, if anything is bad.
    dice: Mutex<Option<u64>>,
    jobs: Mutex<HashMap<String, PartJobState>>,
    /// Parts of jobs that are not begun with.
    held: Mutex<Vec<(String, Vec<usize>)>>,
    is_holding: AtomicBool,
    /// Whether the next job forgets a part, and goes on for ever.
    is_forgetful: AtomicBool,
    submitted: Mutex<Vec<usize>>,
}

impl BadCluster {
    /// One that begins with no part.
    fn holding() -> Self {
        Self { is_holding: true.into(), ..Self::default() }
    }

    fn roll(&self, below: u64) -> u64 {
        let mut dice = self.dice.lock().unwrap();
        let Some(seed) = dice.as_mut() else { return below };
        // Numbers of a linear congruential generator (Knuth's MMIX constants).
        *seed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % below
    }

    fn make(&self, work: &str, parts: &[usize]) {
        let Some(maker) = self.maker.get() else { return };
        for number in parts {
            let times = match self.roll(6) {
                0 => 0,
                1 => 2,
                _ => 1,
            };
            for _ in 0..times {
                let (maker, work, number) = (Arc::clone(maker), work.to_owned(), *number);
                let wait = Duration::from_millis(self.roll(30) % 30);
                tokio::spawn(async move {
                    tokio::time::sleep(wait).await;
                    maker.make(&work, number).await
                });
            }
        }
    }
}

#[async_trait]
impl PartCluster for BadCluster {
    async fn submit(&self, work: &str, parts: &[usize]) -> Result<String, PartClusterError> {
        if self.roll(5) == 0 {
            return Err(PartClusterError("it is away".to_owned()));
        }
        self.submitted.lock().unwrap().extend(parts);
        let job = format!("job-{}", self.jobs.lock().unwrap().len());
        let state = match self.roll(4) {
            0 => PartJobState::Ended(Some("an executor is gone".to_owned())),
            1 => PartJobState::Unknown,
            _ => PartJobState::Ended(None),
        };
        if self.is_holding.load(Ordering::Relaxed) {
            self.jobs.lock().unwrap().insert(job.clone(), PartJobState::Waiting);
            self.held.lock().unwrap().push((work.to_owned(), parts.to_vec()));
        } else if self.is_forgetful.swap(false, Ordering::Relaxed) {
            self.jobs.lock().unwrap().insert(job.clone(), PartJobState::Running);
            self.make(work, &parts[1..]);
        } else {
            self.jobs.lock().unwrap().insert(job.clone(), state);
            self.make(work, parts);
        }
        Ok(job)
    }

    async fn state(&self, job: &str) -> Result<PartJobState, PartClusterError> {
        match self.roll(5) {
            0 => Err(PartClusterError("it does not answer".to_owned())),
            _ => Ok(self.jobs.lock().unwrap().get(job).cloned().unwrap_or(PartJobState::Unknown)),
        }
    }

    async fn cancel(&self, job: &str) {
        self.jobs.lock().unwrap().remove(job);
    }
}

fn sharing(cluster: &Arc<BadCluster>, alone_after: Duration) -> Option<WorkSharingParts> {
    let settings = WorkSettings { min_events: 1, parts_a_job: 7, alone_after };
    let process = "leader".to_owned();
    Some(WorkSharingParts { cluster: Arc::clone(cluster) as _, process, settings })
}

/// A world and those who make its parts.
async fn open(
    directory: tempfile::TempDir,
    cluster: &Arc<BadCluster>,
    alone_after: Duration,
) -> World {
    let storage = Storage::local(directory.path()).unwrap();
    let world = World::open_with(directory, storage, sharing(cluster, alone_after)).await;
    let parts = PartMakerParts {
        catalog: Arc::clone(&world.catalog),
        views: Arc::clone(&world.views),
        speed: Arc::new(Refold(Arc::clone(&world.journal))),
        process: "executor".to_owned(),
        threads: 2,
    };
    cluster.maker.get_or_init(|| Arc::new(PartMaker::new(parts).unwrap()));
    world
}

/// Checksums of what is served, by grain and range: names of files say nothing.
fn checksums(world: &World) -> Vec<(MetricId, Grain, TimeRange, Option<u32>)> {
    let snapshot = world.catalog.current();
    let files = snapshot.metrics.iter().flat_map(|metric| {
        metric.files.iter().map(|file| (metric.id, file.grain, file.range, file.checksum))
    });
    let mut files: Vec<_> = files.collect();
    files.sort_by_key(|(id, grain, range, _)| (*id, grain.micros(), range.from));
    files
}

/// So many events that there are a dozen parts, which are cut between days.
const MANY: usize = 6_000;

fn in_order(count: usize) -> Vec<Event> {
    let mut events = events(0, count);
    events.sort_by_key(|event| event.time);
    events
}

fn distribution(run: &RunRecord) -> RunDistribution {
    let distribution = run.distribution.clone().expect("it was made by others");
    assert_eq!(distribution.made, distribution.parts, "{run:?}");
    let counted: u64 = distribution.executors.iter().map(|share| share.parts).sum();
    assert_eq!(counted, distribution.parts, "{run:?}");
    distribution
}

/// Begins a full run, up to where its parts are asked for and held: it, its work, and they.
async fn begin(world: &World, cluster: &BadCluster) -> (RunRecord, String, Vec<usize>) {
    let run = world.runs.queue().submit(RunMode::Full, RunTrigger::Api, None).unwrap();
    loop {
        if let Some((work, parts)) = cluster.held.lock().unwrap().pop() {
            return (run, work, parts);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Objects of works that are there.
async fn work_objects(world: &World) -> usize {
    world.catalog.storage().list("work").await.unwrap().len()
}

#[tokio::test]
async fn what_others_make_is_to_the_bit_what_is_made_here() {
    let here = World::new().await;
    let cluster = Arc::new(BadCluster::default());
    let others = open(tempfile::tempdir().unwrap(), &cluster, ALONE_AFTER).await;
    for world in [&here, &others] {
        world.catalog.define(definition("sales")).await.unwrap();
        for some in in_order(MANY).chunks(MANY / 3) {
            world.append(some);
            world.run(RunMode::Incremental).await;
        }
        let run = world.run(RunMode::Full).await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        assert_eq!(run.audit.unwrap().differences, 0, "{run:?}");
        assert!(run.audit.unwrap().compared > 0, "{run:?}");
        let defined = world.catalog.define(hourly("by_hour")).await.unwrap();
        let DefineOutcome::Accepted { run: backfill } = defined else { panic!("it has events") };
        let backfill = world.ended(&backfill).await;
        assert_eq!(backfill.state, RunState::Succeeded, "{backfill:?}");
        if std::ptr::eq(world, &others) {
            for run in [&run, &backfill] {
                let [share] = &*distribution(run).executors else { panic!("{run:?}") };
                assert_eq!(share.process, "executor");
            }
        }
        world.check().await;
    }
    assert_eq!(checksums(&here), checksums(&others));
}

/// It waits once for others, not for each part.
#[tokio::test]
async fn the_leader_makes_what_nobody_makes() {
    let cluster = Arc::new(BadCluster::holding());
    let alone_after = Duration::from_secs(4);
    let world = open(tempfile::tempdir().unwrap(), &cluster, alone_after).await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.append(&in_order(MANY));
    let began = Instant::now();
    let run = world.run(RunMode::Full).await;
    let took = began.elapsed();
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    let made = distribution(&run);
    assert!(made.parts > 8, "{made:?}");
    let [share] = &*made.executors else { panic!("{run:?}") };
    assert_eq!(share.process, "leader");
    assert!(alone_after <= took && took < alone_after * 6, "{} parts took {took:?}", made.parts);
    world.check().await;
}

#[tokio::test]
async fn a_part_that_a_running_job_has_forgotten_is_asked_for_again() {
    let cluster = Arc::new(BadCluster { is_forgetful: true.into(), ..BadCluster::default() });
    let world = open(tempfile::tempdir().unwrap(), &cluster, Duration::from_secs(4)).await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.append(&in_order(MANY));
    let run = world.run(RunMode::Full).await;
    assert_eq!((run.state, run.attempt), (RunState::Succeeded, 1), "{run:?}");
    let [share] = &*distribution(&run).executors else { panic!("{run:?}") };
    assert_eq!(share.process, "executor");
    let submitted = cluster.submitted.lock().unwrap().clone();
    assert_eq!(submitted.iter().filter(|part| **part == 0).count(), 2, "{submitted:?}");
    world.check().await;
}

#[tokio::test]
async fn a_leader_that_comes_after_goes_on_with_the_parts_that_are_there() {
    let cluster = Arc::new(BadCluster::holding());
    let world = open(tempfile::tempdir().unwrap(), &cluster, ALONE_AFTER).await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.append(&in_order(MANY));
    let (run, work, parts) = begin(&world, &cluster).await;
    assert!(parts.len() > 1, "{parts:?}");
    let maker = Arc::clone(cluster.maker.get().unwrap());
    assert_eq!(maker.make(&work, parts[0]).await, Ok(PartVerdict::Counts));
    assert_eq!(maker.make(&work, parts[0]).await, Ok(PartVerdict::AlreadyMade));
    assert_eq!(maker.make("nothing", 0).await, Ok(PartVerdict::Over));
    drop(maker);
    // The leader goes in the middle of it; more events come before there is another one.
    let directory = world.stop().await;
    let next = Arc::new(BadCluster::default());
    let world = open(directory, &next, ALONE_AFTER).await;
    let ended = world.ended(&run.id).await;
    assert_eq!(ended.state, RunState::Succeeded, "{ended:?}");
    assert_eq!(distribution(&ended).work, work, "the same work");
    assert!(!next.submitted.lock().unwrap().contains(&parts[0]), "what is there is not asked for");
    world.append(&events(MANY, 50));
    assert_eq!(world.run(RunMode::Incremental).await.state, RunState::Succeeded);
    world.check().await;
    world.runs.shutdown().await;
    world.catalog.collect_garbage().await.unwrap();
    assert_eq!(work_objects(&world).await, 0);
}

#[tokio::test]
async fn a_cancelled_run_leaves_nothing_to_be_made() {
    let cluster = Arc::new(BadCluster::holding());
    let world = open(tempfile::tempdir().unwrap(), &cluster, ALONE_AFTER).await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.append(&events(0, 300));
    let (run, work, parts) = begin(&world, &cluster).await;
    world.runs.queue().cancel(&run.id, world.runs.now()).unwrap();
    assert_eq!(world.ended(&run.id).await.state, RunState::Cancelled);
    let maker = cluster.maker.get().unwrap();
    assert_eq!(maker.make(&work, parts[0]).await, Ok(PartVerdict::Over));
    assert_eq!(work_objects(&world).await, 0);
    assert!(cluster.jobs.lock().unwrap().is_empty(), "the job is cancelled");
    cluster.is_holding.store(false, Ordering::Relaxed);
    assert_eq!(world.run(RunMode::Full).await.state, RunState::Succeeded);
    world.check().await;
}

#[tokio::test]
async fn of_two_attempts_the_first_one_counts_and_the_other_leaves_nothing() {
    let cluster = Arc::new(BadCluster::holding());
    let world = open(tempfile::tempdir().unwrap(), &cluster, ALONE_AFTER).await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.append(&events(0, 300));
    let (run, work, parts) = begin(&world, &cluster).await;
    let maker = cluster.maker.get().unwrap();
    for number in parts {
        let all = futures::future::join_all((0..4).map(|_| maker.make(&work, number))).await;
        let counts = all.iter().filter(|made| **made == Ok(PartVerdict::Counts)).count();
        let others = all.iter().filter(|made| **made == Ok(PartVerdict::AlreadyMade)).count();
        assert_eq!((counts, others), (1, 3), "{all:?}");
    }
    let run = world.ended(&run.id).await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    let named = world.catalog.current().metrics[0].files.len();
    assert_eq!(world.catalog.storage().list("views").await.unwrap().len(), named);
    world.check().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    /// Whatever those do who have the parts made, each part counts once.
    #[test]
    fn parts_that_are_lost_repeated_and_held_up_count_once(seed in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let cluster = Arc::new(BadCluster::default());
            *cluster.dice.lock().unwrap() = Some(seed);
            let alone_after = Duration::from_secs(1);
            let world = open(tempfile::tempdir().unwrap(), &cluster, alone_after).await;
            world.catalog.define(definition("sales")).await.unwrap();
            world.append(&in_order(MANY));
            let run = world.run(RunMode::Full).await;
            assert_eq!(run.state, RunState::Succeeded, "{run:?}");
            assert_eq!(run.events, MANY as u64);
            assert_eq!(run.audit.unwrap().differences, 0, "{run:?}");
            distribution(&run);
            let DefineOutcome::Accepted { run } =
                world.catalog.define(hourly("by_hour")).await.unwrap()
            else {
                panic!("it has events")
            };
            let run = world.ended(&run).await;
            assert_eq!(run.state, RunState::Succeeded, "{run:?}");
            distribution(&run);
            world.check().await;
        });
    }
}
