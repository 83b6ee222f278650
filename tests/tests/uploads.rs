//! Uploads to a store that does what a test tells it: what was sent is there, or it is told what
//! is not.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jobd_tests::harness::{DEADLINE, wait_until};
use jobd_tests::stage::{Ran, Reply, Request, Stage, Web, datastore, output};
use serde_json::json;

/// More than a part of an upload.
const LARGE: usize = 9 << 20;

/// As much of S3 as an upload needs. What it refuses it takes once it is well.
struct Bucket {
    is_well: AtomicBool,
    may_be_listed: bool,
    objects: Mutex<BTreeMap<String, usize>>,
}

impl Bucket {
    fn answer(&self, request: &Request) -> Reply {
        let reply = |status, body: String| Reply {
            status,
            headers: vec![("ETag".into(), "\"1\"".into())],
            body: body.into(),
            ..Reply::default()
        };
        let key = request.path.trim_start_matches("/b/").to_owned();
        let is_well = self.is_well.load(Ordering::SeqCst);
        match request.method.as_str() {
            "PUT" if key.ends_with("flaky") && request.number < 2 => reply(503, String::new()),
            "PUT" if key.ends_with("z") && !is_well => reply(403, String::new()),
            "PUT" => {
                self.objects.lock().unwrap().insert(key, request.body.len());
                reply(200, String::new())
            }
            "HEAD" => match self.size(&key) {
                Some(size) => Reply {
                    headers: of_object(size),
                    ..reply(200, String::new())
                },
                None => reply(404, String::new()),
            },
            _ if self.may_be_listed => reply(200, self.list()),
            _ => reply(403, String::new()),
        }
    }

    fn size(&self, key: &str) -> Option<usize> {
        let is_lost = key.ends_with("lost") && !self.is_well.load(Ordering::SeqCst);
        let size = self.objects.lock().unwrap().get(key).copied();
        size.map(|size| if is_lost { 0 } else { size })
    }

    fn list(&self) -> String {
        let keys: Vec<_> = self.objects.lock().unwrap().keys().cloned().collect();
        let all = keys.iter().map(|key| {
            let size = self.size(key).unwrap();
            format!(
                "<Contents><Key>{key}</Key><Size>{size}</Size>\
                 <LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            )
        });
        let all: String = all.collect();
        format!("<ListBucketResult><IsTruncated>false</IsTruncated>{all}</ListBucketResult>")
    }
}

/// What S3 says of an object.
fn of_object(size: usize) -> Vec<(String, String)> {
    [
        ("ETag", "\"1\"".to_owned()),
        ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT".into()),
        ("Content-Length", size.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A bucket, the server that has it, and a stage that knows it as the datastore `b`.
fn with_bucket(may_be_listed: bool) -> (Arc<Bucket>, Web, Stage) {
    let bucket = Arc::new(Bucket {
        is_well: AtomicBool::new(false),
        may_be_listed,
        objects: Mutex::default(),
    });
    let answering = bucket.clone();
    let web = Web::start(move |request| answering.answer(request));
    let mut stage = Stage::new();
    let store = datastore(json!({ "type": "s3", "bucket": "b", "endpoint": web.url("") }));
    stage.settings.datastores.insert("b".into(), store);
    (bucket, web, stage)
}

#[test]
fn what_was_sent_is_looked_at_whatever_else_is_in_the_folder() {
    for (files, may_be_listed) in [(2, true), (101, true), (101, false)] {
        let (bucket, web, stage) = with_bucket(may_be_listed);
        for number in 0..300 {
            let others = format!("out/0{number}");
            bucket.objects.lock().unwrap().insert(others, 1);
        }
        for number in 2..files {
            stage.write_job(&format!("out/{number}"), "1234");
        }
        stage.write_job("out/a", "1234");
        stage.write_job("out/lost", "1234");
        let goal = "azureml://datastores/b/paths/out";
        let outputs = [("out", output("uri_folder", goal, "out"))];
        let reason = stage.finalize(&outputs).failed().reason;
        assert!(reason.contains("/out/lost: 0 bytes came of 4"), "{reason}");
        bucket.is_well.store(true, Ordering::SeqCst);
        let report = stage.finalize(&outputs).finalized().outputs["out"].clone();
        assert_eq!(report.files, files);
        let lists = |request: &Request| request.method == "GET";
        assert_eq!(web.requests().iter().any(lists), files > 100);
    }
}

#[test]
fn an_upload_that_fails_tells_how_far_it_came_and_is_completed_later() {
    for (odd, part) in [
        (
            "z",
            "of 3 files are at azureml://datastores/b/paths/out, the rest is not",
        ),
        ("lost", "/out/lost: 0 bytes came of 4"),
    ] {
        let (bucket, _web, stage) = with_bucket(false);
        let outputs = [(
            "out",
            output("uri_folder", "azureml://datastores/b/paths/out", "out"),
        )];
        for name in ["a", "flaky", odd] {
            stage.write_job(&format!("out/{name}"), "1234");
        }
        let reason = stage.finalize(&outputs).failed().reason;
        assert!(reason.contains(part), "{reason}");
        assert!(stage.job("out/a").exists(), "nothing is deleted");

        bucket.is_well.store(true, Ordering::SeqCst);
        let report = stage.finalize(&outputs).finalized().outputs["out"].clone();
        assert_eq!((report.files, report.bytes), (3, 12));
        let there: Vec<_> = bucket.objects.lock().unwrap().keys().cloned().collect();
        assert_eq!(there, ["out/a", "out/flaky", &format!("out/{odd}")]);
    }
}

/// What S3 answers to an upload in parts that goes well.
fn take_parts(request: &Request) -> Reply {
    let body = match request.method.as_str() {
        "POST" if request.path.contains("uploads") => {
            "<InitiateMultipartUploadResult><UploadId>one</UploadId>\
             </InitiateMultipartUploadResult>"
                .to_owned()
        }
        "POST" => {
            "<CompleteMultipartUploadResult><ETag>1</ETag></CompleteMultipartUploadResult>".into()
        }
        _ => String::new(),
    };
    let headers = match request.method.as_str() {
        "HEAD" => of_object(LARGE),
        _ => vec![("ETag".into(), "\"1\"".into())],
    };
    Reply {
        status: 200,
        headers,
        body: body.into(),
        ..Reply::default()
    }
}

/// Uploads a large file to that server.
fn upload_large(web: &Web, bytes: usize, stall_secs: u64) -> Ran {
    let mut stage = Stage::new();
    stage.settings.stall_secs = Some(stall_secs);
    let store = datastore(json!({ "type": "s3", "bucket": "b", "endpoint": web.url("") }));
    stage.settings.datastores.insert("b".into(), store);
    stage.write_job("out/large", vec![7; bytes]);
    let goal = "azureml://datastores/b/paths/out";
    stage.finalize(&[("out", output("uri_folder", goal, "out"))])
}

#[test]
fn a_slow_way_to_a_store_is_no_stall() {
    const STALL_SECS: u64 = 1;
    let web = Web::start(|request| {
        if request.path.contains("partNumber=1&") {
            let begun = Instant::now();
            wait_until("the part to be on its way for long", DEADLINE, || {
                begun.elapsed() >= 2 * Duration::from_secs(STALL_SECS)
            });
        }
        take_parts(request)
    });
    let report = upload_large(&web, LARGE, STALL_SECS).finalized().outputs["out"].clone();
    assert_eq!(report.bytes, LARGE as u64);
}

#[test]
fn the_parts_of_an_upload_that_fails_do_not_stay_in_the_store() {
    let web = Web::start(|request| match request.path.contains("partNumber=1&") {
        true => Reply {
            status: 403,
            ..Reply::default()
        },
        false => take_parts(request),
    });
    let reason = upload_large(&web, 5 * LARGE, 60).failed().reason;
    assert!(reason.contains("0 of 1 files"), "{reason}");
    let gives_up = |request: &Request| {
        request.method == "DELETE" && request.path.ends_with("/out/large?uploadId=one")
    };
    assert!(web.requests().iter().any(gives_up));
}
