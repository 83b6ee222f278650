//! The socket as any Varlink client sees it: what is described is what is spoken.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod samples;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use jobd_tests::harness::interface::{self, Filled, Interface, Type};
use jobd_tests::harness::{Heard, Home, program};
use proto::api::{
    ApiError, Call, DESCRIPTION, GetInfo, GetInterfaceDescription, Request, SERVICE_DESCRIPTION,
};
use serde_json::{Value, json};

fn described() -> [Interface; 2] {
    [DESCRIPTION, SERVICE_DESCRIPTION].map(interface::parse)
}

/// The interface and the rest of a full name.
fn of<'a>(interfaces: &'a [Interface; 2], full: &'a str) -> (&'a Interface, &'a str) {
    let (interface, member) = full.rsplit_once('.').unwrap();
    let found = interfaces.iter().find(|one| one.name == interface);
    (
        found.unwrap_or_else(|| panic!("{interface} is not described")),
        member,
    )
}

#[test]
fn the_service_describes_itself_as_published() {
    let home = Home::running(&[]);
    let mut socket = home.connect();
    let info = socket.call(&GetInfo {}).unwrap();
    assert_eq!(info.product, "jobd");
    assert_eq!(info.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(info.interfaces, ["org.varlink.service", "io.jobd"]);
    for (interface, text) in [
        ("io.jobd", DESCRIPTION),
        ("org.varlink.service", SERVICE_DESCRIPTION),
    ] {
        let asked = GetInterfaceDescription {
            interface: interface.into(),
        };
        let description = socket.call(&asked).unwrap().description;
        assert_eq!(description, text);
        assert_eq!(interface::parse(&description).name, interface);
    }
    let asked = GetInterfaceDescription {
        interface: "io.nobody".into(),
    };
    let expected = ApiError::InterfaceNotFound {
        interface: "io.nobody".into(),
    };
    assert_eq!(socket.call(&asked), Err(expected));
}

#[test]
fn every_method_is_described_and_none_besides() {
    let spoken: BTreeSet<_> = Request::NAMES.iter().map(ToString::to_string).collect();
    let described: BTreeSet<_> = described()
        .iter()
        .flat_map(|one| {
            one.methods
                .keys()
                .map(|method| format!("{}.{method}", one.name))
        })
        .collect();
    assert_eq!(spoken, described);
    let sampled: BTreeSet<_> = samples::methods()
        .iter()
        .map(|one| one.method.to_owned())
        .collect();
    assert_eq!(spoken, sampled);
}

#[test]
fn every_type_is_sent_as_it_is_described() {
    let interfaces = described();
    let mut wrong = Vec::new();
    for sample in samples::methods() {
        let (interface, method) = of(&interfaces, sample.method);
        let (parameters, reply) = &interface.methods[method];
        for (filled, (asked, answered)) in
            [(Filled::Whole, &sample.whole), (Filled::Bare, &sample.bare)]
        {
            for (what, kind, value) in [("call", parameters, asked), ("reply", reply, answered)] {
                let found = interface.differences(kind, value, filled);
                wrong.extend(
                    found
                        .into_iter()
                        .map(|line| format!("{} {what} {line}", sample.method)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn exactly_the_parameters_that_are_not_optional_must_be_given() {
    let interfaces = described();
    for sample in samples::methods() {
        let call = |parameters: Value| {
            let method = sample.method.to_owned();
            Request::from_call(Call {
                method,
                parameters,
                more: false,
                oneway: false,
            })
        };
        assert!(
            call(sample.bare.0.clone()).is_ok(),
            "{} bare",
            sample.method
        );
        assert!(
            call(sample.whole.0.clone()).is_ok(),
            "{} whole",
            sample.method
        );
        let (interface, method) = of(&interfaces, sample.method);
        let Type::Struct(fields) = &interface.methods[method].0 else {
            panic!("{method} has no parameters");
        };
        for (field, kind) in fields {
            let mut without = sample.whole.0.clone();
            without.as_object_mut().unwrap().remove(field);
            let optional = matches!(kind, Type::Maybe(_));
            assert_eq!(call(without).is_ok(), optional, "{method} without {field}");
            // A client may also say that it does not say it.
            let mut null = sample.whole.0.clone();
            null[field] = Value::Null;
            assert_eq!(call(null).is_ok(), optional, "{method} with {field} null");
        }
    }
}

#[test]
fn every_error_is_described_and_none_besides() {
    let interfaces = described();
    let mut wrong = Vec::new();
    let mut spoken = BTreeSet::new();
    for (filled, whole) in [(Filled::Whole, true), (Filled::Bare, false)] {
        for error in samples::errors(whole) {
            let value = serde_json::to_value(&error).unwrap();
            let full = value["error"].as_str().unwrap().to_owned();
            let (interface, name) = of(&interfaces, &full);
            match interface.errors.get(name) {
                Some(kind) => {
                    wrong.extend(interface.differences(kind, &value["parameters"], filled))
                }
                None => wrong.push(format!("{full} is not described")),
            }
            spoken.insert(full);
        }
    }
    let ours = &interfaces[0];
    let unknown = ours
        .errors
        .keys()
        .map(|error| format!("{}.{error}", ours.name));
    wrong.extend(
        unknown
            .filter(|full| !spoken.contains(full))
            .map(|full| format!("{full} is never said")),
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_comparison_finds_what_differs() {
    let text = "interface a.b # words\ntype T (x: int, y: ?string)\n\
                method M(t: T, k: (one, two)) -> (l: []T, m: [string]bool, o: object)\nerror E ()\n";
    let interface = interface::parse(text);
    let (parameters, reply) = &interface.methods["M"];
    let differences =
        |kind: &Type, value: Value, filled| interface.differences(kind, &value, filled);
    let none: Vec<String> = Vec::new();
    let bare = json!({"t": {"x": 1}, "k": "one"});
    assert_eq!(differences(parameters, bare.clone(), Filled::Bare), none);
    assert_eq!(
        differences(parameters, bare, Filled::Whole),
        [".t.y is described and not sent"]
    );
    let whole = json!({"t": {"x": 1, "y": "a", "z": 0}, "k": "three"});
    assert_eq!(
        differences(parameters, whole.clone(), Filled::Whole).len(),
        2
    );
    assert_eq!(differences(parameters, whole, Filled::Bare).len(), 3);
    let answer = json!({"l": [{"x": 1.5}], "m": {"a": true, "b": 1}, "o": [null]});
    assert_eq!(differences(reply, answer, Filled::Bare).len(), 2);
    assert_eq!(interface.errors["E"], Type::Struct(Vec::new()));
}

#[test]
fn replies_of_a_real_daemon_are_as_described() {
    let interfaces = described();
    let home = Home::running(&[]);
    let mut socket = home.connect();
    for (call, continues) in [
        (
            json!({"method": "io.jobd.Submit", "parameters": {"jobs": [
            {"yaml": "command: exit 1\nenvironment: azureml:a@latest\nname: one\n", "base_path": "/"}]}}),
            false,
        ),
        (
            json!({"method": "io.jobd.Watch", "parameters": {"names": ["one"]}, "more": true}),
            true,
        ),
        (
            json!({"method": "io.jobd.Show", "parameters": {"name": "one"}}),
            false,
        ),
        (json!({"method": "io.jobd.List", "parameters": {}}), false),
        (json!({"method": "io.jobd.Status"}), false),
        (
            json!({"method": "io.jobd.CreateData", "parameters":
            {"name": "d", "type": "uri_file", "path": "s3://b/k", "tags": {"a": "b"}}}),
            false,
        ),
        (json!({"method": "io.jobd.ListData"}), false),
        (
            json!({"method": "io.jobd.ShowData", "parameters": {"name": "d"}}),
            false,
        ),
        (
            json!({"method": "io.jobd.ArchiveData", "parameters": {"name": "d"}}),
            false,
        ),
        (json!({"method": "io.jobd.ListEnvironments"}), false),
        (
            json!({"method": "io.jobd.ShowEnvironment", "parameters": {"name": "sklearn-1.5"}}),
            false,
        ),
        (
            json!({"method": "io.jobd.Rerun", "parameters": {"name": "one"}}),
            false,
        ),
        (
            json!({"method": "io.jobd.Dump", "parameters": {"name": "one"}}),
            false,
        ),
    ] {
        socket.send_bytes(format!("{call}\0").as_bytes()).unwrap();
        let (interface, method) = of(&interfaces, call["method"].as_str().unwrap());
        let reply = &interface.methods[method].1;
        let mut more = true;
        while more {
            let (heard, follows) = socket.hear_more();
            let Heard::Reply(value) = heard else {
                panic!("{heard:?} to {call}")
            };
            let odd = interface.differences(reply, &value, Filled::Whole);
            // Optional fields may be missing; everything else is a difference.
            let odd: Vec<_> = odd
                .into_iter()
                .filter(|line| !is_optional(interface, reply, line))
                .collect();
            assert!(odd.is_empty(), "{call}: {odd:#?}");
            assert!(continues || !follows, "{call}");
            more = follows;
        }
    }
}

/// Whether a difference is only that an optional field is missing.
fn is_optional(interface: &Interface, kind: &Type, line: &str) -> bool {
    let Some(path) = line.strip_suffix(" is described and not sent") else {
        return false;
    };
    let mut kind = kind.clone();
    for part in path.split('.').skip(1) {
        let name = part.trim_end_matches("[]");
        loop {
            kind = match kind {
                Type::Named(named) => interface.types[&named].clone(),
                Type::Maybe(present) => *present,
                _ => break,
            };
        }
        let Type::Struct(fields) = &kind else {
            return false;
        };
        kind = fields
            .iter()
            .find(|(field, _)| field == name)
            .unwrap()
            .1
            .clone();
        if part.ends_with("[]") {
            let Type::Array(item) = kind else {
                return false;
            };
            kind = *item;
        }
    }
    matches!(kind, Type::Maybe(_))
}

/// The Python with the foreign client; made once, in the target folder.
fn foreign_python() -> PathBuf {
    let target = program("jobd")
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .to_owned();
    let folder = target.join("venv-varlink");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/varlink/setup.sh");
    let output = Command::new("sh")
        .arg(script)
        .arg(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "the foreign client cannot be installed: {said}"
    );
    folder.join("bin/python")
}

#[test]
fn a_foreign_client_lists_and_submits_jobs() {
    let home = Home::running(&[]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/varlink/client.py");
    let output = Command::new(foreign_python())
        .args([script.as_path(), &home.socket(), home.path()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let got: Value = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(got["info"]["product"], "jobd");
    assert_eq!(got["submitted"]["jobs"][0]["name"], "foreign");
    let watched = got["watched"].as_array().unwrap();
    let last = watched.last().unwrap();
    assert_eq!(
        (&last["status"], &last["exit_code"]),
        (&json!("Failed"), &json!(3))
    );
    assert_eq!(got["listed"]["jobs"][0]["name"], "foreign");
    assert_eq!(got["filtered"]["jobs"], json!([]));
    assert_eq!(
        got["shown"]["job"]["command"],
        "echo hello from afar; exit 3"
    );
    assert_eq!(
        got["shown"]["job"]["outcome"],
        json!({"kind": "exited", "code": 3})
    );
    assert_eq!(got["status"]["pid"], home.daemon_pid());
    assert_eq!(home.log("foreign"), b"hello from afar\n");
    for (call, error) in [
        ("unknown", "io.jobd.NoSuchJob"),
        ("taken", "io.jobd.NameTaken"),
        ("invalid", "io.jobd.InvalidJob"),
        ("ended", "io.jobd.BadStatus"),
    ] {
        assert_eq!(got["errors"][call]["error"], error, "{got}");
    }
    let finding = &got["errors"]["invalid"]["parameters"]["diagnostics"][0];
    assert_eq!(finding["file"], "typo.yml");
    assert_eq!(finding["span"]["line"], 1);
}
