//! A spool into which somebody pours 100,000 files: all are settled, none is lost, and whoever
//! speaks to the daemon meanwhile is answered.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jobd_tests::harness::process::status_number;
use jobd_tests::harness::{DEADLINE, Home, JobFile, Socket, Witness, wait_until};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use proto::api::{Show, Status};

/// Files of each kind, 100,000 in all. Most are cheap to make and refused unread.
const LINKS: usize = 45_000;
const HARD_LINKS: usize = 45_000;
const EMPTY: usize = 8_700;
const BROKEN: usize = 1_000;
const VALID: usize = 300;
/// How long an answer may take on a small, busy machine while files pour in.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// What the daemon may need more meanwhile, in KiB: the names of all files, and no more.
const GROWTH_KIB_MAX: u64 = 48 << 10;
/// How long it may take until the last file is settled.
const FLOOD_MAX: Duration = Duration::from_secs(180);

/// What the file system in memory may hold, in bytes: a page for each reason, and the rest.
const DISK_BYTES: u64 = 2 << 30;

/// A file system in memory, so that the pace is the daemon's and not that of a disk which others
/// use too.
struct Memory(PathBuf);

impl Memory {
    /// None, after a line that says so, where this process may not mount.
    fn at(folder: &Path) -> Option<Memory> {
        let options = format!("size={DISK_BYTES},mode=0700,nr_inodes=0");
        let (name, flags) = (Some("tmpfs"), MsFlags::empty());
        match mount(name, folder, name, flags, Some(options.as_str())) {
            Ok(()) => Some(Memory(folder.into())),
            Err(error) => {
                println!("on the disk, which may take longer: no file system in memory: {error}");
                None
            }
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _busy = umount2(&self.0, MntFlags::MNT_DETACH);
        let _left = fs::remove_dir(&self.0);
    }
}

/// Pours the files in, kind by kind within each part, so that all kinds come at all times.
fn pour(home: &Home, witness: &Witness) {
    let spool = home.spool();
    let parts = 100;
    for part in 0..parts {
        // The kernel is slow with a file of very many names.
        let target = JobFile::new("true").write(home.path(), &format!("target{part}"));
        let each = |count: usize, kind: &'static str| {
            let spool = &spool;
            (0..count / parts).map(move |n| spool.join(format!("{part:02}-{kind}{n}.yml")))
        };
        for path in each(LINKS, "link") {
            symlink(&target, path).unwrap();
        }
        for path in each(HARD_LINKS, "hard") {
            fs::hard_link(&target, path).unwrap();
        }
        for path in each(EMPTY, "empty") {
            fs::write(path, "").unwrap();
        }
        for path in each(BROKEN, "broken") {
            fs::write(path, "nonsense: 1\n").unwrap();
        }
        for (number, path) in each(VALID, "valid").enumerate() {
            let job = JobFile::new(&witness.echo(&mark(part, number)));
            fs::write(path, job.text()).unwrap();
        }
    }
}

fn mark(part: usize, number: usize) -> String {
    format!("{part}.{number}")
}

/// Asks again and again until told to stop; the longest that an answer took, and how many came.
fn ask_until(stop: &AtomicBool, socket: &mut Socket, name: &str) -> (Duration, usize) {
    let (mut longest, mut answers) = (Duration::ZERO, 0);
    wait_until("the end of the flood", FLOOD_MAX * 2, || {
        let begun = Instant::now();
        drop(socket.call(&Status {}).unwrap());
        let shown = socket.call(&Show { name: name.into() }).unwrap();
        assert_eq!(shown.job.name, name);
        longest = longest.max(begun.elapsed());
        answers += 1;
        stop.load(Ordering::Relaxed)
    });
    (longest, answers)
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_hundred_thousand_files_are_settled_and_everybody_is_answered_meanwhile() {
    let mut home = Home::new();
    let memory = Memory::at(home.path());
    home.start(&["--slots", "4"]);
    let witness = Witness::in_folder(home.path());
    let name = home.submit(&JobFile::new("true").name("before"));
    drop(home.wait(&name));
    let before = status_number(home.daemon_pid(), "VmRSS");
    let begun = Instant::now();
    let stop = AtomicBool::new(false);
    let mut socket = home.connect();
    let (longest, answers) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask_until(&stop, &mut socket, &name));
        pour(&home, &witness);
        println!("poured in after {:?}", begun.elapsed());
        // One that comes by the socket does not wait for the files.
        let other = home.submit(&JobFile::new("true").name("meanwhile"));
        assert_eq!(home.wait(&other)["status"], "Completed");
        wait_until("an empty spool", FLOOD_MAX, || entries(&home.spool()) == 1);
        stop.store(true, Ordering::Relaxed);
        asking.join().unwrap()
    });
    let peak = status_number(home.daemon_pid(), "VmHWM");
    println!(
        "settled after {:?}; {answers} answers, the longest took {longest:?}; {before} KiB before, {peak} KiB at most",
        begun.elapsed()
    );
    assert!(longest < ANSWER_MAX, "an answer took {longest:?}");
    assert!(peak < before + GROWTH_KIB_MAX, "{before} KiB, then {peak}");

    // Each file is a job or a refusal with its reason.
    let refused = LINKS + HARD_LINKS + EMPTY + BROKEN;
    assert_eq!(entries(&home.spool().join("rejected")), refused * 2);
    wait_until("all jobs", DEADLINE, || witness.marks().len() >= VALID);
    drop(home.run(&["wait", "--all"]).ok());
    let marks = (0..100).flat_map(|part| (0..VALID / 100).map(move |n| mark(part, n)));
    witness.assert_once_each(marks);
    let listed = home.run(&["list", "--all", "--query", "length(@)", "-o", "tsv"]);
    assert_eq!(listed.ok().stdout.trim(), (VALID + 2).to_string());
    drop(home);
    drop(memory);
}
