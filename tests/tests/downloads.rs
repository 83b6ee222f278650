//! Downloads from a web server that misbehaves: each fault ends in the right bytes or in one
//! readable cause, and ten jobs fetch once.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jobd_tests::harness::{DEADLINE, process, wait_until};
use jobd_tests::stage::{
    Reply, Request, Stage, Web, assert_whole, bytes, input, prepare, reply_with_file,
};
use nix::sys::signal::Signal;

fn status(status: u16) -> Reply {
    Reply {
        status,
        ..Reply::default()
    }
}

#[test]
fn ten_jobs_that_need_a_file_fetch_it_once() {
    for has_etag in [true, false] {
        let content = bytes(400_000);
        let sent = content.clone();
        let web = Web::start(move |request| {
            let mut reply = reply_with_file(request, &sent, "\"one\"");
            if !has_etag {
                reply.headers.retain(|(name, _)| name != "ETag");
            }
            reply
        });
        let stages: Vec<_> = (0..10).map(|_| Stage::new()).collect();
        let shared = &stages[0];
        let work =
            || jobd_tests::stage::prepare(&[("data", input("uri_file", &web.url("/x"), ""))]);
        let children: Vec<_> = stages
            .iter()
            .map(|stage| {
                (
                    stage,
                    stage.start_with_cache(work(), "ten", &shared.cache()),
                )
            })
            .collect();
        for (stage, child) in children {
            let report = stage.end(child, "ten").prepared().inputs["data"].clone();
            assert_whole(&report, &content);
        }
        let full = |request: &&Request| request.header("if-none-match").is_none();
        if has_etag {
            assert_eq!(web.requests().iter().filter(full).count(), 1);
        }
        assert_eq!(shared.cached_bytes(), content.len() as u64);
    }
}

#[test]
fn those_who_wait_for_a_fetch_that_fails_do_not_each_try_as_long() {
    const JOBS: usize = 4;
    let may_fail = Arc::new(AtomicBool::new(false));
    let gate = may_fail.clone();
    let web = Web::start(move |_| {
        wait_until("all to wait", DEADLINE, || gate.load(Ordering::SeqCst));
        status(503)
    });
    let stages: Vec<_> = (0..JOBS).map(|_| Stage::new()).collect();
    let cache = stages[0].cache();
    let url = web.url("/x");
    let children: Vec<_> = stages
        .iter()
        .map(|stage| {
            let work = prepare(&[("data", input("uri_file", &url, ""))]);
            stage.start_with_cache(work, "prepare", &cache)
        })
        .collect();
    let waits = |stage: &&Stage| {
        stage
            .says("prepare")
            .contains("which another job downloads")
    };
    wait_until("all but one to wait", DEADLINE, || {
        stages.iter().filter(waits).count() == JOBS - 1
    });
    may_fail.store(true, Ordering::SeqCst);
    for (stage, child) in stages.iter().zip(children) {
        let reason = stage.end(child, "prepare").failed().reason;
        assert!(reason.contains("the server answered 503"), "{reason}");
    }
    assert!(web.requests().len() < 2 * 5, "the tries of one");
    let left = fs::read_dir(cache.join("data/partial")).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn a_fetch_that_is_cut_goes_on_where_it_was() {
    let content = bytes(1_000_000);
    let sent = content.clone();
    let web = Web::start(move |request| {
        let reply = reply_with_file(request, &sent, "\"one\"");
        Reply {
            cut_after: (request.number < 4).then_some(150_000),
            ..reply
        }
    });
    let stage = Stage::new();
    assert_whole(
        &stage.input(input("uri_file", &web.url("/x"), "")),
        &content,
    );
    let requests = web.requests();
    assert_eq!(requests.len(), 5);
    assert_eq!(
        requests[1].header("range").as_deref(),
        Some("bytes=150000-")
    );
    assert_eq!(
        requests[4].header("range").as_deref(),
        Some("bytes=600000-")
    );
    assert_eq!(requests[4].header("if-range").as_deref(), Some("\"one\""));
}

#[test]
fn a_file_that_changes_while_it_is_fetched_is_one_or_the_other() {
    let (old, new) = (vec![7; 200_000], bytes(250_000));
    let sent = new.clone();
    let web = Web::start(move |request| match request.number {
        0 => Reply {
            cut_after: Some(100_000),
            ..reply_with_file(request, &old, "\"old\"")
        },
        // A server that knows ranges and not If-Range.
        1 => {
            let mut request = request.clone();
            request.headers.remove("if-range");
            reply_with_file(&request, &sent, "\"new\"")
        }
        _ => reply_with_file(request, &sent, "\"new\""),
    });
    let stage = Stage::new();
    assert_whole(&stage.input(input("uri_file", &web.url("/x"), "")), &new);
}

#[test]
fn a_part_is_of_the_version_that_was_begun_also_where_only_a_time_tells_it() {
    let (old, new) = (vec![7; 200_000], bytes(250_000));
    let sent = new.clone();
    let web = Web::start(move |request| {
        let (content, time) = match request.number {
            0 => (&old, "Mon, 05 Jan 2026 10:00:00 GMT"),
            _ => (&sent, "Tue, 06 Jan 2026 10:00:00 GMT"),
        };
        // A server that knows ranges, and neither ETag nor If-Range.
        let mut request = request.clone();
        request.headers.remove("if-range");
        let reply = reply_with_file(&request, content, "");
        Reply {
            headers: [
                reply.headers[1..].to_vec(),
                vec![("Last-Modified".into(), time.into())],
            ]
            .concat(),
            cut_after: (request.number == 0).then_some(100_000),
            ..reply
        }
    });
    let stage = Stage::new();
    assert_whole(&stage.input(input("uri_file", &web.url("/x"), "")), &new);
}

#[test]
fn an_md5_of_the_part_that_was_sent_is_not_taken_for_that_of_the_whole() {
    let content = bytes(300_000);
    let sent = content.clone();
    let web = Web::start(move |request| {
        let mut reply = reply_with_file(request, &sent, "\"one\"");
        match reply.status {
            206 => {
                let of_another = "1B2M2Y8AsgTpgAmY7PhCfg==".to_owned();
                reply.headers.push(("Content-MD5".into(), of_another));
            }
            // The whole never comes at once.
            _ => reply.cut_after = Some(100_000),
        }
        reply
    });
    let stage = Stage::new();
    let report = stage.input(input("uri_file", &web.url("/x"), ""));
    assert_whole(&report, &content);
    assert_eq!(web.requests().len(), 4, "two fetches in two parts each");
}

#[test]
fn a_part_that_nobody_asked_for_is_not_the_whole() {
    let content = bytes(1_000);
    let sent = content.clone();
    let web = Web::start(move |request| {
        let reply = reply_with_file(request, &sent, "\"one\"");
        match request.header("range") {
            Some(_) => reply,
            None => Reply {
                status: 206,
                headers: [
                    reply.headers,
                    vec![("Content-Range".into(), "bytes 0-99/1000".into())],
                ]
                .concat(),
                body: sent[..100].to_vec(),
                ..Reply::default()
            },
        }
    });
    let stage = Stage::new();
    assert_whole(
        &stage.input(input("uri_file", &web.url("/x"), "")),
        &content,
    );
}

#[test]
fn a_stage_that_is_killed_leaves_its_part_to_the_next() {
    let content = bytes(500_000);
    let sent = content.clone();
    let web = Web::start(move |request| Reply {
        stall_after: (request.number == 0).then_some(200_000),
        ..reply_with_file(request, &sent, "\"one\"")
    });
    let stage = Stage::new();
    let order = input("uri_file", &web.url("/x"), "");
    let work = jobd_tests::stage::prepare(&[("data", order.clone())]);
    let mut child = stage.start(work, "killed");
    let partial = stage.cache().join("data/partial");
    wait_until("a part is there", DEADLINE, || {
        partial.is_dir() && stage.cached_bytes() >= 200_000
    });
    process::signal(i32::try_from(child.id()).unwrap(), Signal::SIGKILL);
    child.wait().unwrap();
    assert_whole(&stage.input(order), &content);
    let last = web.requests().pop().unwrap();
    assert!(last.header("range").is_some(), "from the start again");
    assert_eq!(fs::read_dir(partial).unwrap().count(), 0, "no part is left");
}

#[test]
fn errors_that_pass_are_waited_out() {
    let content = bytes(1_000);
    let sent = content.clone();
    let web = Web::start(move |request| match request.number {
        0 => status(500),
        1 => status(503),
        2 => status(429),
        _ => reply_with_file(request, &sent, "\"one\""),
    });
    let stage = Stage::new();
    assert_whole(
        &stage.input(input("uri_file", &web.url("/x"), "")),
        &content,
    );
    assert_eq!(web.requests().len(), 4);
}

#[test]
fn faults_at_random_bring_the_right_bytes_all_the_same() {
    let content = bytes(200_000);
    let random = bytes(1 << 16);
    let sent = content.clone();
    let web = Web::start(move |request| {
        let of_path = request.path.bytes().map(usize::from).sum::<usize>() * 977;
        let draw = |number: usize| {
            usize::from(random[(of_path + request.number * 7 + number) % random.len()])
        };
        let etag = format!("\"{}\"", draw(0) / 200);
        let mut request = request.clone();
        if draw(1) % 8 == 0 {
            // It does not know conditions.
            request.headers.remove("if-range");
        }
        let mut reply = reply_with_file(&request, &sent, &etag);
        match draw(2) % 8 {
            _ if request.number > 20 => {}
            0 | 1 => reply.cut_after = Some(reply.body.len() * draw(3) / 256),
            2 => return status(503),
            3 => reply.headers.retain(|(name, _)| name != "ETag"),
            4 => {
                let wrong = (
                    "Content-MD5".to_owned(),
                    "1B2M2Y8AsgTpgAmY7PhCfg==".to_owned(),
                );
                reply.headers.push(wrong);
            }
            _ => {}
        }
        reply
    });
    let stage = Stage::new();
    let names: Vec<_> = (0..12).map(|number| format!("x{number}")).collect();
    let order = |name: &String| input("uri_file", &web.url(&format!("/{name}")), "");
    let inputs: Vec<_> = names.iter().map(|name| (&**name, order(name))).collect();
    let ran = stage.inputs(&inputs);
    for report in ran.prepared().inputs.values() {
        assert_whole(report, &content);
    }
    assert!(web.requests().len() > names.len() * 3 / 2, "hardly a fault");
}

#[test]
fn errors_that_stay_are_one_readable_cause() {
    let loops = |request: &Request| {
        let to = ("Location".to_owned(), request.path.clone());
        Reply {
            status: 302,
            headers: vec![to],
            ..Reply::default()
        }
    };
    let web = Web::start(
        move |request| match request.path.split('?').next().unwrap() {
            "/missing" => status(404),
            "/secret" => status(403),
            "/broken" => status(500),
            "/loop" => loops(request),
            "/odd" => status(418),
            "/short" => Reply {
                headers: vec![("Content-Length".into(), "100".into())],
                cut_after: Some(0),
                ..status(200)
            },
            "/md5" => Reply {
                headers: vec![("Content-MD5".into(), "1B2M2Y8AsgTpgAmY7PhCfg==".into())],
                body: b"not nothing".to_vec(),
                ..status(200)
            },
            _ => status(400),
        },
    );
    let stage = Stage::new();
    for (path, part, requests) in [
        ("/missing", "(404)", 1),
        ("/secret", "wants credentials (403)", 1),
        ("/secret?sig=hush", "refused the credentials (403)", 1),
        ("/broken", "the server answered 500", 5),
        ("/loop", "more than 10 redirects", 11),
        ("/odd", "the server answered 418", 1),
        ("/short", "/short: ", 5),
        ("/md5", "(MD5)", 5),
    ] {
        let before = web.requests().len();
        let reason = stage.refused(input("uri_file", &web.url(path), ""));
        assert!(reason.contains(part), "{path}: {reason}");
        assert!(reason.starts_with("download http://"), "{reason}");
        assert_eq!(web.requests().len() - before, requests, "{path}");
        assert!(!reason.contains("hush"));
    }
    assert_eq!(stage.cached_bytes(), 0, "nothing is taken for good");
    let reason = stage.refused(input("uri_folder", &web.url("/folder"), ""));
    assert!(reason.contains("cannot list a folder"), "{reason}");
    let reason = stage.refused(input("uri_file", "http://127.0.0.1:1/x", ""));
    assert!(reason.contains("refused"), "{reason}");
}

#[test]
fn an_etag_that_only_looks_like_an_md5_is_outweighed_by_two_equal_fetches() {
    let web = Web::start(move |_| Reply {
        headers: vec![
            ("ETag".into(), "\"d41d8cd98f00b204e9800998ecf8427e\"".into()),
            ("x-amz-request-id".into(), "1".into()),
        ],
        body: b"encrypted at rest".to_vec(),
        ..status(200)
    });
    let stage = Stage::new();
    assert_whole(
        &stage.input(input("uri_file", &web.url("/x"), "")),
        b"encrypted at rest",
    );
    assert_eq!(web.requests().len(), 2);
}

#[test]
fn a_server_that_stalls_is_given_up() {
    let web = Web::start(|request| Reply {
        body: vec![7; 1000],
        // Some of them after a few bytes.
        stall_after: Some(if request.path == "/later" { 10 } else { 0 }),
        ..status(200)
    });
    let mut stage = Stage::new();
    stage.settings.stall_secs = Some(1);
    for path in ["/at-once", "/later"] {
        let reason = stage.refused(input("uri_file", &web.url(path), ""));
        assert!(reason.contains("has sent nothing for 1 s"), "{reason}");
    }
}

#[test]
fn a_server_that_thinks_for_less_than_a_stall_is_waited_for() {
    const STALL_SECS: u64 = 6;
    let content = bytes(1_000);
    let sent = content.clone();
    let web = Web::start(move |request| {
        let begun = Instant::now();
        wait_until("half of that to pass", DEADLINE, || {
            begun.elapsed() >= Duration::from_secs(STALL_SECS / 2)
        });
        reply_with_file(request, &sent, "\"one\"")
    });
    let mut stage = Stage::new();
    stage.settings.stall_secs = Some(STALL_SECS);
    assert_whole(
        &stage.input(input("uri_file", &web.url("/x"), "")),
        &content,
    );
}

#[test]
fn a_redirect_is_followed_and_no_secret_is_told() {
    let content = bytes(10);
    let sent = content.clone();
    let web = Web::start(move |request| match request.path.starts_with("/here") {
        true => Reply {
            status: 302,
            headers: vec![("Location".into(), "/there/y.csv?token=hush2".into())],
            ..Reply::default()
        },
        false => reply_with_file(request, &sent, "\"one\""),
    });
    let stage = Stage::new();
    let url = format!("http://me:hush1@{}/here/x.csv?sv=1&sig=hush3", web.host());
    let ran = stage.inputs(&[("data", input("uri_file", &url, ""))]);
    let report = ran.prepared().inputs["data"].clone();
    assert_whole(&report, &content);
    assert!(report.text.ends_with("/x.csv"));
    assert!(!ran.said.contains("hush"), "{}", ran.said);
    assert!(web.requests()[0].header("authorization").is_some());
}
