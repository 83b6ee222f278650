//! The store against a real file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proto::job::limits::Priority;
use proto::stage::StageReport;
use proto::status::Status;

use super::*;
use crate::core::{Definition, Job, JobEvent, NewJob};

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("jobd-store-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("jobd.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn insert(id: i64, name: &str) -> Write {
    let job = serde_json::json!({ "command": "x", "environment": "azureml:e:1" });
    let definition = Definition {
        job: serde_json::from_value(job).unwrap(),
        base_path: "/".into(),
        experiment_name: "e".into(),
        created_by: "u".into(),
        notes: vec!["a note".into()],
        pinned: None,
    };
    let new = NewJob {
        name: name.into(),
        uid: 7,
        priority: Priority::High,
        prepares: false,
        finalizes: false,
        limit_secs: None,
        spool_key: Some(format!("key of {name}")),
        definition: Arc::new(definition),
    };
    Write::Insert(Job::new(id, &new, 5), new)
}

#[test]
fn what_is_committed_is_there_after_a_restart_and_for_readers() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file(), Missing::Make).unwrap();
    let writes = [
        insert(1, "first"),
        insert(2, "second"),
        Write::SetPaused(true),
    ];
    store.commit(&writes).unwrap();
    let reader = Reader::open(&folder.file()).unwrap();
    let row = reader.job(2).unwrap().unwrap();
    assert_eq!(
        (row.job.name.as_str(), row.definition.notes.len()),
        ("second", 1)
    );
    drop(store);

    let store = Store::open(&folder.file(), Missing::Make).unwrap();
    assert_eq!(store.next_id().unwrap(), 3);
    assert!(store.is_paused().unwrap());
    assert!(store.has_name("first").unwrap() && !store.has_name("third").unwrap());
    assert!(store.has_spool_key("key of first").unwrap());
    let live: Vec<_> = store
        .live()
        .unwrap()
        .into_iter()
        .map(|job| job.id)
        .collect();
    assert_eq!(live, [1, 2]);
}

#[test]
fn a_batch_is_all_or_nothing() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file(), Missing::Make).unwrap();
    store.commit(&[insert(1, "first")]).unwrap();
    let error = store
        .commit(&[insert(2, "second"), insert(3, "first")])
        .unwrap_err();
    assert!(!error.is_fatal(), "{error}");
    assert!(!store.has_name("second").unwrap());
    store.commit(&[insert(2, "second")]).unwrap();
}

#[test]
fn an_ended_job_is_not_live() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file(), Missing::Make).unwrap();
    let Write::Insert(mut job, new) = insert(1, "first") else {
        unreachable!()
    };
    store.commit(&[Write::Insert(job.clone(), new)]).unwrap();
    job.apply(6, JobEvent::CancelAsked(crate::core::event::Force::Grace))
        .unwrap();
    assert_eq!(job.status, Status::Canceled);
    store.commit(&[Write::Update(job.clone())]).unwrap();
    assert!(store.live().unwrap().is_empty());
    let stored = Reader::open(&folder.file())
        .unwrap()
        .job(1)
        .unwrap()
        .unwrap();
    assert_eq!(stored.job, job);
}

#[test]
fn who_has_begun_is_who_runs_or_was_prepared_and_has_not_ended() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file(), Missing::Make).unwrap();
    let report = || Box::new(StageReport::Prepared(Box::default()));
    let mut writes = Vec::new();
    let cases = [
        ("new", Status::NotStarted, false),
        ("to-prepare", Status::Starting, false),
        ("preparing", Status::Preparing, false),
        ("waiting", Status::Queued, false),
        ("ready", Status::Queued, true),
        ("running", Status::Running, false),
        ("stopping", Status::CancelRequested, true),
        ("ended", Status::Completed, true),
    ];
    for (id, (name, status, is_prepared)) in (1..).zip(cases) {
        let Write::Insert(mut job, new) = insert(id, name) else {
            unreachable!()
        };
        job.status = status;
        writes.push(Write::Insert(job, new));
        writes.extend(is_prepared.then(|| Write::Report(id, report())));
    }
    store.commit(&writes).unwrap();
    let reader = Reader::open(&folder.file()).unwrap();
    let begun = reader.begun(7, 100).unwrap();
    assert_eq!(begun, ["preparing", "ready", "running", "stopping"]);
    assert_eq!(reader.begun(7, 2).unwrap().len(), 2);
    assert!(reader.begun(8, 100).unwrap().is_empty(), "of another user");
}

#[test]
fn names_resolve_by_prefix_and_last() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file(), Missing::Make).unwrap();
    store
        .commit(&[insert(1, "alpha"), insert(2, "alphabet"), insert(3, "beta")])
        .unwrap();
    let reader = Reader::open(&folder.file()).unwrap();
    let resolve = |name: &str, uid| reader.resolve(name, uid).unwrap();
    assert_eq!(
        resolve("alpha", None),
        Resolution::Job(1),
        "an exact name wins over longer ones"
    );
    assert_eq!(resolve("alphab", None), Resolution::Job(2));
    assert_eq!(resolve("be", Some(7)), Resolution::Job(3));
    assert_eq!(
        resolve("be", Some(8)),
        Resolution::Nothing,
        "another user's job is not there"
    );
    assert_eq!(
        resolve("al", None),
        Resolution::Several(vec!["alpha".into(), "alphabet".into()])
    );
    assert_eq!(resolve("@last", None), Resolution::Job(3));
    assert_eq!(resolve("", None), Resolution::Nothing);
    assert_eq!(resolve("%", None), Resolution::Nothing);
}

#[test]
fn pages_are_newest_first_and_filtered() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file(), Missing::Make).unwrap();
    let names = ["a", "b", "c", "d"];
    let writes: Vec<_> = (1..)
        .zip(names)
        .map(|(id, name)| insert(id, name))
        .collect();
    store.commit(&writes).unwrap();
    store.commit(&[Write::SetArchived(3, true)]).unwrap();
    let reader = Reader::open(&folder.file()).unwrap();
    let ids = |page: &Page| -> Vec<i64> {
        reader
            .page(page)
            .unwrap()
            .into_iter()
            .map(|row| row.job.id)
            .collect()
    };
    let all = Page {
        uid: None,
        before: None,
        limit: 10,
        statuses: None,
        archived: None,
    };
    assert_eq!(ids(&all), [4, 3, 2, 1]);
    assert_eq!(
        ids(&Page {
            archived: Some(false),
            ..all.clone()
        }),
        [4, 2, 1]
    );
    assert_eq!(
        ids(&Page {
            archived: Some(true),
            ..all.clone()
        }),
        [3]
    );
    assert_eq!(
        ids(&Page {
            before: Some(4),
            limit: 2,
            ..all.clone()
        }),
        [3, 2]
    );
    let running = Page {
        statuses: Some(vec![Status::Running]),
        ..all.clone()
    };
    assert!(ids(&running).is_empty());
    assert_eq!(
        ids(&Page {
            statuses: Some(vec![Status::NotStarted]),
            ..all
        }),
        [4, 3, 2, 1]
    );
}

#[test]
fn a_newer_store_is_refused_untouched() {
    let folder = Folder::new();
    drop(Store::open(&folder.file(), Missing::Make).unwrap());
    let connection = rusqlite::Connection::open(folder.file()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = Store::open(&folder.file(), Missing::Make).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_store_is_refused() {
    let folder = Folder::new();
    std::fs::write(folder.file(), vec![b'x'; 8192]).unwrap();
    let error = Store::open(&folder.file(), Missing::Make).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("jobd recover"), "{error}");
    assert_eq!(std::fs::read(folder.file()).unwrap(), vec![b'x'; 8192]);
}

#[test]
fn a_store_that_must_be_there_is_not_made() {
    let folder = Folder::new();
    let lost = |error| matches!(error, StoreError::Lost { .. });
    assert!(lost(
        Store::open(&folder.file(), Missing::Refuse).unwrap_err()
    ));
    assert!(!folder.file().exists());
    std::fs::write(folder.file(), "").unwrap();
    assert!(lost(
        Store::open(&folder.file(), Missing::Refuse).unwrap_err()
    ));
    assert_eq!(std::fs::read(folder.file()).unwrap(), b"");
    drop(Store::open(&folder.file(), Missing::Make).unwrap());
    drop(Store::open(&folder.file(), Missing::Refuse).unwrap());
}

#[test]
fn a_row_that_cannot_be_read_does_not_hide_the_others() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file(), Missing::Make).unwrap();
    store
        .commit(&[insert(1, "first"), insert(2, "second"), insert(3, "third")])
        .unwrap();
    store.checkpoint().unwrap();
    drop(store);
    assert_eq!(faults(&folder.file()).unwrap(), Vec::<String>::new());
    let connection = rusqlite::Connection::open(folder.file()).unwrap();
    connection
        .execute_batch(
            "UPDATE jobs SET state = 'noise' WHERE id = 2;
             UPDATE definitions SET definition = 'noise' WHERE id = 3;",
        )
        .unwrap();
    drop(connection);
    let found = salvage(&folder.file());
    let ids: Vec<_> = found.jobs.keys().copied().collect();
    assert_eq!(ids, [1, 3]);
    assert_eq!(found.jobs[&1].spool_key.as_deref(), Some("key of first"));
    assert!(found.jobs[&1].definition.is_some() && found.jobs[&3].definition.is_none());
    std::fs::write(folder.file(), vec![b'x'; 8192]).unwrap();
    assert!(salvage(&folder.file()).jobs.is_empty());
}

/// The tables of the first release, as its jobs left them.
const FIRST_RELEASE: &str = r#"
CREATE TABLE jobs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uid INTEGER NOT NULL,
    status TEXT NOT NULL, live INTEGER NOT NULL, archived INTEGER NOT NULL DEFAULT 0,
    spool_key TEXT, state TEXT NOT NULL) STRICT;
CREATE INDEX jobs_live ON jobs (id) WHERE live = 1;
CREATE UNIQUE INDEX jobs_spool_key ON jobs (spool_key) WHERE spool_key IS NOT NULL;
CREATE TABLE definitions (id INTEGER PRIMARY KEY, definition TEXT NOT NULL) STRICT;
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO jobs VALUES (1, 'old', 7, 'Completed', 0, 1, NULL, '{"id":1,"name":"old","uid":7,
    "priority":"medium","prepares":false,"limit_secs":null,"status":"Completed",
    "history":[{"status":"NotStarted","at":5},{"status":"Completed","at":99}],
    "attempts":1,"active":null,"cancel":null,"end":null}');
INSERT INTO definitions VALUES (1, '{"job":{"command":"x","environment":"azureml:e:1"},
    "base_path":"/","experiment_name":"e","created_by":"u"}');
PRAGMA user_version = 1;
"#;

#[test]
fn a_store_of_the_first_release_becomes_one_of_this_after_a_copy() {
    let folder = Folder::new();
    let connection = rusqlite::Connection::open(folder.file()).unwrap();
    connection.execute_batch(FIRST_RELEASE).unwrap();
    drop(connection);
    let mut store = Store::open(&folder.file(), Missing::Refuse).unwrap();
    store
        .commit(&[insert(2, "new"), Write::Prune(vec![1, 2], 123)])
        .unwrap();
    let reader = Reader::open(&folder.file()).unwrap();
    let old = reader.job(1).unwrap().unwrap();
    assert_eq!((old.archived, old.pruned_at), (true, Some(123)));
    assert_eq!(reader.job(2).unwrap().unwrap().pruned_at, None, "it lives");
    drop((store, reader));
    assert!(
        Store::open(&folder.file(), Missing::Refuse).is_ok(),
        "once only"
    );
    let copy = rusqlite::Connection::open(folder.0.join("jobd.db.v1")).unwrap();
    let version: i64 = copy
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1);
}

#[test]
fn a_store_of_the_second_release_gets_the_registry_after_a_copy() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file(), Missing::Make).unwrap();
    store.commit(&[insert(1, "old")]).unwrap();
    store.close_whole().unwrap();
    let connection = rusqlite::Connection::open(folder.file()).unwrap();
    connection
        .execute_batch("DROP TABLE assets; DROP TABLE reports; PRAGMA user_version = 2;")
        .unwrap();
    drop(connection);
    drop(Store::open(&folder.file(), Missing::Refuse).unwrap());
    let reader = Reader::open(&folder.file()).unwrap();
    assert_eq!(reader.job(1).unwrap().unwrap().job.name, "old");
    assert_eq!(reader.asset("none", None).unwrap(), None);
    assert!(folder.0.join("jobd.db.v2").exists());
}

#[test]
fn kept_jobs_are_found_by_age_and_number_and_pruned_ones_are_not() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file(), Missing::Make).unwrap();
    for id in 1..=4 {
        let name = format!("job{id}");
        let Write::Insert(mut job, new) = insert(id, &name) else {
            unreachable!()
        };
        job.apply(1, JobEvent::Planned).unwrap();
        let force = crate::core::event::Force::Now;
        job.apply(10 * id, JobEvent::CancelAsked(force)).unwrap();
        store.commit(&[Write::Insert(job, new)]).unwrap();
    }
    let reader = Reader::open(&folder.file()).unwrap();
    let ids = |kept: Vec<Kept>| kept.iter().map(|kept| kept.id).collect::<Vec<_>>();
    assert_eq!(ids(reader.kept_until(20, 9).unwrap()), [1, 2]);
    assert_eq!(ids(reader.kept_beyond(1, 9).unwrap()), [3, 2, 1]);
    store.commit(&[Write::Prune(vec![1, 3], 99)]).unwrap();
    assert_eq!(ids(reader.kept_until(100, 9).unwrap()), [2, 4]);
    assert_eq!(ids(reader.unswept(0, 9).unwrap()), [1, 3]);
    store.commit(&[Write::Swept(vec![1])]).unwrap();
    assert_eq!(ids(reader.unswept(0, 9).unwrap()), [3]);
}
