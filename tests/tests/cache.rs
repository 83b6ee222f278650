//! The cache of data: what it keeps, what it gives up, and for what it makes room.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jobd_tests::stage::{Stage, Web, assert_whole, bytes, input, prepare, reply_with_file};

#[test]
fn a_file_is_fetched_once_and_asked_for_again() {
    let content = bytes(300_000);
    let web = Web::of_file(&content);
    let stage = Stage::new();
    for mode in ["ro_mount", "download", ""] {
        let report = stage.input(input("uri_file", &web.url("/sets/cars.csv"), mode));
        assert!(report.text.ends_with("/inputs/data/cars.csv"));
        assert_whole(&report, &content);
        let is_readonly = fs::metadata(&report.text).unwrap().permissions().readonly();
        assert_eq!(is_readonly, mode != "download");
    }
    let requests = web.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].header("if-none-match"), None);
    assert_eq!(
        requests[2].header("if-none-match").as_deref(),
        Some("\"one\"")
    );
    assert_eq!(stage.cached_bytes(), content.len() as u64, "one content");
}

#[test]
fn a_file_that_changed_is_fetched_again_and_one_that_was_touched_is_not_trusted() {
    let is_new = Arc::new(AtomicBool::new(false));
    let told = is_new.clone();
    let web = Web::start(move |request| match told.load(Ordering::SeqCst) {
        false => reply_with_file(request, b"old", "\"1\""),
        true => reply_with_file(request, b"newer", "\"2\""),
    });
    let stage = Stage::new();
    let order = || input("uri_file", &web.url("/x"), "");
    assert_whole(&stage.input(order()), b"old");
    // As a job of root could, behind the back of the cache.
    let blob = fs::read_dir(stage.cache().join("data/blobs"))
        .unwrap()
        .next()
        .unwrap();
    let blob = blob.unwrap().path();
    let mut permissions = blob.metadata().unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    fs::set_permissions(&blob, permissions).unwrap();
    fs::write(&blob, b"bad").unwrap();
    assert_whole(&stage.input(order()), b"old");
    is_new.store(true, Ordering::SeqCst);
    assert_whole(&stage.input(order()), b"newer");
}

/// A server whose files differ in nothing but their paths at the end.
fn web_of_paths(content: &[u8]) -> Web {
    let sent = content.to_vec();
    Web::start(move |request| {
        let mut bytes = sent.clone();
        bytes.extend(request.path.as_bytes());
        reply_with_file(request, &bytes, "\"one\"")
    })
}

#[test]
fn what_was_not_used_for_longest_is_given_up_and_jobs_keep_theirs() {
    let content = bytes(600_000);
    let web = web_of_paths(&content);
    let mut stage = Stage::new();
    stage.settings.cache_bytes_max = Some(1_500_000);
    let order = |path| input("uri_file", &web.url(path), "");
    let all = stage.inputs(&[("a", order("/a")), ("b", order("/b")), ("c", order("/c"))]);
    let all = all.prepared().inputs;
    assert!(stage.cached_bytes() <= 1_500_000);
    for (name, report) in &all {
        let mut expected = content.clone();
        expected.extend(format!("/{name}").as_bytes());
        assert_whole(report, &expected);
    }
    let number = web.requests().len();
    let _again = stage.input(order("/c"));
    assert!(
        web.requests()[number].header("if-none-match").is_some(),
        "the newest is kept"
    );
    let _again = stage.input(order("/a"));
    assert!(
        web.requests()[number + 1].header("if-none-match").is_none(),
        "the oldest is not"
    );
    stage.settings.cache_bytes_max = Some(10);
    let mut expected = content.clone();
    expected.extend(b"/b");
    assert_whole(&stage.input(order("/b")), &expected);
    assert_eq!(stage.cached_bytes(), 0);
}

/// Runs a stage with a disk of so many MiB at this place; false where there can be none.
fn with_small_disk(stage: &mut Stage, at: &Path, mib: u32) -> bool {
    fs::create_dir_all(at).unwrap();
    if !Command::new("unshare")
        .args(["-m", "true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        println!("SKIP: a small disk needs a mount of its own");
        return false;
    }
    let script = format!(
        "mount -t tmpfs -o size={mib}m tmpfs \"$0\" && \"$@\"; code=$?; \
         df --output=used \"$0\" | tail -1 >&2; exit $code"
    );
    let at = at.display();
    stage.before = format!("exec unshare -m sh -c '{script}' {at} \"$0\" <\"$1\" 3>\"$2\"");
    true
}

#[test]
fn a_full_disk_is_a_readable_cause_and_gets_its_room_back() {
    let content = bytes(3 << 20);
    let web = Web::of_file(&content);
    let mut stage = Stage::new();
    let cache = stage.cache();
    if !with_small_disk(&mut stage, &cache, 1) {
        return;
    }
    let ran = stage.inputs(&[("data", input("uri_file", &web.url("/x"), ""))]);
    let failure = ran.failed();
    assert!(
        failure.reason.contains("No space left on device"),
        "{}",
        failure.reason
    );
    let used = ran
        .said
        .lines()
        .find_map(|line| line.trim().parse::<u64>().ok());
    assert!(used.unwrap() < 100, "{}", ran.said);
    assert!(!stage.job("inputs/data").exists());

    stage.before = "true".into();
    assert_whole(
        &stage.input(input("uri_file", &web.url("/x"), "")),
        &content,
    );
}

#[test]
fn what_nobody_uses_makes_room_on_a_full_disk_for_what_is_needed() {
    let content = bytes(3 << 20);
    let web = web_of_paths(&content);
    let mut stage = Stage::new();
    let cache = stage.cache();
    if !with_small_disk(&mut stage, &cache, 5) {
        return;
    }
    let order = |path| input("uri_file", &web.url(path), "");
    let ran = stage.inputs(&[("a", order("/a")), ("b", order("/b")), ("c", order("/c"))]);
    for (name, report) in &ran.prepared().inputs {
        let mut expected = content.clone();
        expected.extend(format!("/{name}").as_bytes());
        assert_whole(report, &expected);
    }
}

#[test]
fn what_nobody_uses_makes_room_on_a_full_disk_for_a_copy() {
    let content = bytes(3 << 20);
    let web = web_of_paths(&content);
    let mut stage = Stage::new();
    let (job, cache) = (stage.job(""), stage.job("cache"));
    let order = |path| input("uri_file", &web.url(path), "download");
    stage.write("b", [&content[..], b"/b"].concat());
    // One that comes from afar: there is room for two copies and one of the two contents in the
    // cache. And one of this machine: for two copies alone.
    for (second, mib) in [(order("/b"), 10), (input("uri_file", "b", "download"), 8)] {
        if !with_small_disk(&mut stage, &job, mib) {
            return;
        }
        let work = prepare(&[("a", order("/a")), ("b", second)]);
        let begun = stage.start_with_cache(work, "prepare", &cache);
        let inputs = stage.end(begun, "prepare").prepared().inputs;
        let bytes = Some(content.len() as u64 + 2);
        assert!(
            inputs.values().all(|input| input.bytes == bytes),
            "{inputs:?}"
        );
    }
}

#[test]
fn a_digest_of_an_earlier_run_needs_no_server() {
    let content = bytes(10_000);
    let web = Web::of_file(&content);
    let stage = Stage::new();
    let mut order = input("uri_file", &web.url("/x"), "");
    order.digest = stage.input(order.clone()).digest;
    drop(web);
    assert_whole(&stage.input(order.clone()), &content);
    order.digest = Some(format!("sha256:{}", "0".repeat(64)));
    assert!(stage.refused(order).contains("download"));
}
