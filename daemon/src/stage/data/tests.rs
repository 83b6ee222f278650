//! What paths mean, that no secret is told, and what the cache keeps.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use proptest::prelude::*;
use proto::stage::{Datastore, FinalizeOrder, StageOrder, StageSettings, Work};

use super::cache::{Blob, Cache, copy_with_room};
use super::cause::Patience;
use super::error::{DataError, io_of};
use super::gather::Gatherer;
use super::partial::{Claim, Partial};
use super::place::{self, Address, Bucket, Place, Service};
use super::{digest, redact};
use crate::stage::meter::Meter;

fn settings() -> StageSettings {
    let mut settings = StageSettings::default();
    let datastores = &mut settings.datastores;
    datastores.insert(
        "mine".into(),
        Datastore::Folder {
            path: "/data".into(),
        },
    );
    datastores.insert(
        "blobs".into(),
        Datastore::AzureBlob {
            account: "a".into(),
            container: "c".into(),
            endpoint: Some("http://h/a".into()),
            credentials_file: Some("/keys".into()),
        },
    );
    settings
}

fn find(text: &str) -> Result<Place, DataError> {
    place::find(text, Path::new("/base"), &settings())
}

fn azure(path: &str, sas: Option<&str>, shown: &str) -> Place {
    let service = Service::Azure {
        account: "a".into(),
        container: "c".into(),
        sas: sas.map(str::to_owned),
    };
    at(service, path, shown)
}

fn at(service: Service, path: &str, shown: &str) -> Place {
    Place::Store(Address {
        bucket: Bucket {
            service,
            endpoint: None,
            credentials_file: None,
        },
        path: path.into(),
        shown: shown.into(),
    })
}

#[test]
fn every_form_of_a_path_has_its_place() {
    let local = |path: &str| Place::Local(path.into());
    for (text, place) in [
        ("./x/../y", local("/base/x/../y")),
        ("/abs/x", local("/abs/x")),
        ("file:///abs/x", local("/abs/x")),
        ("azureml:./x", local("/base/x")),
        ("azureml://datastores/mine/paths/x/y/", local("/data/x/y")),
        ("azureml://datastores/mine/paths/", local("/data/")),
        (
            "azureml://subscriptions/s/resourcegroups/r/workspaces/w/datastores/mine/paths/x",
            local("/data/x"),
        ),
        (
            "wasbs://c@a.blob.core.windows.net/p/q",
            azure("p/q", None, "wasbs://c@a.blob.core.windows.net/p/q"),
        ),
        (
            "azureml:wasbs://c@a.blob.core.windows.net/p",
            azure("p", None, "wasbs://c@a.blob.core.windows.net/p"),
        ),
        ("abfss://c@a.dfs.core.windows.net/p/", {
            azure("p", None, "abfss://c@a.dfs.core.windows.net/p/")
        }),
        (
            "https://a.blob.core.windows.net/c/p%20q?sv=1&sig=x",
            azure(
                "p q",
                Some("sv=1&sig=x"),
                "https://a.blob.core.windows.net/c/p%20q",
            ),
        ),
        (
            "s3://b/k/x",
            at(
                Service::S3 {
                    bucket: "b".into(),
                    region: None,
                },
                "k/x",
                "s3://b/k/x",
            ),
        ),
        (
            "gs://b",
            at(Service::Gcs { bucket: "b".into() }, "", "gs://b"),
        ),
    ] {
        assert_eq!(find(text).unwrap(), place, "{text}");
    }
    let Place::Web(url) = find("https://example.org/x.csv?y").unwrap() else {
        unreachable!()
    };
    assert_eq!(url.as_str(), "https://example.org/x.csv?y");
    let Place::Store(blobs) = find("azureml://datastores/blobs/paths/x").unwrap() else {
        unreachable!()
    };
    assert_eq!(blobs.bucket.endpoint.as_deref(), Some("http://h/a"));
    assert_eq!(blobs.bucket.credentials_file, Some(PathBuf::from("/keys")));
}

#[test]
fn a_file_is_called_as_at_its_address_unless_that_would_end_a_line_or_leave_its_folder() {
    for (text, name) in [
        ("https://h/a/big%20cars.csv?sig=x", Some("big cars.csv")),
        ("https://h/a%2Fb.csv", Some("b.csv")),
        ("https://h/a%0Arm%20b.csv", None),
        ("https://h/%2e%2e", None),
        ("https://h/", None),
        ("s3://b/k/..", None),
    ] {
        assert_eq!(find(text).unwrap().file_name().as_deref(), name, "{text}");
    }
}

#[test]
fn what_is_no_place_is_refused() {
    for text in [
        "https://",
        "wasbs://a.blob.core.windows.net/p",
        "s3:///k",
        "azureml://datastores/none/paths/x",
        "azureml://datastores/mine/x",
        "azureml://datastores/mine/paths/../x",
        "azureml://registries/r/data/d/versions/1",
        "azureml:d:1",
        "ftp://h/x",
        "adl://h/x",
    ] {
        assert!(find(text).is_err(), "{text}");
    }
}

#[test]
fn the_longest_prefix_that_ends_at_a_name_is_the_mirror() {
    let mut settings = StageSettings::default();
    for (prefix, place) in [
        ("https://h/a", "/one"),
        ("https://h/a/b/", "/two"),
        ("https://h/c", "https://g/d/"),
    ] {
        settings.mirrors.insert(prefix.into(), place.into());
    }
    let find = |text: &str| {
        place::find(text, Path::new("/base"), &settings)
            .unwrap()
            .shown()
    };
    assert_eq!(find("https://h/a"), "/one");
    assert_eq!(find("https://h/a/x?sig=1"), "/one/x");
    assert_eq!(find("https://h/a/b/x"), "/two/x");
    assert_eq!(find("https://h/ab"), "https://h/ab");
    assert_eq!(find("https://h/c/x?sig=1"), "https://g/d/x");
    assert_eq!(find("azureml:https://h/a/x"), "/one/x");
}

proptest! {
    #[test]
    fn no_place_leaves_its_datastore(path in "[a./%2e ]{0,24}") {
        for root in ["azureml://datastores/mine/paths/", "https://h/"] {
            let mut settings = settings();
            settings.mirrors.insert("https://h/".into(), "/data".into());
            let text = format!("{root}{path}");
            if let Ok(Place::Local(found)) = place::find(&text, Path::new("/base"), &settings) {
                prop_assert!(found.starts_with("/data"), "{}", found.display());
                let is_up = |part| part == std::path::Component::ParentDir;
                prop_assert!(!found.components().any(is_up), "{}", found.display());
            }
        }
    }

    #[test]
    fn no_text_makes_a_place_panic_or_tells_its_secret(
        scheme in "(https?|wasbs?|abfss|s3|gs|azureml|x)://",
        before in "[a-z0-9@:/.%é]{0,12}",
        after in "[a-z0-9@:/.%é]{0,12}",
    ) {
        for text in [
            format!("{scheme}{before}?sig=HUSH{after}"),
            format!("https://user:HUSH@{before}/{after}"),
        ] {
            match find(&text) {
                Ok(place) => prop_assert!(!place.shown().contains("HUSH"), "{}", place.shown()),
                Err(error) => prop_assert!(!error.to_string().contains("HUSH"), "{error}"),
            }
            let said = redact::text(&format!("in {text} x"));
            prop_assert!(!said.contains("HUSH"), "{said}");
        }
    }
}

#[test]
fn a_folders_digest_is_of_its_names_and_contents() {
    let tree = |files: &[(&str, &str)]| {
        let files = files
            .iter()
            .map(|(name, hash)| (PathBuf::from(name), (*hash).to_owned()));
        digest::of_tree(&files.collect::<BTreeMap<_, _>>())
    };
    let one = tree(&[("a", "1"), ("b", "2")]);
    assert!(one.starts_with("sha256:"));
    assert_eq!(one, tree(&[("b", "2"), ("a", "1")]));
    assert_ne!(one, tree(&[("a", "2"), ("b", "1")]));
    assert_ne!(one, tree(&[("a", "1")]));
}

fn keep(cache: &Cache, key: &str, bytes: &[u8]) -> Blob {
    let path = cache.partial(key);
    fs::write(&path, bytes).unwrap();
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let hash = digest::of_file(&path, |_| ()).unwrap();
    cache.keep(key, file, &hash, Default::default()).unwrap()
}

#[test]
fn the_records_that_were_not_used_for_longest_are_forgotten() {
    let root = std::env::temp_dir().join(format!("jobd-data-records-{}", std::process::id()));
    let mut cache = Cache::new(&root, None).unwrap();
    cache.records_max = 20;
    let keys: Vec<String> = (0..21).map(|number| format!("key{number}")).collect();
    for key in &keys {
        drop(keep(&cache, key, b"the same"));
        let record = fs::File::open(root.join("data/index").join(key)).unwrap();
        let long_ago = fs::FileTimes::new()
            .set_accessed(UNIX_EPOCH)
            .set_modified(UNIX_EPOCH);
        record.set_times(long_ago).unwrap();
    }
    assert!(cache.record(&keys[7]).is_some());
    cache.trim();
    let known = keys.iter().filter(|key| cache.record(key).is_some());
    assert_eq!(known.count(), 18);
    assert!(cache.record(&keys[7]).is_some(), "it was used just now");
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_content_that_is_used_is_not_given_up() {
    let root = std::env::temp_dir().join(format!("jobd-data-cache-{}", std::process::id()));
    let cache = Cache::new(&root, Some(5)).unwrap();
    let keep = |key: &str, bytes: &[u8]| keep(&cache, key, bytes);
    let used = keep("used", b"1234");
    drop(keep("idle", b"5678"));
    cache.trim();
    assert!(cache.get(&cache.record("used").unwrap()).is_some());
    assert!(
        cache.record("idle").is_none(),
        "nothing is known of what is gone"
    );
    // What does not fit in any case drives nothing out: neither while it comes, nor afterwards.
    drop(used);
    cache.make_room(6);
    assert!(cache.record("used").is_some());
    drop(keep("huge", b"123456"));
    cache.trim();
    assert!(cache.record("huge").is_none());
    assert!(cache.record("used").is_some());
    cache.make_room(5);
    assert!(cache.record("used").is_none());
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_copy_finds_room_where_the_cache_is_on_the_same_disk() {
    let root = std::env::temp_dir().join(format!("jobd-data-room-{}", std::process::id()));
    let order = StageOrder {
        job: "j".into(),
        folder: root.clone(),
        base_path: root.clone(),
        cache: root.clone(),
        settings: StageSettings::default(),
        work: Work::Finalize(FinalizeOrder::default()),
        others: None,
    };
    let cache = Cache::of(&order).unwrap();
    drop(keep(&cache, "idle", b"1234"));
    let full = |path: &Path| io_of("write", path)(std::io::ErrorKind::StorageFull.into());
    let elsewhere = || Err(full(Path::new("/proc/none")));
    assert!(copy_with_room(&order, 4, elsewhere).is_err());
    assert!(cache.record("idle").is_some());
    let here = || match cache.record("idle") {
        Some(_) => Err(full(&root.join("not/yet"))),
        None => Ok(()),
    };
    copy_with_room(&order, 4, here).unwrap();
    let still_full = || Err(full(&root));
    assert!(copy_with_room(&order, 4, still_full).is_err());
    fs::remove_dir_all(root).unwrap();
}

/// Whether somebody else has a turn before the work is done.
async fn lets_others_in(work: impl Future<Output = Result<(), DataError>>) -> bool {
    use futures_util::future::{Either, ready, select};
    match select(Box::pin(work), ready(())).await {
        Either::Left((done, _)) => {
            done.unwrap();
            false
        }
        Either::Right(((), work)) => {
            work.await.unwrap();
            true
        }
    }
}

#[tokio::test]
async fn a_large_file_is_hashed_and_copied_with_others_in_between() {
    const LARGE: u64 = 20 << 20;
    let root = std::env::temp_dir().join(format!("jobd-data-large-{}", std::process::id()));
    let cache = Cache::new(&root, None).unwrap();
    let meter = Meter::new(&root);
    let gatherer = Gatherer {
        cache: &cache,
        meter: &meter,
        patience: Patience::new(None),
    };
    let path = cache.partial("large");
    let Claim::Partial(mut partial) = Partial::claim(path.clone(), || ()).await.unwrap() else {
        unreachable!()
    };
    fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(LARGE)
        .unwrap();
    let mut sha256 = String::new();
    let hashing = async {
        sha256 = partial.hashes(true).await?.0;
        Ok(())
    };
    assert!(lets_others_in(hashing).await);
    let (file, _turn) = partial.into_file();
    let blob = cache.keep("large", file, &sha256, Default::default());
    let blob = blob.unwrap();
    let copy = root.join("copy");
    assert!(lets_others_in(gatherer.lay(&blob, &copy, true)).await);
    assert_eq!(digest::of_file(&copy, |_| ()).unwrap(), sha256);
    fs::remove_dir_all(root).unwrap();
}
