//! The spool: whatever is put there runs exactly once, or lies in `rejected/` with the reason.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, wait_until};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// The number of files that come at once.
const FLOOD: usize = 1_000;

/// A job file for the spool that leaves a mark.
fn marking(witness: &Witness, mark: &str) -> JobFile {
    JobFile::new(&witness.echo(mark))
}

fn wait_for_marks(witness: &Witness, count: usize) {
    let what = format!("{count} jobs of the spool");
    wait_until(&what, DEADLINE, || witness.marks().len() >= count);
}

/// Waits until the spool holds no file any more; what is not a job file is not counted.
fn wait_until_empty(home: &Home) {
    wait_until("an empty spool", DEADLINE, || {
        names(&home.spool()) == ["rejected"]
    });
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The reason beside a refused file, which must itself be there.
fn reason(home: &Home, file: &str) -> String {
    let rejected = home.spool().join("rejected");
    let path = rejected.join(format!("{file}.error"));
    wait_until(&format!("the refusal of {file}"), DEADLINE, || {
        path.exists() && rejected.join(file).symlink_metadata().is_ok()
    });
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_file_that_is_moved_in_runs() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    for (file, mark) in [("a.yml", "one"), ("b.yaml", "two")] {
        let outside = marking(&witness, mark).write(home.path(), "outside");
        fs::rename(outside, home.spool().join(file)).unwrap();
    }
    wait_for_marks(&witness, 2);
    wait_until_empty(&home);
    drop(home.run(&["wait", "--all"]).ok());
    witness.assert_once_each(["one".into(), "two".into()]);
    assert_eq!(names(&home.spool().join("rejected")), Vec::<String>::new());
}

#[test]
fn a_file_that_is_written_in_place_runs_and_knows_where_it_lay() {
    let home = Home::running(&[]);
    fs::write(home.spool().join("data"), "content\n").unwrap();
    let job = JobFile::new("cat ${{inputs.data}}")
        .name("reader")
        .with("inputs: {data: {type: uri_file, path: ./data}}");
    drop(job.write(&home.spool(), "job.yml"));
    wait_until("the job", DEADLINE, || {
        home.run(&["show", "reader"]).code == 0
    });
    assert_eq!(home.wait("reader")["status"], "Completed");
    assert_eq!(home.log("reader"), b"content\n");
}

#[test]
fn a_file_that_is_still_being_written_waits() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    let text = marking(&witness, "slow").text().to_owned();
    let (first, second) = text.split_at(text.len() / 2);
    let path = home.spool().join("a-slow.yml");
    let mut file = File::create(&path).unwrap();
    file.write_all(first.as_bytes()).unwrap();
    // Files that are whole are not held up by it. By the second one the first half was quiet
    // for long enough to be taken if nobody had it open.
    for mark in ["quick", "quicker", "quickest"] {
        drop(marking(&witness, mark).write(&home.spool(), &format!("{mark}.yml")));
        wait_until(mark, DEADLINE, || witness.counts().contains_key(mark));
    }
    assert_eq!(names(&home.spool()), ["a-slow.yml", "rejected"]);

    file.write_all(second.as_bytes()).unwrap();
    drop(file);
    wait_for_marks(&witness, 4);
    wait_until_empty(&home);
    witness.assert_once_each(["slow", "quick", "quicker", "quickest"].map(String::from));
}

#[test]
fn a_broken_file_lies_in_rejected_with_the_place_of_the_fault() {
    let home = Home::running(&[]);
    fs::write(
        home.spool().join("typo.yml"),
        "command: true\nenvironment: {image: a}\ncomand: x\n",
    )
    .unwrap();
    fs::write(home.spool().join("torn.yml"), "command: \"true\n").unwrap();
    fs::write(home.spool().join("empty.yml"), "").unwrap();
    fs::write(home.spool().join("binary.yml"), b"\x7fELF\0\0\xff").unwrap();
    let said = reason(&home, "typo.yml");
    assert!(said.contains("typo.yml:3:1: error: "), "{said}");
    assert!(
        said.contains("comand") && said.contains("command"),
        "{said}"
    );
    let said = reason(&home, "torn.yml");
    assert!(said.contains("torn.yml:"), "{said}");
    assert!(
        reason(&home, "empty.yml").contains("empty"),
        "{}",
        reason(&home, "empty.yml")
    );
    let said = reason(&home, "binary.yml");
    assert!(said.contains("binary.yml"), "{said}");
    assert_eq!(
        home.run(&["list", "-o", "json"]).ok().json(),
        serde_json::json!([])
    );
}

#[test]
fn a_thousand_files_at_once_run_exactly_once_each() {
    let home = Home::running(&["--slots", "8"]);
    let witness = Witness::in_folder(home.path());
    let marks: Vec<_> = (0..FLOOD).map(|n| format!("m{n}")).collect();
    for mark in &marks {
        drop(marking(&witness, mark).write(&home.spool(), &format!("{mark}.yml")));
    }
    // The socket is served meanwhile.
    drop(home.run(&["status"]).ok());
    wait_until("all marks", DEADLINE * 3, || witness.marks().len() >= FLOOD);
    wait_until_empty(&home);
    drop(
        home.jobctl(&["wait", "--all"])
            .spawn()
            .wait_within(DEADLINE * 2)
            .ok(),
    );
    witness.assert_once_each(marks);
    let listed = home
        .run(&["list", "--all", "--query", "length(@)", "-o", "tsv"])
        .ok();
    assert_eq!(listed.stdout.trim(), FLOOD.to_string());
}

#[test]
fn a_killed_daemon_admits_no_file_twice_and_forgets_none() {
    let mut home = Home::running(&["--slots", "8"]);
    let witness = Witness::in_folder(home.path());
    let mut marks = Vec::new();
    for round in 0..4 {
        let before = marks.len();
        for n in 0..100 {
            let mark = format!("r{round}n{n}");
            let outside = marking(&witness, &mark).write(home.path(), "outside");
            fs::rename(outside, home.spool().join(format!("{mark}.yml"))).unwrap();
            marks.push(mark);
        }
        // Anywhere between the first commit and the last removal of a file.
        wait_until("some jobs", DEADLINE, || {
            witness.marks().len() > before + round * 3 || names(&home.spool()).len() < 80
        });
        home.kill();
        home.start(&["--slots", "8"]);
    }
    wait_for_marks(&witness, marks.len());
    wait_until_empty(&home);
    drop(home.run(&["wait", "--all"]).ok());
    witness.assert_once_each(marks);
}

#[test]
fn files_that_came_while_no_daemon_ran_are_found() {
    let mut home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    home.kill();
    drop(marking(&witness, "waited").write(&home.spool(), "a.yml"));
    fs::write(home.spool().join("b.yml"), "command: [").unwrap();
    home.start(&[]);
    wait_for_marks(&witness, 1);
    assert!(reason(&home, "b.yml").contains("b.yml:1:"));
    wait_until_empty(&home);
}

#[test]
fn a_folder_that_is_deleted_and_made_again_is_watched_again() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    drop(marking(&witness, "before").write(&home.spool(), "a.yml"));
    wait_for_marks(&witness, 1);
    wait_until_empty(&home);
    // The daemon makes it again at once, maybe in the midst of the deletion.
    wait_until("the deletion", DEADLINE, || {
        fs::remove_dir_all(home.spool()).is_ok()
    });
    put_after(&home, &witness, "deleted");
    fs::rename(home.spool(), home.path().join("elsewhere")).unwrap();
    put_after(&home, &witness, "moved");
    wait_until_empty(&home);
    witness.assert_once_each(["before", "deleted", "moved"].map(String::from));
}

/// Puts a job into the folder, made again by the daemon or by us, whoever is first.
fn put_after(home: &Home, witness: &Witness, mark: &str) {
    fs::create_dir_all(home.spool()).unwrap();
    move_in(home, &marking(witness, mark), OsStr::new("b.yml"));
    // Sooner than the slow timer, so that it was the watch that saw it.
    let soon = std::time::Duration::from_secs(20);
    wait_until(mark, soon, || witness.counts().contains_key(mark));
}

#[test]
fn what_is_no_plain_file_of_ones_own_is_refused_and_not_followed() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    let target = marking(&witness, "never").write(home.path(), "target.yml");
    let spool = home.spool();

    symlink(&target, spool.join("link.yml")).unwrap();
    assert!(reason(&home, "link.yml").contains("symbolic link"));
    assert!(target.exists(), "the link was followed");

    symlink("/nowhere/at/all", spool.join("dangling.yml")).unwrap();
    assert!(reason(&home, "dangling.yml").contains("symbolic link"));

    fs::hard_link(&target, spool.join("hard.yml")).unwrap();
    assert!(reason(&home, "hard.yml").contains("hard links"));

    mkfifo(&spool.join("pipe.yml"), Mode::from_bits_truncate(0o600)).unwrap();
    assert!(reason(&home, "pipe.yml").contains("not a regular file"));

    let _socket = std::os::unix::net::UnixListener::bind(spool.join("socket.yml")).unwrap();
    assert!(reason(&home, "socket.yml").contains("not a regular file"));

    fs::create_dir(spool.join("folder.yml")).unwrap();
    assert!(reason(&home, "folder.yml").contains("not a regular file"));

    let open = marking(&witness, "never").write(home.path(), "outside");
    fs::set_permissions(&open, Permissions::from_mode(0o664)).unwrap();
    fs::rename(open, spool.join("open.yml")).unwrap();
    assert!(reason(&home, "open.yml").contains("chmod go-w"));

    let large = File::create(spool.join("large.yml")).unwrap();
    large.set_len((1 << 20) + 1).unwrap();
    drop(large);
    assert!(reason(&home, "large.yml").contains("larger than 1048576 bytes"));

    let sparse = File::create(spool.join("sparse.yml")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    drop(sparse);
    assert!(reason(&home, "sparse.yml").contains("larger than 1048576 bytes"));

    wait_until_empty(&home);
    assert_eq!(witness.marks(), Vec::<String>::new());
    assert_eq!(
        home.run(&["list", "-o", "json"]).ok().json(),
        serde_json::json!([])
    );
}

/// Puts a job file into the spool by one rename.
fn move_in(home: &Home, job: &JobFile, name: &OsStr) {
    let outside = job.write(home.path(), "outside");
    fs::rename(outside, home.spool().join(name)).unwrap();
}

#[test]
fn names_that_are_no_text_or_very_long_are_as_good_as_others() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    let long = format!("{}.yml", "x".repeat(251));
    move_in(
        &home,
        &marking(&witness, "bytes"),
        OsStr::from_bytes(b"a\xff\xfe.yml"),
    );
    move_in(&home, &marking(&witness, "long"), OsStr::new(&long));
    move_in(
        &home,
        &marking(&witness, "odd"),
        OsStr::new("a b\n$(touch x);'.yml"),
    );
    wait_for_marks(&witness, 3);
    wait_until_empty(&home);
    witness.assert_once_each(["bytes", "long", "odd"].map(String::from));
}

#[test]
fn broken_files_with_odd_names_hold_nobody_up() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    let broken = JobFile::new("true").with("nonsense: 1");
    let long = "a".repeat(251);
    move_in(&home, &broken, OsStr::from_bytes(b"a\xff.yml"));
    move_in(&home, &broken, OsStr::new(&format!("{long}.yml")));
    move_in(&home, &marking(&witness, "whole"), OsStr::new("z.yml"));
    wait_for_marks(&witness, 1);
    wait_until_empty(&home);
    let rejected = names(&home.spool().join("rejected"));
    let reasons = rejected
        .iter()
        .filter(|name| name.ends_with(".error"))
        .count();
    assert_eq!((rejected.len(), reasons), (4, 2), "{rejected:?}");
}

#[test]
fn the_same_name_again_is_another_job_or_another_refusal() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    for mark in ["first", "second"] {
        move_in(&home, &marking(&witness, mark), OsStr::new("same.yml"));
        wait_until(mark, DEADLINE, || witness.counts().contains_key(mark));
        wait_until_empty(&home);
    }
    for file in ["bad.yml", "bad.yml.1", "bad.yml.2"] {
        fs::write(home.spool().join("bad.yml"), "command: [").unwrap();
        assert!(reason(&home, file).contains("bad.yml:1:"));
    }
    witness.assert_once_each(["first".into(), "second".into()]);
}

#[test]
fn a_name_that_is_taken_is_refused_with_the_reason() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    move_in(
        &home,
        &marking(&witness, "one").name("mine"),
        OsStr::new("a.yml"),
    );
    wait_for_marks(&witness, 1);
    move_in(
        &home,
        &marking(&witness, "two").name("mine"),
        OsStr::new("b.yml"),
    );
    let said = reason(&home, "b.yml");
    assert!(
        said.contains("b.yml") && said.contains("\"mine\" already exists"),
        "{said}"
    );
    witness.assert_once_each(["one".into()]);
}

#[test]
fn what_is_not_called_a_job_file_is_left_alone() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    let others: Vec<PathBuf> = ["notes.txt", ".hidden.yml", "job.yml.tmp", "job.YML"]
        .map(|name| marking(&witness, "never").write(&home.spool(), name))
        .into();
    drop(marking(&witness, "seen").write(&home.spool(), "z.yml"));
    wait_for_marks(&witness, 1);
    assert!(others.iter().all(|path| path.exists()));
    witness.assert_once_each(["seen".into()]);
}

#[test]
fn many_unfinished_files_hold_nobody_up() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    // More than are settled in one look, and before the others in any order of names.
    let _open: Vec<_> = (0..300)
        .map(|n| File::create(home.spool().join(format!("a{n:03}.yml"))).unwrap())
        .collect();
    drop(marking(&witness, "whole").write(&home.spool(), "z.yml"));
    wait_for_marks(&witness, 1);
    // It is taken away once it is admitted, which nobody waits for.
    wait_until("the others alone", DEADLINE, || {
        names(&home.spool()).len() == 301
    });
}
