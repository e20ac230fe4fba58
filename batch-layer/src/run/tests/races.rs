//! Definitions, schedules and runs at the same time, requests that are given up half-way, and what
//! failed runs leave.

use std::collections::BTreeSet;

use merganser_metric::dashboards::{DashboardCatalog, DashboardDraft, ExpectedVersion};

use super::*;
use crate::manifest::{ManifestChange, RunOutcome};

fn named(name: &str) -> MetricDefinition {
    MetricDefinition { dimensions: Vec::new(), ..definition(name) }
}

async fn settled(world: &World) {
    for run in world.runs.queue().list() {
        world.ended(&run.id).await;
    }
}

/// Everything is at work at once; what was accepted stays, and every metric has every event.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn definitions_schedules_and_runs_do_not_disturb_each_other() {
    let world = World::new().await;
    world.catalog.define(named("first")).await.unwrap();
    world.append(&events(0, 20));
    let define = async {
        for n in 0..12 {
            let name = format!("m{}", n % 5);
            let new = if n % 2 == 0 { named(&name) } else { hourly(&name) };
            world.catalog.define(new).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let append = async {
        for part in 0..60 {
            world.append(&events(20 + part * 3, 3));
            tokio::task::yield_now().await;
        }
    };
    let schedule = async {
        for hour in 0..20 {
            let incremental = format!("0 {hour} 1 1 *");
            let (full, timezone) = (String::new(), "UTC".to_owned());
            world.runs.set_schedule(Schedule { incremental, full, timezone }).await.unwrap();
        }
    };
    let run = async {
        for _ in 0..12 {
            let run = loop {
                match world.runs.queue().submit(RunMode::Incremental, RunTrigger::Api, None) {
                    Ok(run) => break run,
                    Err(busy) => drop(world.ended(&busy.id).await),
                }
            };
            let run = world.ended(&run.id).await;
            assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        }
    };
    let draw = async {
        for n in 0..40 {
            let name = format!("d{}", n % 7);
            let document = serde_json::json!({ "n": n });
            let draft = DashboardDraft { name, title: n.to_string(), charts: 0, document };
            world.catalog.write(draft, ExpectedVersion::Any).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(define, append, schedule, run, draw);
    settled(&world).await;
    let run = world.run(RunMode::Incremental).await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    assert_eq!(run.audit.unwrap().differences, 0);
    world.check().await;
    let names: BTreeSet<_> = world.metric_names().into_iter().collect();
    assert_eq!(names, ["first", "m0", "m1", "m2", "m3", "m4"].map(str::to_owned).into());

    // What was reported is what is stored.
    let (generation, schedule) = (world.catalog.current().generation, world.runs.schedule());
    let world = world.restart().await;
    assert_eq!(world.catalog.current().generation, generation);
    let titles = world.catalog.list().into_iter().map(|one| one.title);
    let newest = [35, 36, 37, 38, 39, 33, 34].map(|n: u32| n.to_string());
    assert_eq!(titles.collect::<Vec<_>>(), newest, "of each dashboard the last write");
    for n in 0..7 {
        assert!(world.catalog.read(&format!("d{n}")).await.is_ok());
    }
    assert_eq!(world.catalog.state().manifest.schedule, Some(schedule));
    world.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_whose_client_went_away_is_made_whole() {
    let world = World::new().await;
    world.append(&events(0, 200));
    for n in 0..40_u64 {
        let define = world.catalog.define(named(&format!("m{n}")));
        let patience = tokio::time::sleep(Duration::from_micros(n * 50));
        tokio::select! {
            defined = define => drop(defined.unwrap()),
            () = patience => {}
        }
        world.append(&events(200 + n as usize, 1));
        if n % 10 == 9 {
            world.run(RunMode::Incremental).await;
        }
    }
    // One more definition comes after all of those before.
    world.catalog.define(named("last")).await.unwrap();
    settled(&world).await;
    let snapshot = world.catalog.current();
    assert!(snapshot.metrics.iter().all(|metric| metric.stage == LifecycleStage::Active));
    world.check().await;
}

#[tokio::test]
async fn a_directory_without_its_manifest_is_refused_and_nothing_of_it_deleted() {
    let world = World::new().await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.append(&events(0, 50));
    world.run(RunMode::Incremental).await;
    world.runs.shutdown().await;
    let World { directory, journal, catalog, .. } = world;
    let path = directory.path();
    std::fs::rename(path.join("manifest"), path.join("elsewhere")).unwrap();
    let files = std::fs::read_dir(path.join("master")).unwrap().count();
    let opened = BatchCatalog::open(
        CatalogSettings::default(),
        catalog.storage().clone(),
        journal,
        ManualClock::at(Timestamp(0)) as Arc<dyn Clock>,
        RunQueue::default(),
    );
    let refusal = opened.await.err().unwrap().to_string();
    assert!(refusal.contains("`manifest`") && refusal.contains("back-up"), "{refusal}");
    assert_eq!(std::fs::read_dir(path.join("master")).unwrap().count(), files);
}

#[tokio::test]
async fn files_of_a_failed_run_are_collected() {
    let world = World::new().await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.append(&events(0, 50));
    world.run(RunMode::Incremental).await;
    let storage = world.catalog.storage();
    let work = storage.for_work();
    work.create("views/1/day/lost.parquet", vec![0]).await.unwrap();
    world.catalog.collect_garbage().await.unwrap();
    assert!(storage.read("views/1/day/lost.parquet").await.is_ok(), "it is being written");
    drop(work);
    world.catalog.collect_garbage().await.unwrap();
    assert!(storage.read("views/1/day/lost.parquet").await.is_err());
}

/// The net below the turns that define and seal take.
#[tokio::test]
async fn files_that_span_the_beginning_of_a_metric_are_not_published() {
    let world = World::new().await;
    world.catalog.define(definition("a")).await.unwrap();
    world.append(&events(0, 10));
    world.catalog.define(definition("b")).await.unwrap();
    settled(&world).await;
    world.append(&events(10, 10));
    world.run(RunMode::Incremental).await;
    let state = world.catalog.state();
    let boundary = |name: &str| {
        let entry = state.manifest.metrics.iter().find(|e| e.definition.name == name);
        entry.unwrap().boundary
    };
    let mut file = state.master[0].clone();
    let inside = boundary("b");
    (file.from.epoch.0, file.to.epoch.0) = (inside.epoch.0 - 1, inside.epoch.0 + 1);
    let outcome = RunOutcome { master_added: vec![file], ..RunOutcome::default() };
    let refused =
        world.catalog.publish(ManifestChange::Run(outcome)).await.unwrap_err().to_string();
    assert!(refused.contains("begins within a file"), "{refused}");
}
