//! The registry against a real file.

use super::super::{Missing, Reader, Store, Write, salvage};
use super::*;

struct Registry {
    folder: std::path::PathBuf,
    store: Store,
}

impl Registry {
    fn new(name: &str) -> Registry {
        let folder = format!("jobd-assets-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::open(&folder.join("jobd.db"), Missing::Make).unwrap();
        Registry { folder, store }
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.folder.join("jobd.db")).unwrap()
    }

    fn register(&mut self, name: &str, version: &str) {
        let asset = asset(name);
        let write = Write::Register(version.into(), asset, 5);
        self.store.commit(&[write]).unwrap();
    }

    fn archive(&mut self, name: &str, version: Option<&str>) {
        let write = Write::SetAssetArchived(name.into(), version.map(Into::into), true);
        self.store.commit(&[write]).unwrap();
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn asset(name: &str) -> NewAsset {
    NewAsset {
        name: name.into(),
        kind: "uri_file".into(),
        path: format!("/data/{name}"),
        bytes: Some(7),
        tags: BTreeMap::from([("a".into(), "b".into())]),
        made_by: Some(("job".into(), "out".into())),
        ..NewAsset::default()
    }
}

fn versions(found: &[Registered]) -> Vec<String> {
    let one = |one: &Registered| format!("{}:{}", one.asset.name, one.version);
    found.iter().map(one).collect()
}

#[test]
fn latest_is_the_newest_that_is_not_archived_and_a_version_is_found_all_the_same() {
    let mut registry = Registry::new("latest");
    for version in ["1", "2", "beta"] {
        registry.register("iris", version);
    }
    let latest = |registry: &Registry| {
        let found = registry.reader().asset("iris", None).unwrap();
        found.map(|one| one.version)
    };
    assert_eq!(latest(&registry).as_deref(), Some("beta"));
    registry.archive("iris", Some("beta"));
    assert_eq!(latest(&registry).as_deref(), Some("2"));
    let beta = registry.reader().asset("iris", Some("beta")).unwrap();
    let beta = beta.unwrap();
    assert!(beta.archived);
    assert_eq!(
        (beta.asset.bytes, beta.asset.tags["a"].as_str()),
        (Some(7), "b")
    );
    registry.archive("iris", None);
    assert_eq!(latest(&registry), None);
    assert!(registry.reader().asset("iri", None).unwrap().is_none());
}

#[test]
fn versions_that_are_numbers_count() {
    let mut registry = Registry::new("numbers");
    assert_eq!(registry.store.last_number("iris").unwrap(), 0);
    for version in ["3", "v9", "999999999999999999999999"] {
        registry.register("iris", version);
    }
    registry.register("other", "40");
    assert_eq!(registry.store.last_number("iris").unwrap(), 3);
    assert!(registry.store.has_asset("iris", "v9").unwrap());
    assert!(!registry.store.has_asset("iris", "40").unwrap());
    assert_eq!(number("007"), Some(7));
    assert_eq!(
        (number(""), number("1.0"), number("-1")),
        (None, None, None)
    );
}

#[test]
fn a_version_is_registered_once() {
    let mut registry = Registry::new("once");
    registry.register("iris", "1");
    let again = Write::Register("1".into(), asset("iris"), 6);
    let other = Write::Register("1".into(), asset("other"), 6);
    registry.store.commit(&[other, again]).unwrap_err();
    assert!(!registry.store.has_asset("other", "1").unwrap());
}

#[test]
fn lists_are_paged_and_show_the_newest_of_each_name_or_all_of_one() {
    let mut registry = Registry::new("lists");
    for (name, version) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1")] {
        registry.register(name, version);
    }
    registry.archive("c", None);
    let reader = registry.reader();
    let list = |page: AssetPage| versions(&reader.assets(&page).unwrap());
    let page = AssetPage {
        limit: 9,
        archived: Some(false),
        ..AssetPage::default()
    };
    assert_eq!(list(page.clone()), ["a:2", "b:1"]);
    let all = AssetPage {
        archived: None,
        ..page.clone()
    };
    assert_eq!(list(all), ["c:1", "a:2", "b:1"]);
    let mut of_a = AssetPage {
        name: Some("a".into()),
        limit: 1,
        ..page
    };
    assert_eq!(list(of_a.clone()), ["a:2"]);
    of_a.before = reader.assets(&of_a).unwrap().last().map(|one| one.id);
    assert_eq!(list(of_a), ["a:1"]);
    assert_eq!(versions(&reader.assets_of("job").unwrap()).len(), 4);
}

#[test]
fn a_recovery_reads_the_assets() {
    let mut registry = Registry::new("salvage");
    registry.register("iris", "1");
    registry.register("iris", "2");
    registry.archive("iris", Some("1"));
    let found = salvage(&registry.folder.join("jobd.db")).assets;
    assert_eq!(versions(&found), ["iris:1", "iris:2"]);
    assert_eq!((found[0].archived, found[1].archived), (true, false));
}
