//! Trees that nobody should have.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use proto::stage::StageReport;

use crate::harness::{Bench, list};

/// Goes into it by its parts, since the whole path is too long for one call.
fn deep(root: &Path, depth: usize) -> PathBuf {
    let path = (0..depth).fold(root.to_owned(), |path, _| path.join("d"));
    fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn links_that_leave_the_code_or_go_round_are_refused_by_name() {
    for (target, why) in [
        ("/etc/passwd", "it is absolute"),
        ("../../secret", "it leads out of the code"),
        ("sub/../../..", "it leads out of the code"),
        ("round", "it leads round in a circle"),
        ("../sub/other", "it leads round in a circle"),
    ] {
        let bench = Bench::new();
        bench.file("a", "a");
        bench.link("sub/other", "round");
        bench.link("sub/round", target);
        let reason = bench.refuse("one");
        assert!(
            reason.contains(why) && reason.contains("sub/"),
            "{target}: {reason}"
        );
        assert!(reason.contains(".amlignore"), "{reason}");
        assert!(bench.cached().is_empty(), "nothing half-done");
    }
}

#[test]
fn a_link_to_a_folder_above_it_is_no_loop_for_us() {
    let bench = Bench::new();
    bench.file("sub/a", "a");
    bench.link("sub/up", "..");
    bench.link("here", ".");
    assert_eq!(bench.take("one").files, 3);
    assert!(bench.job("one").join("sub/up/here/sub/a").is_file());
}

#[test]
fn pipes_sockets_and_devices_are_left_out_with_a_note() {
    let bench = Bench::new();
    bench.file("a", "a");
    mkfifo(&bench.code().join("pipe"), Mode::S_IRWXU).unwrap();
    let _listener = UnixListener::bind(bench.code().join("socket")).unwrap();
    let ran = bench.stage("one").run();
    assert!(
        ran.log.contains("note: pipe is left out: it is a pipe"),
        "{}",
        ran.log
    );
    assert!(
        ran.log.contains("note: socket is left out: it is a socket"),
        "{}",
        ran.log
    );
    assert_eq!(ran.code().files, 1);
    let reason = bench.stage("two").code("code/pipe").run().failure().reason;
    assert!(reason.contains("neither a file nor a folder"), "{reason}");
    let reason = bench
        .stage("three")
        .code("/dev/zero")
        .run()
        .failure()
        .reason;
    assert!(reason.contains("neither a file nor a folder"), "{reason}");
}

#[test]
fn a_pipe_in_place_of_the_ignore_file_does_not_block() {
    let bench = Bench::new();
    mkfifo(&bench.code().join(".amlignore"), Mode::S_IRWXU).unwrap();
    assert!(
        bench
            .refuse("one")
            .contains(".amlignore: not a regular file")
    );
}

#[test]
fn names_may_be_anything_that_the_kernel_takes() {
    let bench = Bench::new();
    let long = "n".repeat(255);
    let names: [&[u8]; 6] = [
        b"\xff\xfe",
        b"two\nlines",
        b" ",
        b"-rf",
        b"\x1b[31m",
        long.as_bytes(),
    ];
    for name in names {
        fs::write(bench.code().join(OsStr::from_bytes(name)), name).unwrap();
    }
    assert_eq!(bench.take("one").files, 6);
    for name in names {
        let copied = fs::read(bench.job("one").join(OsStr::from_bytes(name))).unwrap();
        assert_eq!(copied, name);
    }
    bench.link("bad\nlink\x1b", "/etc");
    assert!(bench.refuse("two").contains("bad\\nlink\\u{1b}"));
}

#[test]
fn folders_may_be_deep_but_not_endless() {
    let bench = Bench::new();
    fs::write(deep(&bench.code(), 120).join("file"), "deep").unwrap();
    bench.take("one");
    let copied = deep(&bench.job("one"), 120).join("file");
    assert_eq!(fs::read_to_string(copied).unwrap(), "deep");
    deep(&bench.code(), 1_000);
    let reason = bench.refuse("two");
    assert!(
        reason.contains("it is more than 128 folders deep"),
        "{reason}"
    );
    let bench = Bench::new();
    let name = "n".repeat(250);
    let path = (0..14).fold(bench.code(), |path, _| path.join(&name));
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("file"), "").unwrap();
    match bench.stage("long").run().report {
        StageReport::Prepared(_) => {}
        StageReport::Failed(failure) => assert!(failure.reason.len() < 1_000, "{failure:?}"),
        StageReport::Finalized(_) => panic!("it was to prepare"),
    }
}

#[test]
fn ten_thousand_files_are_taken() {
    // In memory where that can be: a busy disk takes a minute for as many.
    let memory = Path::new("/dev/shm");
    let bench = match fs::metadata(memory) {
        Ok(_) => Bench::within(memory),
        Err(_) => Bench::new(),
    };
    for folder in 0..100 {
        for file in 0..100 {
            bench.file(&format!("f{folder}/{file}"), format!("{folder}.{file}"));
        }
    }
    assert_eq!(bench.take("one").files, 10_000);
    assert_eq!(list(&bench.job("one").join("f99")).len(), 100);
}

/// A file that is as long as it likes to be but holds nothing is counted by its length.
#[test]
fn an_endless_hole_is_too_much() {
    let bench = Bench::new();
    let hole = File::create(bench.code().join("hole")).unwrap();
    hole.set_len(1 << 40).unwrap();
    assert!(bench.refuse("one").contains("1024.0 GiB"));
}

/// Files come, go, grow, and become links, pipes and folders while they are read. Whatever comes
/// of it, it ends, and what the cache holds is whole.
#[test]
fn a_tree_that_changes_under_the_reader_does_no_harm() {
    let bench = Bench::new();
    for file in 0..200 {
        bench.file(&format!("f{file}"), vec![1; 10_000]);
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                churn(&bench);
            }
        });
        for round in 0..10 {
            match bench.stage(&format!("j{round}")).run().report {
                StageReport::Prepared(_) => {}
                StageReport::Failed(failure) => {
                    let code = bench.code().display().to_string();
                    assert!(failure.reason.contains(&code), "{failure:?}");
                }
                StageReport::Finalized(_) => panic!("it was to prepare"),
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    for snapshot in bench.cached() {
        let digest = snapshot.replace('-', ":");
        assert!(digest.starts_with("sha256:"), "{snapshot} is half-done");
        let again = bench.stage(&snapshot).snapshot(&digest).run().code();
        assert_eq!(again.digest, digest);
    }
}

fn churn(bench: &Bench) {
    for file in 0..200 {
        let path = bench.code().join(format!("f{file}"));
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        match file % 5 {
            0 => fs::write(&path, vec![2; 20_000]).unwrap(),
            1 => std::os::unix::fs::symlink("f0", &path).unwrap(),
            2 => mkfifo(&path, Mode::S_IRWXU).unwrap(),
            3 => fs::create_dir(&path).unwrap(),
            _ => {}
        }
        if !path.exists() {
            fs::write(&path, "").unwrap();
        }
    }
}
