//! Bad input through the front doors: a clear message, the right exit code, and nothing lost.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs::{self, File};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use jobd_tests::harness::process::status_number;
use jobd_tests::harness::{DEADLINE, Home, JobFile, Ran};
use proto::api::{ApiError, List, Show, Submission, Submit};
use serde_json::json;

/// What the daemon may need more for a hostile file, in KiB.
const GROWTH_KIB_MAX: u64 = 32 << 10;

/// Submits a text as `job.yml`.
fn submit(home: &Home, text: impl AsRef<[u8]>) -> Ran {
    fs::write(home.path().join("job.yml"), text).unwrap();
    home.run(&["submit", "job.yml"])
}

/// Fails unless no job was admitted and the daemon still works.
fn assert_nothing_came_of_it(home: &Home) {
    assert_eq!(home.run(&["list", "-o", "json"]).ok().json(), json!([]));
}

#[test]
fn files_that_are_no_job_files_are_told_apart() {
    let home = Home::running(&[]);
    fs::create_dir(home.path().join("folder.yml")).unwrap();
    let big = File::create(home.path().join("big.yml")).unwrap();
    big.set_len(1 << 30).unwrap();
    for (file, message) in [
        ("missing.yml", "missing.yml: no such file"),
        ("folder.yml", "folder.yml: is a folder, not a job file"),
        ("big.yml", "big.yml: is larger than 1048576 bytes"),
        ("jobd.sock", "jobd.sock: cannot be read"),
    ] {
        for verb in ["submit", "run", "validate"] {
            let ran = home.run(&[verb, file]).code(125).says(&[message]);
            assert_eq!(ran.stdout, "", "{ran:?}");
        }
    }
    for (bytes, message) in [
        (&b""[..], "job.yml: is empty"),
        (b"\n \n", "job.yml"),
        (b"\x7fELF\x02\x01\x01\0\0", "job.yml: is a binary file"),
        (
            b"command: \xe9t\xe9\n",
            "job.yml: is not UTF-8 text (see byte 9)",
        ),
    ] {
        drop(submit(&home, bytes).code(125).says(&[message]));
        let piped = home.jobctl(&["submit", "-"]).stdin(bytes).run().code(125);
        assert!(
            piped
                .stderr
                .contains(&message.replace("job.yml", "<stdin>")),
            "{piped:?}"
        );
    }
    assert_nothing_came_of_it(&home);
}

#[test]
fn one_bad_file_keeps_all_of_a_call_from_being_submitted() {
    let home = Home::running(&[]);
    drop(
        JobFile::new("true")
            .name("good")
            .write(home.path(), "good.yml"),
    );
    drop(
        JobFile::new("true")
            .with("nam: bad")
            .write(home.path(), "bad.yml"),
    );
    let ran = home.run(&["submit", "good.yml", "bad.yml"]).code(125);
    drop(ran.says(&["bad.yml:3:1: error:", "nam", "did you mean `name`"]));
    drop(
        home.run(&["submit", "good.yml", "missing.yml"])
            .code(125)
            .says(&["missing.yml"]),
    );
    drop(
        home.run(&["submit", "good.yml", "good.yml"])
            .code(125)
            .says(&["\"good\"", "exists"]),
    );
    assert_nothing_came_of_it(&home);
}

/// A line after a sound head, and what the refusal says of it.
const FAULTS: &[(&str, &[&str])] = &[
    (
        "command: again\n",
        &["job.yml:3:1: error:", "command", "twice"],
    ),
    (
        "limits: {timeout: 0}\n",
        &["job.yml:3:19: error: limits.timeout:", "between 1 and"],
    ),
    (
        "limits: {timeout: -5}\n",
        &[
            "job.yml:3:19: error: limits.timeout:",
            "-5",
            "between 1 and",
        ],
    ),
    (
        "limits: {timeout: soon}\n",
        &["job.yml:3:19: error: limits.timeout:", "integer", "soon"],
    ),
    (
        "limits: {timout: 5}\n",
        &[
            "job.yml:3:10: error: limits.timout",
            "did you mean `timeout`",
        ],
    ),
    (
        "name: ../../etc/passwd\n",
        &[
            "job.yml:3:7: error: name:",
            "../../etc/passwd",
            "letters, digits",
        ],
    ),
    (
        "name: ''\n",
        &["job.yml:3:7: error: name:", "letters, digits"],
    ),
    ("name: a.b\n", &["job.yml:3:7: error: name:", "`a.b`"]),
    ("name: 12\n", &["job.yml:3:7: error: name:", "quotes"]),
    ("tags: [a]\n", &["job.yml:3:7: error: tags:", "mapping"]),
    (
        "inputs: {x: {type: uri_file}}\n",
        &["job.yml:3:", "inputs.x", "path"],
    ),
    (
        "queue_settings: {priority: urgent}\n",
        &[
            "job.yml:3:28: error: queue_settings.priority:",
            "low, medium, high",
        ],
    ),
    (
        "environment_variables: {A=B: 1}\n",
        &["job.yml:3:25: error: environment_variables", "A=B"],
    ),
    (
        "code: azureml:mine:1\n",
        &["job.yml:3:7: error: code:", "not on this machine"],
    ),
    (
        "type: pipeline\n",
        &["job.yml:3:7: error: type:", "pipeline"],
    ),
    ("a: [1\n", &["job.yml:", "error:"]),
    ("\tb: 1\n", &["job.yml:3:", "error:"]),
    ("---\ncommand: b\n", &["job.yml:3:", "error:", "document"]),
    (
        "tags: {a: !!python/object:os.system x}\n",
        &["job.yml:3:", "error:", "tag"],
    ),
];

#[test]
fn every_fault_of_a_job_file_has_its_place_its_field_and_a_way_out() {
    let home = Home::running(&[]);
    let head = "command: echo hello\nenvironment: {image: host}\n";
    for (line, parts) in FAULTS {
        let ran = submit(&home, format!("{head}{line}")).code(125).says(parts);
        assert_eq!(ran.stdout, "", "{ran:?}");
    }
    for (text, parts) in [
        (
            "environment: {image: a}\n",
            &["error:", "command", "required"][..],
        ),
        ("command: a\n", &["error:", "environment", "required"]),
        (
            "command: ''\nenvironment: {image: a}\n",
            &["job.yml:1:10: error: command:", "empty"],
        ),
        ("- command: a\n", &["job.yml:1:1: error:", "mapping"]),
        ("just words\n", &["job.yml:1:1: error:", "mapping"]),
    ] {
        drop(submit(&home, text).code(125).says(parts));
    }
    assert_nothing_came_of_it(&home);
}

#[test]
fn a_reference_to_nothing_is_refused_with_and_without_spaces() {
    let home = Home::running(&[]);
    for reference in [
        "${{inputs.epoch}}",
        "${{ inputs.epoch }}",
        "${{  inputs.epoch}}",
    ] {
        let text = format!(
            "command: train {reference}\nenvironment: {{image: a}}\ninputs: {{epochs: 3}}\n"
        );
        let place = "job.yml:1:16: error: command:";
        drop(
            submit(&home, text)
                .code(125)
                .says(&[place, "inputs.epoch", "did you mean `epochs`"]),
        );
    }
    for (reference, part) in [
        ("${{outputs.o}}", "outputs.o"),
        ("${{secrets.token}}", "secrets.token"),
        ("${{search_space.lr}}", "search_space.lr"),
        ("${{inputs.x", "${{"),
    ] {
        let text = format!("command: train {reference}\nenvironment: {{image: a}}\n");
        drop(
            submit(&home, text)
                .code(125)
                .says(&["job.yml:1:16: error: command:", part]),
        );
    }
    assert_nothing_came_of_it(&home);
}

#[test]
fn yaml_that_explodes_is_refused_and_the_daemon_does_not_grow() {
    let home = Home::running(&[]);
    drop(submit(&home, "just words\n"));
    let before = status_number(home.daemon_pid(), "VmRSS");
    let mut bomb = String::from("command: a\nenvironment: {image: a}\ntags:\n  x0: &x0 lol\n");
    for level in 1..40 {
        let below = level - 1;
        bomb.push_str(&format!(
            "  x{level}: &x{level} [*x{below}, *x{below}, *x{below}]\n"
        ));
    }
    let deep = format!("tags: {}\n", "[".repeat(200_000));
    let wide = format!(
        "tags: {{{}}}\n",
        (0..60_000)
            .map(|n| format!("k{n}: [],"))
            .collect::<String>()
    );
    for text in [bomb, deep, wide] {
        let submission = Submission {
            yaml: text.clone(),
            file: Some("job.yml".into()),
            base_path: "/".into(),
            experiment_name: None,
            overrides: None,
        };
        let refused = home.connect().call(&Submit {
            jobs: vec![submission],
        });
        assert!(
            matches!(refused, Err(ApiError::InvalidJob { .. })),
            "{refused:?}"
        );
        drop(submit(&home, text).code(125).says(&["job.yml"]));
    }
    let after = status_number(home.daemon_pid(), "VmRSS");
    assert!(
        after < before + GROWTH_KIB_MAX,
        "{before} KiB before, {after} KiB after"
    );
    assert_nothing_came_of_it(&home);
}

#[test]
fn a_name_is_given_once() {
    let home = Home::running(&[]);
    let job = JobFile::new("true").name("mine");
    assert_eq!(home.submit(&job), "mine");
    let again = home
        .jobctl(&["submit", "-"])
        .stdin(job.text())
        .run()
        .code(125);
    drop(again.says(&["a job named \"mine\" already exists", "choose another name"]));
    let run = home.jobctl(&["run", "-"]).stdin(job.text()).run().code(125);
    drop(run.says(&["\"mine\" already exists"]));
    assert_eq!(
        home.run(&["list", "-o", "json"])
            .ok()
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // Also once it has ended, and after it was hidden.
    drop(home.wait("mine"));
    drop(home.run(&["archive", "mine"]).ok());
    drop(
        home.jobctl(&["submit", "-"])
            .stdin(job.text())
            .run()
            .code(125)
            .says(&["\"mine\""]),
    );
}

#[test]
fn an_unknown_job_is_named_by_every_verb() {
    let home = Home::running(&[]);
    for verb in [
        "show", "logs", "stream", "cancel", "wait", "dump", "archive", "restore",
    ] {
        drop(
            home.run(&[verb, "nobody"])
                .code(125)
                .says(&["no job is named \"nobody\""]),
        );
        drop(home.run(&[verb, "@last"]).code(125).says(&["@last"]));
        drop(home.run(&[verb, "../x"]).code(125).says(&["../x"]));
    }
    let unknown = home.connect().call(&Show {
        name: String::new(),
    });
    assert_eq!(
        unknown,
        Err(ApiError::NoSuchJob {
            name: String::new()
        })
    );
}

#[test]
fn nobody_at_the_socket_is_told_from_somebody_who_is_silent() {
    let home = Home::new();
    let socket = home.socket();
    let text = socket.to_str().unwrap();
    drop(
        home.run(&["list"])
            .code(125)
            .says(&["no daemon is running at", text]),
    );

    // Stale: its listener is gone, its file is not.
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    drop(
        home.run(&["list"])
            .code(125)
            .says(&["no daemon is running at", text]),
    );
    fs::remove_file(&socket).unwrap();

    // Silent: the kernel connects, nobody reads.
    let _silent = UnixListener::bind(&socket).unwrap();
    let ran = home
        .jobctl(&["list"])
        .spawn()
        .wait_within(DEADLINE)
        .code(125);
    drop(ran.says(&[text, "10 s"]));
    let ran = home
        .jobctl(&["list", "--socket", "jobd.yaml"])
        .run()
        .code(125);
    drop(ran.says(&["no daemon is running at", "jobd.yaml"]));
    let long = "x".repeat(200);
    drop(
        home.run(&["list", "--socket", &long])
            .code(125)
            .says(&["the kernel allows 107"]),
    );
}

#[test]
fn a_stale_socket_is_replaced_and_anything_else_is_left_alone() {
    let mut home = Home::new();
    drop(UnixListener::bind(home.socket()).unwrap());
    home.start(&[]);
    drop(home.run(&["status"]).ok());
    home.kill();
    home.start(&[]);
    drop(home.run(&["shutdown"]).ok());
    assert!(home.wait_for_daemon().success());

    fs::write(home.socket(), "precious").unwrap();
    let (status, said) = home.start_in_vain(&[]);
    assert_eq!(status.code(), Some(125));
    assert!(said.contains("is in the way: it is not a socket"), "{said}");
    assert_eq!(fs::read_to_string(home.socket()).unwrap(), "precious");
}

#[test]
fn a_second_daemon_says_who_holds_the_folder() {
    let home = Home::running(&[]);
    let (status, said) = home.start_in_vain(&[]);
    assert_eq!(status.code(), Some(125), "{said}");
    let holder = format!("another jobd (pid {}) works in", home.daemon_pid());
    assert!(said.contains(&holder), "{said}");
    assert!(
        said.contains(home.path().join("state").to_str().unwrap()),
        "{said}"
    );
    let (status, said) = home.start_in_vain(&["--background"]);
    assert!(!status.success());
    assert!(said.contains(&holder), "{said}");
    drop(home.run(&["status"]).ok());
}

#[test]
fn a_wrong_configuration_is_refused_with_its_place() {
    let home = Home::new();
    for (text, parts) in [
        (
            "slots: 2\nslot: 3\n",
            &["jobd.yaml:2:1: error: slot:", "known are", "slots"][..],
        ),
        (
            "slots: many\n",
            &["jobd.yaml:1:8: error: slots:", "from 1 to 10000"],
        ),
        ("slots: 0\n", &["jobd.yaml:1:8: error: slots:"]),
        ("slots: 1\nslots: 2\n", &["jobd.yaml:2:1: error:", "twice"]),
        ("- slots\n", &["jobd.yaml:1:1: error:", "mapping"]),
        ("slots: [\n", &["jobd.yaml:", "error:"]),
        (
            "log_bytes_max: 1\nqueue_max: x\n",
            &["jobd.yaml:1:16:", "jobd.yaml:2:12:"],
        ),
    ] {
        fs::write(home.path().join("jobd.yaml"), text).unwrap();
        let (status, said) = home.start_in_vain(&[]);
        assert_eq!(status.code(), Some(125), "{said}");
        for part in parts {
            assert!(said.contains(part), "no {part:?} in {said}");
        }
    }
    fs::remove_file(home.path().join("jobd.yaml")).unwrap();
    fs::create_dir(home.path().join("jobd.yaml")).unwrap();
    let (status, said) = home.start_in_vain(&[]);
    assert_eq!(status.code(), Some(125), "{said}");
    assert!(said.contains("jobd.yaml"), "{said}");
    let (status, said) = home.start_in_vain(&["--slots", "0"]);
    assert!(!status.success() && said.contains("--slots"), "{said}");
    assert!(!home.path().join("state").exists(), "something was made");
}

#[test]
fn a_configuration_that_is_right_holds_and_the_command_line_is_above_it() {
    let mut home = Home::new();
    fs::write(home.path().join("jobd.yaml"), "# mine\nslots: 3\n").unwrap();
    for (arguments, slots) in [(&[][..], 3), (&["--slots", "5"], 5)] {
        home.start(arguments);
        assert_eq!(
            home.run(&["status", "-o", "json"]).ok().json()["slots"],
            slots
        );
        home.kill();
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let home = Home::new();
    fs::write(home.path().join("state"), "in the way").unwrap();
    let (status, said) = home.start_in_vain(&[]);
    assert_eq!(status.code(), Some(125), "{said}");
    assert!(
        said.contains(home.path().join("state").to_str().unwrap()),
        "{said}"
    );
}

#[test]
fn a_list_of_everything_is_answered_whatever_is_asked() {
    let home = Home::running(&[]);
    for asked in [Some(0), Some(1), Some(usize::MAX), None] {
        let list = List {
            max_results: asked,
            before: Some(i64::MIN),
            ..List::default()
        };
        assert_eq!(home.connect().call(&list).unwrap().jobs.len(), 0);
    }
    let wait = home
        .jobctl(&["wait", "--all"])
        .spawn()
        .wait_within(Duration::from_secs(30));
    drop(wait.ok());
}
