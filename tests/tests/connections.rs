//! Ten thousand connections at once: what the daemon has of each thing stays bounded, and whoever
//! is in goes on being served.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use jobd_tests::harness::process::status_number;
use jobd_tests::harness::{DEADLINE, Heard, Home, JobFile, Socket, wait_until};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use proto::api::{ApiError, Status};

/// Connections that are opened and not closed by us.
const CONNECTIONS: usize = 10_000;
/// What the daemon lets one user have (`CLIENTS_PER_UID_MAX`).
const PLACES: usize = 960;
/// Descriptors that the daemon may have besides those of its clients: its own, and those of
/// clients that are just being turned away, some 130 at a time.
const OTHER_DESCRIPTORS_MAX: usize = 400;
/// Descriptors that come and go while nothing happens.
const FEW: usize = 10;
/// Threads that the daemon may get besides those it had.
const MORE_THREADS_MAX: u64 = 8;
/// What the daemon may need more for the connections that it holds, in KiB.
const GROWTH_KIB_MAX: u64 = 48 << 10;
/// How long an answer may take on a small, busy machine meanwhile.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Raises the limit of open files for all tests of this program; whether that is enough.
fn may_open(count: usize) -> bool {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let is_enough = hard >= count as u64 + 200;
    if !is_enough {
        println!("SKIP: {hard} open files are allowed, {count} connections are not possible");
    }
    is_enough
}

fn open_files(home: &Home) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", home.daemon_pid()))
        .unwrap()
        .count()
}

/// What the daemon has at an instant: descriptors, threads, KiB of memory.
fn possessions(home: &Home) -> (usize, u64, u64) {
    let pid = home.daemon_pid();
    let [threads, memory] = ["Threads", "VmRSS"].map(|field| status_number(pid, field));
    (open_files(home), threads, memory)
}

/// Calls, and answers how long it took.
fn ask(socket: &mut Socket) -> Duration {
    let begun = Instant::now();
    drop(socket.call(&Status {}).unwrap());
    begun.elapsed()
}

#[test]
fn ten_thousand_connections_are_bounded_and_the_others_are_served() {
    if !may_open(CONNECTIONS) {
        return;
    }
    let home = Home::running(&[]);
    let mut polite = home.connect();
    let (files, threads, memory) = {
        ask(&mut polite);
        possessions(&home)
    };
    let mut longest = Duration::ZERO;
    let mut most = (files, threads, memory);
    let mut streams = Vec::new();
    for number in 0..CONNECTIONS {
        streams.push(UnixStream::connect(home.socket()).unwrap());
        if number % 250 == 0 {
            longest = longest.max(ask(&mut polite));
            let now = possessions(&home);
            most = (most.0.max(now.0), most.1.max(now.1), most.2.max(now.2));
        }
    }
    println!(
        "the longest answer took {longest:?}; at most {most:?}, before {files}, {threads}, {memory}"
    );
    assert!(longest < ANSWER_MAX, "an answer took {longest:?}");
    assert!(most.0 <= PLACES + OTHER_DESCRIPTORS_MAX, "{most:?}");
    assert!(most.1 <= threads + MORE_THREADS_MAX, "{most:?}");
    assert!(most.2 <= memory + GROWTH_KIB_MAX, "{most:?}");

    // All were told or dropped, and none is forgotten.
    let told = streams.iter().filter(|stream| was_told(stream)).count();
    assert!(told >= CONNECTIONS - PLACES * 4, "{told} were told");
    wait_until("the end of all connections", DEADLINE, || {
        open_files(&home) <= files + FEW
    });
    ask(&mut polite);
    let job = home.submit(&JobFile::new("true"));
    assert_eq!(home.wait(&job)["status"], "Completed");
}

/// Reads until the daemon has closed; whether it said before that there are too many.
fn was_told(mut stream: &UnixStream) -> bool {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    String::from_utf8_lossy(&said).contains("clients_per_uid_max")
}

/// Connects as a user: whoever calls is asked of the thread.
fn connect_as(uid: u32, socket: &Path, count: usize) -> Vec<Socket> {
    let connect = || {
        // SAFETY: the bare system call changes this thread only, which ends with it.
        let done = unsafe { libc::syscall(libc::SYS_setresuid, -1, uid, -1) };
        assert_eq!(done, 0, "become {uid}");
        let one = |_| {
            let mut one = Socket::connect(socket).unwrap();
            drop(one.attempt(&Status {}));
            one
        };
        (0..count).map(one).collect()
    };
    std::thread::scope(|scope| scope.spawn(connect).join().unwrap())
}

#[test]
fn a_user_who_takes_all_places_does_not_keep_root_out() {
    if !may_open(PLACES) {
        return;
    }
    let Some((home, uid)) = Home::running_as_other_user(&[]) else {
        return;
    };
    let sockets = connect_as(uid, &home.socket(), PLACES);
    let mut late = connect_as(uid, &home.socket(), 1);
    // The refusal may be heard only now, if the connection was closed before it was asked.
    let mut heard = late[0].hear();
    if let Heard::Error(error) = heard {
        assert!(matches!(error, ApiError::LimitReached { .. }), "{error}");
        heard = late[0].hear();
    }
    assert_eq!(heard, Heard::Closed);
    drop(home.run(&["status"]).ok());
    drop(sockets);
    wait_until("a place", DEADLINE, || {
        let mut again = connect_as(uid, &home.socket(), 1).remove(0);
        matches!(again.attempt(&Status {}), Some(Ok(_)))
    });
}
