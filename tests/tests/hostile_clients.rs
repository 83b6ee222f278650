//! Clients that do not behave: each is answered or dropped, and the others do not notice.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::time::Duration;

use jobd_tests::harness::process::status_number;
use jobd_tests::harness::{DEADLINE, Heard, Home, JobFile, Socket, wait_until};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use proto::api::{ApiError, Call, List, Method, Status, Watch};
use proto::frame;
use serde_json::json;

/// What the daemon may need more while somebody floods it, in KiB.
const GROWTH_KIB_MAX: u64 = 24 << 10;
/// What a flood sends at a time.
const CHUNK: usize = 64 << 10;

/// The daemon's resident memory in KiB.
fn memory(home: &Home) -> u64 {
    status_number(home.daemon_pid(), "VmRSS")
}

/// Sends the same bytes again and again until the daemon has had enough, at most so many in all;
/// how many it took.
fn flood(socket: &mut Socket, chunk: &[u8], max: u64) -> u64 {
    let mut sent = 0;
    while sent < max && socket.send_bytes(chunk).is_ok() {
        sent += u64::try_from(chunk.len()).unwrap();
    }
    sent
}

#[test]
fn garbage_is_answered_and_the_connection_closed() {
    let home = Home::running(&[]);
    for garbage in [
        &b"garbage\0"[..],
        b"\0",
        b"{}\0",
        b"[]\0",
        b"\xff\xfe\0",
        b"{\"method\":5}\0",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\0",
    ] {
        let mut socket = home.connect();
        socket.send_bytes(garbage).unwrap();
        match socket.hear() {
            Heard::Error(ApiError::InvalidParameter { parameter }) => {
                assert!(parameter.contains("frame is not valid"), "{parameter}");
            }
            other => panic!("{other:?} to {}", String::from_utf8_lossy(garbage)),
        }
        assert_eq!(socket.hear(), Heard::Closed);
    }
    drop(home.run(&["status"]).ok());
}

#[test]
fn what_does_not_exist_is_named_and_the_connection_stays() {
    let home = Home::running(&[]);
    let mut socket = home.connect();
    for (call, part) in [
        ("{\"method\":\"io.jobd.Nope\"}", "io.jobd.Nope"),
        ("{\"method\":\"io.jobd.__class__\"}", "io.jobd.__class__"),
        ("{\"method\":\"\"}", "method"),
        ("{\"method\":\"io.jobd.Show\"}", "name"),
        (
            "{\"method\":\"io.jobd.Show\",\"parameters\":{\"name\":5}}",
            "string",
        ),
        (
            "{\"method\":\"io.jobd.List\",\"parameters\":{\"max_results\":-1}}",
            "-1",
        ),
        (
            "{\"method\":\"io.jobd.Watch\",\"parameters\":{\"names\":[]}}",
            "names",
        ),
    ] {
        socket.send_bytes(call.as_bytes()).unwrap();
        socket.send_bytes(b"\0").unwrap();
        let Heard::Error(error) = socket.hear() else {
            panic!("{call} was accepted");
        };
        assert!(error.to_string().contains(part), "{call}: {error}");
    }
    assert!(socket.call(&Status {}).is_ok());
}

#[test]
fn a_frame_without_end_is_refused_and_the_daemon_does_not_grow() {
    let home = Home::running(&[]);
    let before = memory(&home);
    let mut socket = home.connect();
    let sent = flood(&mut socket, &[b'x'; CHUNK], 1 << 30);
    assert!(sent < 8 << 20, "{sent} bytes of one frame were taken");
    match socket.hear() {
        Heard::Error(ApiError::InvalidParameter { parameter }) => {
            assert!(
                parameter.contains("larger than 1048576 bytes"),
                "{parameter}"
            );
        }
        other => panic!("{other:?}"),
    }
    let after = memory(&home);
    assert!(
        after < before + GROWTH_KIB_MAX,
        "{before} KiB before, {after} KiB after"
    );
    drop(home.run(&["status"]).ok());
}

#[test]
fn calls_behind_a_watch_do_not_pile_up() {
    let home = Home::running(&[]);
    let name = home.submit(&JobFile::probe(&["ignore-term"]));
    home.wait_for_status(&name, "Running");
    let before = memory(&home);
    let mut socket = home.connect();
    socket.send(&Watch { names: vec![name] }, true);
    assert!(matches!(socket.hear(), Heard::Reply(_)));
    let call = b"{\"method\":\"io.jobd.Status\"}\0".repeat(2_000);
    let sent = flood(&mut socket, &call, 256 << 20);
    let after = memory(&home);
    assert!(
        after < before + GROWTH_KIB_MAX,
        "{sent} bytes: {before} KiB before, {after} KiB after"
    );
    drop(home.run(&["status"]).ok());
}

#[test]
fn a_client_that_says_nothing_is_dropped_and_the_others_are_served() {
    let home = Home::running(&[]);
    let mut silent: Vec<_> = (0..20).map(|_| home.connect()).collect();
    drop(
        home.jobctl(&["run", "-"])
            .stdin(JobFile::new("true").text())
            .run()
            .ok(),
    );
    for socket in &mut silent {
        assert_eq!(socket.hear(), Heard::Closed);
    }
}

#[test]
fn a_client_that_sends_byte_after_byte_is_dropped() {
    let home = Home::running(&[]);
    let mut slow = home.connect();
    slow.send_bytes(b"{\"method\":\"io.jobd.Status\"").unwrap();
    // A space now and then: there is always something to read, and never a whole frame.
    wait_until("the end of a slow client", Duration::from_secs(40), || {
        slow.send_bytes(b" ").is_err()
    });
    // Also when it has behaved before.
    let mut later = home.connect();
    assert!(later.call(&Status {}).is_ok());
    later.send_bytes(b"{").unwrap();
    wait_until(
        "the end of a client that became slow",
        Duration::from_secs(40),
        || later.send_bytes(b" ").is_err(),
    );
    drop(home.run(&["status"]).ok());
}

#[test]
fn a_client_that_never_reads_is_dropped_and_blocks_nobody() {
    let home = Home::running(&[]);
    for number in 0..20 {
        drop(home.submit(&JobFile::new("true").name(&format!("job{number}"))));
    }
    let list = Call {
        method: List::NAME.into(),
        parameters: json!({}),
        more: false,
        oneway: false,
    };
    // Far more replies than a socket buffers: from some call on the daemon cannot go on.
    let calls = frame::encode(&list).unwrap().repeat(100_000);
    let mut deaf = home.connect();
    let flooding = std::thread::spawn(move || deaf.send_bytes(&calls));
    let mut watcher = home.connect();
    let held = home.submit(&JobFile::probe(&["sleep-ms", "100"]).name("held"));
    watcher.send(
        &Watch {
            names: vec![held.clone()],
        },
        true,
    );
    drop(
        home.jobctl(&["run", "-"])
            .stdin(JobFile::new("true").text())
            .run()
            .ok(),
    );
    assert_eq!(home.wait(&held)["status"], "Completed");

    // Its calls were not all taken when it was dropped.
    wait_until("the end of a deaf client", DEADLINE, || {
        flooding.is_finished()
    });
    assert!(flooding.join().unwrap().is_err());
    drop(home.run(&["status"]).ok());
}

#[test]
fn two_hundred_clients_are_served_at_once() {
    let home = Home::running(&[]);
    raise_open_files();
    let mut sockets: Vec<_> = (0..200).map(|_| home.connect()).collect();
    for socket in &mut sockets {
        socket.send(&Status {}, false);
    }
    for socket in &mut sockets {
        assert!(matches!(socket.hear(), Heard::Reply(_)));
    }
    drop(
        home.jobctl(&["run", "-"])
            .stdin(JobFile::new("true").text())
            .run()
            .ok(),
    );
}

#[test]
fn one_client_too_many_is_told_so_and_others_come_in_when_it_leaves() {
    let home = Home::running(&[]);
    raise_open_files();
    let mut sockets: Vec<_> = (0..960)
        .map(|_| {
            let mut socket = home.connect();
            assert!(socket.call(&Status {}).is_ok());
            socket
        })
        .collect();
    let mut one_more = home.connect();
    match one_more.hear() {
        Heard::Error(ApiError::LimitReached { limit, max }) => {
            assert_eq!((limit.as_str(), max), ("clients_per_uid_max", 960));
        }
        other => panic!("{other:?}"),
    }
    sockets.truncate(900);
    wait_until("a place", DEADLINE, || home.run(&["status"]).code == 0);
}

/// Tests of one program share its descriptors.
fn raise_open_files() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}

#[test]
fn clients_that_vanish_in_the_midst_leave_nothing_behind() {
    let home = Home::running(&[]);
    let name = home.submit(&JobFile::probe(&["ignore-term"]));
    let open_before = open_files(&home);
    for _ in 0..50 {
        let mut half = home.connect();
        half.send_bytes(b"{\"method\":").unwrap();
        let mut unread = home.connect();
        unread.send(&Status {}, false);
        let mut watching = home.connect();
        watching.send(
            &Watch {
                names: vec![name.clone()],
            },
            true,
        );
    }
    wait_until("closed connections", DEADLINE, || {
        open_files(&home) <= open_before + 5
    });
    drop(home.run(&["status"]).ok());
}

fn open_files(home: &Home) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", home.daemon_pid()))
        .unwrap()
        .count()
}

#[test]
fn calls_that_are_sent_at_once_are_answered_in_their_order() {
    let home = Home::running(&[]);
    let mut socket = home.connect();
    let calls = ["a", "b", "c"].map(|name| {
        format!("{{\"method\":\"io.jobd.Show\",\"parameters\":{{\"name\":\"{name}\"}}}}\0")
    });
    socket.send_bytes(calls.concat().as_bytes()).unwrap();
    for name in ["a", "b", "c"] {
        let expected = ApiError::NoSuchJob { name: name.into() };
        assert_eq!(socket.hear(), Heard::Error(expected));
    }
}
