//! The wall clock jumps by a day, to and fro: it is shown, and nothing hangs on it.

use std::fs::{self, File};
use std::io::Write;

use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, probe_command, wait_until};
use proto::api::{Pause, Resume};
use serde_json::Value;

use super::programs::armed;

const DAY_SECS: i64 = 86_400;
/// Longer than any of these jobs runs on a busy machine, and far less than a day.
const DURATION_MS_MAX: u64 = 120_000;
/// The shim's first I/O is the fork of the command, which is tried once more at its start; EAGAIN
/// is what a limit of processes says.
const NO_FORK: &str = "1-2:11";

/// A daemon whose wall clock can be moved, and that of its shims.
struct Clocked {
    home: Home,
}

impl Clocked {
    fn running(arguments: &[&str], more: &[(&str, &str)]) -> Clocked {
        let mut home = Home::new();
        home.set_program(armed());
        let clock = home.path().join("clock").into_os_string();
        let mut env = vec![("JOBD_CLOCK_FILE".to_owned(), clock)];
        let more = more
            .iter()
            .map(|(name, value)| ((*name).into(), value.into()));
        env.extend(more);
        home.set_env(env);
        home.start(arguments);
        Clocked { home }
    }

    /// Moves the clock to so many days from the true time.
    fn jump(&self, days: i64) {
        let new = self.home.path().join("clock.new");
        fs::write(&new, (days * DAY_SECS).to_string()).unwrap();
        fs::rename(new, self.home.path().join("clock")).unwrap();
    }

    fn now(&self) -> String {
        let job = self.home.submit(&JobFile::new("true"));
        let shown = self.home.wait(&job);
        shown["creation_context"]["created_at"]
            .as_str()
            .unwrap()
            .into()
    }
}

fn duration_ms(job: &Value) -> u64 {
    job["duration_ms"].as_u64().unwrap()
}

#[test]
fn limits_ends_and_adoption_do_not_hang_on_the_wall_clock() {
    for (first, second) in [(1, -1), (-1, 1)] {
        let mut clocked = Clocked::running(&["--slots", "8", "--grace-seconds", "1"], &[]);
        let before = clocked.now();
        let gate = clocked.home.path().join("gate");
        let hold = probe_command(&["hold", gate.to_str().unwrap()]).replace("exec ", "");
        let jobs = [
            JobFile::new("exec sleep 600").name("limited").timeout(3),
            JobFile::new(&format!("{hold}; exit 5"))
                .name("within")
                .timeout(600),
            JobFile::new(&format!("{hold}; exit 6")).name("unlimited"),
        ];
        for job in &jobs {
            drop(clocked.home.submit(job));
        }
        for name in ["limited", "within", "unlimited"] {
            drop(clocked.home.started(name));
        }
        clocked.jump(first);
        // Only what begins now shows the new time.
        let after = clocked.now();
        assert_eq!(after > before, first > 0, "{before}, then {after}");
        clocked.home.kill();
        clocked.jump(second);
        clocked.home.start(&["--slots", "8"]);
        let limited = clocked.home.wait("limited");
        assert_eq!(limited["outcome"]["kind"], "timed_out", "{limited}");
        assert!(
            (3_000..DURATION_MS_MAX).contains(&duration_ms(&limited)),
            "{limited}"
        );
        for name in ["within", "unlimited"] {
            assert_eq!(clocked.home.status(name), "Running");
        }
        clocked.jump(first);
        fs::write(&gate, "").unwrap();
        for (name, code) in [("within", 5), ("unlimited", 6)] {
            let job = clocked.home.wait(name);
            assert_eq!(job["outcome"]["code"], code, "{job}");
            assert!(duration_ms(&job) < DURATION_MS_MAX, "{job}");
        }
        drop(clocked.home.run(&["list"]).ok());
    }
}

#[test]
fn the_order_of_the_queue_does_not_hang_on_the_wall_clock() {
    let clocked = Clocked::running(&["--slots", "1"], &[]);
    let home = &clocked.home;
    let witness = Witness::in_folder(home.path());
    home.connect().call(&Pause {}).unwrap();
    let order = ["a", "b", "c", "d"];
    for (name, days) in order.iter().zip([0, -1, 1, -2]) {
        clocked.jump(days);
        drop(home.submit(&JobFile::new(&witness.echo(name)).name(name)));
    }
    home.connect().call(&Resume {}).unwrap();
    drop(home.run(&["wait", "--all"]).ok());
    assert_eq!(witness.marks(), order);
    let listed = home.run(&["list", "--query", "[].name", "-o", "tsv"]).ok();
    assert_eq!(listed.lines(), ["d", "c", "b", "a"], "newest first");
}

#[test]
fn the_pause_after_a_refused_start_does_not_hang_on_the_wall_clock() {
    let clocked = Clocked::running(&["--slots", "1"], &[("JOBD_SHIM_FAILIO", NO_FORK)]);
    let home = &clocked.home;
    let name = home.submit(&JobFile::new("true"));
    let tries = || {
        let logs = fs::read_dir(home.path().join("state/log")).unwrap();
        let texts = logs.map(|log| fs::read_to_string(log.unwrap().path()).unwrap());
        texts
            .map(|text| text.matches("new process").count())
            .sum::<usize>()
    };
    let attempt = |number: usize| {
        let folders = home.step_folders(&name);
        let wanted = format!("{name}.command.{number}");
        folders.iter().any(|folder| folder.ends_with(&wanted))
    };
    for (number, days) in [(1, -1), (2, 1), (3, -1), (4, 0)] {
        wait_until("an attempt", DEADLINE, || attempt(number));
        clocked.jump(days);
    }
    assert!(tries() < 100, "it does not rest");
    assert!(home.show(&name)["outcome"].is_null());
}

#[test]
fn the_spool_takes_files_whatever_the_wall_clock_says_of_their_age() {
    let clocked = Clocked::running(&["--slots", "4"], &[]);
    let home = &clocked.home;
    let witness = Witness::in_folder(home.path());
    for days in [1_i64, -1, 0] {
        clocked.jump(days);
        let (whole, half) = (format!("whole{days}"), format!("half{days}"));
        let text = JobFile::new(&witness.echo(&half)).text().to_owned();
        let (begin, rest) = text.split_at(text.len() / 2);
        let mut file = File::create(home.spool().join(format!("a-half{days}.yml"))).unwrap();
        file.write_all(begin.as_bytes()).unwrap();
        let job = JobFile::new(&witness.echo(&whole));
        drop(job.write(&home.spool(), &format!("b-whole{days}.yml")));
        wait_until(&whole, DEADLINE, || witness.counts().contains_key(&whole));
        assert!(!witness.counts().contains_key(&half));
        file.write_all(rest.as_bytes()).unwrap();
        drop(file);
        wait_until(&half, DEADLINE, || witness.counts().contains_key(&half));
    }
    let kinds = ["whole", "half"];
    let marks = [1, -1, 0]
        .into_iter()
        .flat_map(|days| kinds.map(|kind| format!("{kind}{days}")));
    witness.assert_once_each(marks);
    let rejected = fs::read_dir(home.spool().join("rejected")).unwrap();
    assert_eq!(rejected.count(), 0);
}
