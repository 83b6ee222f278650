//! What the verbs of `data` ask and print.

use proto::api::{
    ApiError, ArchiveData, CreateData, Data, Empty, ListData, ListedData, Request, RestoreData,
    ShowData, ShownData,
};
use serde_json::json;

use crate::fake::Fake;
use crate::run::finish;

fn asset(name: &str, version: &str) -> Data {
    let data = json!({
        "id": "x", "name": name, "version": version, "type": "uri_file", "path": "/data/a.csv",
        "tags": {},
        "creation_context": {"created_at": "2026-07-01T10:00:00Z", "created_by": "ann",
            "created_by_type": "User", "last_modified_at": "2026-07-01T10:00:00Z"},
        "archived": false,
    });
    serde_json::from_value(data).unwrap()
}

/// A daemon that has everything it is asked for.
fn daemon() -> Fake {
    Fake::start(|request, peer| match request {
        Request::CreateData(create) => {
            let data = asset(&create.name, create.version.as_deref().unwrap_or("7"));
            peer.reply(&ShownData { data });
        }
        Request::ShowData(show) => {
            let data = asset(&show.name, show.version.as_deref().unwrap_or("7"));
            peer.reply(&ShownData { data });
        }
        Request::ListData(list) => peer.reply(&ListedData {
            data: vec![asset("iris", "2"), asset("zoo", "1")],
            next_before: list.before.is_none().then_some(5),
        }),
        _ => peer.reply(&Empty {}),
    })
}

fn created(fake: &Fake) -> CreateData {
    match fake.seen().pop() {
        Some(Request::CreateData(create)) => create,
        other => panic!("{other:?}"),
    }
}

#[test]
fn create_registers_a_file_as_it_is_seen_from_its_folder() {
    let fake = daemon();
    fake.home.file("sub/iris.csv", "1,2\n");
    let text = "$schema: https://azuremlschemas.azureedge.net/latest/data.schema.json\n\
                name: iris\ntype: uri_file\npath: ./iris.csv\ndescription: flowers\ntags: {a: b}\n";
    fake.home.file("sub/data.yml", text);
    let run = finish(&fake.home.0, &["data", "create", "-f", "sub/data.yml"]);
    assert_eq!(
        (run.stdout.as_str(), run.code),
        ("iris:7\n", 0),
        "{}",
        run.stderr
    );
    let expected = CreateData {
        name: "iris".into(),
        version: None,
        kind: "uri_file".into(),
        path: fake.home.0.join("sub/iris.csv").display().to_string(),
        description: Some("flowers".into()),
        tags: Some([("a".into(), "b".into())].into()),
    };
    assert_eq!(created(&fake), expected);
}

#[test]
fn options_take_the_place_of_a_file_or_of_its_values() {
    let fake = daemon();
    let words = "data create --name d --path sub --version 3 -o tsv --query version";
    fake.home.file("sub/a.csv", "");
    let words: Vec<_> = words.split(' ').collect();
    assert_eq!(finish(&fake.home.0, &words).stdout, "3\n");
    let made = created(&fake);
    let path = fake.home.0.join("sub").display().to_string();
    assert_eq!((made.kind.as_str(), made.path), ("uri_folder", path));
    fake.home
        .file("other/data.yml", "name: d\npath: s3://b/k\n");
    let words = "data create other/data.yml -n e -p sub/a.csv -t uri_file";
    let words: Vec<_> = words.split(' ').collect();
    assert_eq!(finish(&fake.home.0, &words).stdout, "e:7\n");
    let path = fake.home.0.join("sub/a.csv").display().to_string();
    assert_eq!(created(&fake).path, path);
}

#[test]
fn what_cannot_be_registered_is_refused_before_the_daemon_is_asked() {
    let fake = daemon();
    fake.home.file("a.csv", "");
    fake.home.file("data.yml", "name: d\npath: ./none\n");
    for (words, expected) in [
        ("data create data.yml", "data.yml:2:7: error: path: "),
        ("data create data.yml -p a.csv", "a.csv is a file"),
        ("data create -n d", "the key `path` is required"),
        ("data create -n a/b -p a.csv", "`a/b` cannot name an asset"),
        ("data create none.yml", "none.yml: no such file"),
    ] {
        let words: Vec<_> = words.split(' ').collect();
        let run = finish(&fake.home.0, &words);
        assert_eq!(run.code, 125, "{words:?}");
        assert!(run.stderr.contains(expected), "{words:?}: {}", run.stderr);
    }
    assert!(fake.seen().is_empty());
}

#[test]
fn an_asset_is_named_with_its_version_in_one_word_or_in_two() {
    let fake = daemon();
    let named = |words: &str| {
        let words: Vec<_> = words.split(' ').collect();
        assert_eq!(finish(&fake.home.0, &words).code, 0, "{words:?}");
        fake.seen().pop().unwrap()
    };
    let show = |name: &str, version: Option<&str>| {
        let (name, version) = (name.into(), version.map(Into::into));
        Request::ShowData(ShowData { name, version })
    };
    assert_eq!(named("data show iris"), show("iris", None));
    assert_eq!(named("data show iris@latest"), show("iris", None));
    assert_eq!(
        named("data show azureml:iris:v1:0"),
        show("iris", Some("v1:0"))
    );
    assert_eq!(named("data show -n iris -v 2"), show("iris", Some("2")));
    assert_eq!(named("data show -n iris -l latest"), show("iris", None));
    let archive = ArchiveData {
        name: "iris".into(),
        version: Some("2".into()),
    };
    assert_eq!(named("data archive iris:2"), Request::ArchiveData(archive));
    let restore = RestoreData {
        name: "iris".into(),
        version: None,
    };
    assert_eq!(named("data restore iris"), Request::RestoreData(restore));
}

#[test]
fn list_shows_a_table_and_asks_page_by_page() {
    let fake = daemon();
    let table = finish(&fake.home.0, &["data", "list", "-r", "2"]).stdout;
    insta::assert_snapshot!(table);
    let words = "data list --all --name iris --archived-only --query length(@) -o json";
    let words: Vec<_> = words.split(' ').collect();
    assert_eq!(finish(&fake.home.0, &words).stdout, "4\n");
    let last = ListData {
        name: Some("iris".into()),
        max_results: Some(1000),
        before: Some(5),
        include_archived: None,
        archived_only: Some(true),
    };
    assert_eq!(fake.seen().pop(), Some(Request::ListData(last)));
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let fake = Fake::start(|request, peer| match request {
        Request::CreateData(create) => peer.refuse(&ApiError::AssetExists {
            name: create.name,
            version: create.version.unwrap_or_default(),
        }),
        Request::ShowData(show) => peer.refuse(&ApiError::NoSuchAsset { name: show.name }),
        other => panic!("{other:?}"),
    });
    let words = "data create -n d -v 1 -p s3://b/k";
    let words: Vec<_> = words.split(' ').collect();
    let run = finish(&fake.home.0, &words);
    let expected = "jobctl: d:1 already exists; choose another version or leave it out\n";
    assert_eq!((run.code, run.stderr.as_str()), (125, expected));
    let run = finish(&fake.home.0, &["data", "show", "d"]);
    let expected = "jobctl: no asset is registered as \"d\"\n";
    assert_eq!((run.code, run.stderr.as_str()), (125, expected));
}
