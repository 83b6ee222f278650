//! The registry of assets through the client, the socket and the store.

use std::fs;
use std::thread;

use jobd_tests::harness::Home;
use proto::api::{ApiError, CreateData, ListData};

fn create(name: &str) -> CreateData {
    CreateData {
        name: name.into(),
        kind: "uri_file".into(),
        path: "/data/iris.csv".into(),
        ..CreateData::default()
    }
}

#[test]
fn a_registered_file_is_listed_shown_hidden_and_shown_again() {
    let home = Home::running(&[]);
    fs::create_dir(home.path().join("sub")).unwrap();
    fs::write(home.path().join("sub/iris.csv"), "1,2\n").unwrap();
    let text = "name: iris\ntype: uri_file\npath: iris.csv\ntags: {kind: flowers}\n";
    fs::write(home.path().join("sub/data.yml"), text).unwrap();
    for version in ["iris:1\n", "iris:2\n"] {
        let made = home.run(&["data", "create", "-f", "sub/data.yml"]).ok();
        assert_eq!(made.stdout, version);
    }
    let named = ["data", "create", "-f", "sub/data.yml", "--version", "final"];
    assert_eq!(home.run(&named).ok().stdout, "iris:final\n");
    drop(
        home.run(&named)
            .code(125)
            .says(&["iris:final already exists"]),
    );

    let show = |words: &[&str]| {
        let words = [&["data", "show"], words, &["-o", "json"]].concat();
        home.run(&words).ok().json()
    };
    let data = show(&["iris:1"]);
    let path = home.path().join("sub/iris.csv");
    assert_eq!(data["path"], path.to_str().unwrap());
    assert_eq!(data["tags"]["kind"], "flowers");
    assert_eq!(show(&["iris@latest"])["version"], "final");

    drop(home.run(&["data", "archive", "iris:final"]).ok());
    assert_eq!(show(&["iris"])["version"], "2");
    assert_eq!(show(&["iris:final"])["archived"], true);
    let list = |words: &[&str]| {
        let words = [
            &["data", "list", "--query", "[].version", "-o", "json"],
            words,
        ]
        .concat();
        home.run(&words).ok().json()
    };
    assert_eq!(list(&[]), serde_json::json!(["2"]));
    assert_eq!(list(&["-n", "iris"]), serde_json::json!(["2", "1"]));
    let all = ["-n", "iris", "--include-archived"];
    assert_eq!(list(&all), serde_json::json!(["final", "2", "1"]));
    drop(home.run(&["data", "restore", "iris"]).ok());
    assert_eq!(show(&["iris"])["version"], "final");
    // The next number, whatever was registered last.
    let made = home.run(&["data", "create", "-f", "sub/data.yml"]).ok();
    assert_eq!(made.stdout, "iris:3\n");
    for words in [["data", "show", "none"], ["data", "archive", "iris:9"]] {
        drop(home.run(&words).code(125).says(&["no asset is registered"]));
    }
}

#[test]
fn versions_are_counted_without_a_gap_and_a_version_is_given_once() {
    const CLIENTS: usize = 8;
    const EACH: usize = 10;
    let mut home = Home::running(&[]);
    let made: Vec<(String, bool)> = thread::scope(|scope| {
        let one = |_| {
            let mut socket = home.connect();
            let mut made = Vec::new();
            for _ in 0..EACH {
                let data = socket.call(&create("shared")).unwrap().data;
                made.push(data.version);
            }
            let fixed = CreateData {
                version: Some("fixed".into()),
                ..create("shared")
            };
            let fixed = socket.call(&fixed);
            let refused = matches!(fixed, Err(ApiError::AssetExists { .. }));
            assert!(fixed.is_ok() || refused, "{fixed:?}");
            let won = fixed.is_ok();
            made.into_iter()
                .map(|version| (version, won))
                .collect::<Vec<_>>()
        };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || one(number)))
            .collect();
        let made = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap());
        made.collect()
    });
    let mut numbers: Vec<usize> = made
        .iter()
        .map(|(version, _)| version.parse().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=CLIENTS * EACH).collect::<Vec<_>>());
    let winners = made.iter().filter(|(_, won)| *won).count();
    assert_eq!(winners, EACH, "one client got the fixed version");

    // What was answered is there after a kill.
    home.kill();
    home.start(&[]);
    let list = ListData {
        name: Some("shared".into()),
        max_results: Some(1000),
        ..ListData::default()
    };
    let listed = home.connect().call(&list).unwrap();
    assert_eq!(listed.data.len(), CLIENTS * EACH + 1);
    let next = home.connect().call(&create("shared")).unwrap().data;
    assert_eq!(next.version, (CLIENTS * EACH + 1).to_string());
}
