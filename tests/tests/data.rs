//! Inputs and outputs of this machine, through `jobd-stage` itself.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use jobd_tests::stage::{Stage, asset, datastore, input, output};
use proto::stage::InputReport;
use serde_json::json;

/// What the job reads at a path: through its mount, where it gets one.
fn read(report: &InputReport, below: &str) -> String {
    let text = match &report.mount {
        Some(mount) => {
            assert!(mount.target.exists(), "a mount needs its place");
            assert_eq!(mount.source.is_dir(), mount.target.is_dir());
            let rest = std::path::Path::new(&report.text)
                .strip_prefix(&mount.target)
                .unwrap();
            match rest.as_os_str().is_empty() {
                true => mount.source.clone(),
                false => mount.source.join(rest),
            }
        }
        None => report.text.clone().into(),
    };
    let path = if below.is_empty() {
        text
    } else {
        text.join(below)
    };
    fs::read_to_string(path).unwrap()
}

#[test]
fn local_data_is_shown_copied_or_passed_on() {
    let stage = Stage::new();
    stage.write("cars.csv", "a,b\n");
    stage.write("folder/deep/x.txt", "x");
    let absolute = stage.base("cars.csv");
    let absolute = absolute.to_str().unwrap();
    for path in [
        "cars.csv",
        "./cars.csv",
        "file:./cars.csv",
        absolute,
        &format!("file://{absolute}"),
    ] {
        for mode in ["", "ro_mount", "download"] {
            let report = stage.input(input("uri_file", path, mode));
            assert!(
                report.text.ends_with("/job/inputs/data/cars.csv"),
                "{}",
                report.text
            );
            assert_eq!(report.source, absolute);
            assert_eq!(read(&report, ""), "a,b\n");
            assert_eq!(report.digest.is_some(), mode == "download");
        }
        let report = stage.input(input("uri_file", path, "direct"));
        assert_eq!(report.text, absolute);
    }
    for (kind, mode) in [("uri_folder", "ro_mount"), ("custom_model", "download")] {
        let report = stage.input(input(kind, "folder", mode));
        assert!(report.text.ends_with("/job/inputs/data"), "{}", report.text);
        assert_eq!(read(&report, "deep/x.txt"), "x");
    }
}

#[test]
fn a_copy_is_the_jobs_own() {
    let stage = Stage::new();
    stage.write("folder/a.txt", "a");
    symlink("a.txt", stage.base("folder/link")).unwrap();
    symlink("nowhere", stage.base("folder/broken")).unwrap();
    symlink(".", stage.base("folder/round")).unwrap();
    fs::set_permissions(stage.base("folder/a.txt"), PermissionsExt::from_mode(0o444)).unwrap();
    let ran = stage.inputs(&[("data", input("uri_folder", "folder", "download"))]);
    let report = ran.prepared();
    fs::write(stage.job("inputs/data/a.txt"), "changed").unwrap();
    assert_eq!(fs::read(stage.base("folder/a.txt")).unwrap(), b"a");
    let link = stage.job("inputs/data/link");
    assert!(
        link.symlink_metadata().unwrap().is_file(),
        "a link is followed"
    );
    assert!(!stage.job("inputs/data/broken").exists());
    assert!(
        report.notes[0].contains("2 of its entries were left out"),
        "{:?}",
        report.notes
    );
}

#[test]
fn what_is_not_there_or_of_another_kind_is_one_readable_failure() {
    let stage = Stage::new();
    stage.write("file", "x");
    fs::create_dir(stage.base("folder")).unwrap();
    let fifo = stage.base("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for mode in ["ro_mount", "download"] {
        for (kind, path, part) in [
            ("uri_file", "nothing", "there is no file or folder"),
            ("uri_file", "*.csv", "wildcards are not expanded"),
            (
                "uri_file",
                "folder",
                "is a folder, but uri_file needs a file",
            ),
            (
                "uri_folder",
                "file",
                "is a file, but uri_folder needs a folder",
            ),
            ("uri_file", "fifo", "neither a file nor a folder"),
            ("mltable", "folder", "MLTable in the folder"),
            ("uri_file", "ftp://h/x", "known are local paths"),
            ("uri_file", "adl://h/x", "Gen1 is no more"),
            ("uri_file", "runs:/x/y", "cannot be used"),
            (
                "uri_file",
                "azureml://datastores/no/paths/x",
                "no datastore `no`",
            ),
            (
                "uri_file",
                "azureml://registries/r/data/d/versions/1",
                "cannot be used",
            ),
        ] {
            let reason = stage.refused(input(kind, path, mode));
            assert!(reason.contains(part), "{kind} {path}: {reason}");
        }
    }
}

#[test]
fn an_mltable_is_its_folder_or_what_it_names() {
    let stage = Stage::new();
    stage.write("elsewhere/b.csv", "b");
    stage.write("more/deep/c.csv", "c");
    let elsewhere = stage.base("elsewhere/b.csv");
    let table = format!(
        "paths:\n  - file: ./rows/a.csv\n  - file: {}\n  - folder: file://{}\n  \
         - pattern: ./parts/*.csv\ntransformations: [read_delimited]\n",
        elsewhere.display(),
        stage.base("more").display()
    );
    stage.write("table/MLTable", &table);
    for (name, text) in [
        ("rows/a.csv", "a"),
        ("rows/not.csv", ""),
        ("parts/1.csv", "1"),
        ("parts/2.csv", "2"),
        ("parts/not.txt", ""),
        ("parts/deep/not.csv", ""),
    ] {
        stage.write(&format!("table/{name}"), text);
    }
    for mode in ["ro_mount", "download"] {
        let report = stage.input(input("mltable", "table", mode));
        assert_eq!(read(&report, "MLTable"), table);
        assert_eq!(read(&report, "rows/a.csv"), "a");
    }
    for mode in ["eval_mount", "eval_download"] {
        let report = stage.input(input("mltable", "table", mode));
        assert!(report.text.ends_with("/job/inputs/data"), "{}", report.text);
        for (name, text) in [
            ("rows/a.csv", "a"),
            ("b.csv", "b"),
            ("more/deep/c.csv", "c"),
            ("parts/1.csv", "1"),
            ("parts/2.csv", "2"),
        ] {
            assert_eq!(read(&report, name), text, "{mode}");
        }
        assert_eq!(report.bytes, Some(5), "{mode}: and nothing else");
        assert!(report.digest.is_some());
        assert!(!stage.job("inputs/data.evaluating").exists());
    }
}

#[test]
fn a_table_that_cannot_be_evaluated_has_one_readable_cause() {
    let stage = Stage::new();
    for (table, part) in [
        ("", "the file is empty"),
        ("a: 1", "no list `paths`"),
        ("paths: [{file: ../a}]", "leads out of its folder"),
        ("paths: [{file: a.csv}]", "there is no file or folder"),
        ("paths: [{pattern: '*.csv'}]", "no file is like `*.csv`"),
        (
            "paths: [{file: MLTable}, {file: MLTable}]",
            "names MLTable twice",
        ),
        (
            "paths: [{file: 'azureml://datastores/no/paths/x'}]",
            "no datastore `no`",
        ),
    ] {
        stage.write("table/MLTable", table);
        let reason = stage.refused(input("mltable", "table", "eval_mount"));
        assert!(reason.contains(part), "{table}: {reason}");
        assert!(!stage.job("inputs/data").exists(), "{table}");
        assert!(!stage.job("inputs/data.evaluating").exists(), "{table}");
    }
}

#[test]
fn what_is_shown_is_mounted_or_else_a_link_with_a_note() {
    let mut stage = Stage::new();
    stage.write("folder/a", "a");
    stage.write("file", "f");
    let inputs = [
        ("folder", input("uri_folder", "folder", "")),
        ("file", input("uri_file", "file", "")),
    ];
    let can = |command: &[&str]| {
        let ran = Command::new(command[0])
            .args(&command[1..])
            .arg("true")
            .output();
        ran.is_ok_and(|ran| ran.status.success())
    };
    let report = stage.inputs(&inputs).prepared();
    let has_mounts = report.inputs.values().all(|input| input.mount.is_some());
    if nix::unistd::geteuid().is_root() {
        assert_eq!(has_mounts, can(&["unshare", "-m"]));
    }
    assert_eq!(has_mounts, report.notes.is_empty(), "{:?}", report.notes);

    let weak = [
        "setpriv",
        "--bounding-set",
        "-sys_admin",
        "--inh-caps",
        "-sys_admin",
    ];
    if !nix::unistd::geteuid().is_root() || !can(&weak) {
        println!("SKIP: only root can do without a right");
        return;
    }
    stage.before = format!("exec {} \"$0\" <\"$1\" 3>\"$2\"", weak.join(" "));
    let report = stage.inputs(&inputs).prepared();
    assert_eq!(report.notes.len(), 2, "{:?}", report.notes);
    assert!(report.notes[0].contains("permits no private mounts"));
    for name in ["folder", "file"] {
        let input = &report.inputs[name];
        assert_eq!(input.mount, None);
        assert_eq!(fs::read_link(&input.text).unwrap(), stage.base(name));
    }
}

#[test]
fn what_an_asset_is_was_looked_up_before() {
    let stage = Stage::new();
    stage.write("cars.csv", "a");
    let path = stage.base("cars.csv");
    let order = input("uri_file", "azureml:cars:3", "");
    let report = stage.input(asset(order.clone(), Ok(path.to_str().unwrap())));
    assert_eq!(read(&report, ""), "a");
    assert_eq!(report.version.as_deref(), Some("3"));
    let reason = stage.refused(asset(order.clone(), Err("there is no asset `cars`")));
    assert_eq!(reason, "there is no asset `cars`");
    assert!(stage.refused(order).contains("was not looked up"));
}

#[test]
fn a_rerun_has_what_the_run_had() {
    let stage = Stage::new();
    stage.write("folder/a", "1");
    for mode in ["download", "ro_mount"] {
        stage.write("folder/a", "1");
        let first = stage.input(input("uri_folder", "folder", "download"));
        let mut again = input("uri_folder", "folder", mode);
        again.digest.clone_from(&first.digest);
        assert_eq!(stage.input(again.clone()).digest, first.digest);
        stage.write("folder/a", "2");
        assert!(stage.refused(again).contains("has changed"));
    }
}

#[test]
fn datastores_and_mirrors_are_folders_too() {
    let mut stage = Stage::new();
    stage.write("store/x/cars.csv", "store");
    stage.write("mirror/cars.csv", "mirror");
    stage.write("mirror/big cars.csv", "big");
    let path = |name| stage.base(name).to_str().unwrap().to_owned();
    let (store, mirror) = (path("store"), path("mirror"));
    let folder = datastore(json!({ "type": "folder", "path": store }));
    stage.settings.datastores.insert("mine".into(), folder);
    let mirrors = &mut stage.settings.mirrors;
    mirrors.insert("https://data.example.org".into(), "/nowhere".into());
    mirrors.insert("https://data.example.org/sets/".into(), mirror.clone());
    mirrors.insert(
        "https://other.example.org/".into(),
        format!("file://{mirror}"),
    );
    mirrors.insert("azureml://registries/".into(), mirror);
    for (path, text) in [
        ("azureml://datastores/mine/paths/x/cars.csv", "store"),
        (
            "azureml://subscriptions/s/resourcegroups/r/workspaces/w/datastores/mine/paths/x/cars.csv",
            "store",
        ),
        (
            "https://data.example.org/sets/cars.csv?sig=secret",
            "mirror",
        ),
        ("https://data.example.org/sets/big%20cars.csv", "big"),
        ("azureml://registries/cars.csv", "mirror"),
        ("https://other.example.org/cars.csv", "mirror"),
    ] {
        let report = stage.input(input("uri_file", path, ""));
        assert_eq!(read(&report, ""), text);
        assert!(!report.source.contains("secret"));
    }
    for path in [
        "azureml://datastores/mine/paths/../mirror/cars.csv",
        "https://data.example.org/sets/%2e%2e/store/x/cars.csv",
        "https://other.example.org/%2e%2e/store/x/cars.csv",
    ] {
        assert!(
            stage
                .refused(input("uri_file", path, ""))
                .contains("leave the place")
        );
    }
    let reason = stage.refused(input("uri_file", "azureml://datastores/other/paths/x", ""));
    assert!(reason.contains("it has mine"), "{reason}");
}

#[test]
fn outputs_are_written_in_the_jobs_folder_and_go_where_their_path_says() {
    let mut stage = Stage::new();
    let store = stage.base("store").to_str().unwrap().to_owned();
    let folder = datastore(json!({ "type": "folder", "path": store }));
    stage.settings.datastores.insert("mine".into(), folder);
    stage.settings.default_datastore = Some("mine".into());
    let goal = "azureml://datastores/${{default_datastore}}/paths/${{name}}/${{ output_name }}";
    let outputs = [
        ("model", output("uri_folder", goal, "named-outputs/model")),
        (
            "score",
            output("uri_file", "./out/score.json", "named-outputs/score"),
        ),
        ("rest", output("uri_folder", "", "named-outputs/rest")),
    ];
    let made = stage.outputs(&outputs).prepared().outputs;
    for (name, path) in &made {
        assert_eq!(
            *path,
            stage
                .job(&format!("named-outputs/{name}"))
                .to_str()
                .unwrap()
        );
    }
    assert!(stage.job("named-outputs/model").is_dir());
    assert!(stage.job("named-outputs/rest").is_dir());
    assert!(!stage.job("named-outputs/score").exists());

    stage.write_job("named-outputs/model/deep/weights", "1234");
    stage.write_job("named-outputs/model/config", "5");
    let reason = stage.finalize(&outputs).failed();
    assert_eq!(reason.field, "outputs.score");
    assert!(
        reason.reason.contains("has not written the file"),
        "{}",
        reason.reason
    );

    stage.write_job("named-outputs/score", "{}");
    let first = stage.finalize(&outputs).finalized().outputs;
    assert_eq!(
        first,
        stage.finalize(&outputs).finalized().outputs,
        "twice is once"
    );
    let model = stage.base("store/brave_job/model");
    assert_eq!(first["model"].path, model.to_str().unwrap());
    assert_eq!((first["model"].bytes, first["model"].files), (5, 2));
    assert_eq!(fs::read(model.join("deep/weights")).unwrap(), b"1234");
    assert_eq!(fs::read(stage.base("out/score.json")).unwrap(), b"{}");
    assert_eq!(first["rest"].path, made["rest"]);
    assert_eq!((first["rest"].bytes, first["rest"].files), (0, 0));
    assert!(
        stage.job("named-outputs/model/config").exists(),
        "nothing is deleted"
    );
    let beside = fs::read_dir(stage.base("store/brave_job")).unwrap().count();
    assert_eq!(beside, 1, "nothing else is left");

    let again = stage.input(input("uri_folder", model.to_str().unwrap(), "download"));
    assert_eq!(
        again.digest, first["model"].digest,
        "one content, one digest"
    );
}

#[test]
fn an_output_that_cannot_go_is_told_before_the_command_and_nothing_is_half_done() {
    let stage = Stage::new();
    let failed = stage
        .outputs(&[("x", output("uri_folder", "https://h/x", "out/x"))])
        .failed();
    assert!(
        failed.reason.contains("not to a web server"),
        "{}",
        failed.reason
    );
    let goal = "azureml://datastores/none/paths/x";
    let failed = stage
        .outputs(&[("x", output("uri_folder", goal, "out/x"))])
        .failed();
    assert!(
        failed.reason.contains("no datastore `none`"),
        "{}",
        failed.reason
    );

    // Without a default datastore the job's own folder is it.
    let goal = "azureml://datastores/${{default_datastore}}/paths/x";
    let outputs = [("x", output("uri_folder", goal, "out/x"))];
    let made = stage.outputs(&outputs).prepared().outputs;
    assert_eq!(
        stage.finalize(&outputs).finalized().outputs["x"].path,
        made["x"]
    );

    // A file stands where the folder should go.
    stage.write("taken/x", "x");
    let outputs = [("x", output("uri_folder", "taken/x/y", "out/x"))];
    stage.write_job("out/x/a", "a");
    let failed = stage.finalize(&outputs).failed();
    assert_eq!(failed.field, "outputs.x");
    assert!(stage.job("out/x/a").exists());
}

#[test]
fn a_report_for_which_there_is_no_room_says_so() {
    let mut stage = Stage::new();
    // Blocks of 512 bytes: as much as the supervisor takes for the report.
    stage.before = "trap '' XFSZ; ulimit -f 8".into();
    let names: Vec<String> = (0..200).map(|number| format!("o{number}")).collect();
    let outputs: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), output("uri_folder", "", name)))
        .collect();
    let failure = stage.outputs(&outputs).failed();
    assert_eq!(failure.field, "report");
    assert!(
        failure.reason.contains("write the report: File too large"),
        "{}",
        failure.reason
    );
}

#[test]
fn an_output_that_is_passed_on_is_the_commands_own_affair() {
    let stage = Stage::new();
    let mut there = output("uri_folder", "s3://bucket/x", "out/x");
    there.output.mode = Some("direct".into());
    let made = stage.outputs(&[("x", there.clone())]).prepared().outputs;
    assert_eq!(made["x"], "s3://bucket/x");
    assert_eq!(
        stage.finalize(&[("x", there)]).finalized().outputs["x"].path,
        "s3://bucket/x"
    );
    let mut here = output("uri_file", "out/y.txt", "out/y");
    here.output.mode = Some("direct".into());
    let made = stage.outputs(&[("y", here.clone())]).prepared().outputs;
    fs::write(&made["y"], "yes").unwrap();
    let report = stage.finalize(&[("y", here.clone())]).finalized().outputs["y"].clone();
    assert_eq!((report.path, report.bytes), (made["y"].clone(), 3));
    fs::remove_file(&made["y"]).unwrap();
    let reason = stage.finalize(&[("y", here)]).failed().reason;
    assert!(reason.contains("has not written the file"), "{reason}");
}
