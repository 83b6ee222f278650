//! A registry in a folder, read as a job and as a client read it.

use super::*;

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path =
            std::env::temp_dir().join(format!("jobd-registry-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Place(path)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn settings(&self) -> StageSettings {
        StageSettings {
            environments: Some(self.0.clone()),
            ..StageSettings::default()
        }
    }

    fn find(&self, reference: &str) -> Result<Definition, RegistryError> {
        find(
            &self.settings(),
            &EnvironmentName::parse(reference).unwrap(),
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn versions_are_ordered_by_their_numbers() {
    let mut versions = ["10", "9", "1.10", "1.9", "2024-01-02", "1"];
    versions.sort_by(|one, other| order(one, other));
    assert_eq!(versions, ["1", "1.9", "1.10", "9", "10", "2024-01-02"]);
}

#[test]
fn a_name_is_found_in_the_version_that_was_asked_for() {
    let place = Place::new("versions");
    place.write("a9.yml", "{name: e, version: 9, image: nine}");
    place.write("a10.yaml", "{name: e, version: 10, image: ten}");
    place.write("plain.yml", "image: plain\nversion: 1.10\n");
    place.write("not-yaml.txt", "]");
    let image = |reference| place.find(reference).unwrap().image.unwrap();
    assert_eq!(image("azureml:e@latest"), "ten");
    assert_eq!(image("azureml:e"), "ten");
    assert_eq!(image("azureml:e:9"), "nine");
    assert_eq!(image("azureml:plain:1.10"), "plain");
    let missing = place.find("azureml:e:8").unwrap_err().to_string();
    assert_eq!(missing, "environment e has no version 8, only 10, 9");
    let missing = place.find("azureml:e@prod").unwrap_err().to_string();
    assert_eq!(missing, "environment e has no label prod, only 10, 9");
    let missing = place.find("azureml:none:1").unwrap_err().to_string();
    assert_eq!(missing, "environment none is not in the registry");
}

#[test]
fn the_folder_goes_before_what_jobd_brings() {
    let place = Place::new("before");
    let sklearn = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest";
    assert!(place.find(sklearn).unwrap().conda.is_some());
    assert!(
        place
            .find("azureml:AzureML-sklearn-1.5:19")
            .unwrap()
            .conda
            .is_some()
    );
    place.write("mine.yml", "{name: sklearn-1.5, image: mine}");
    assert_eq!(place.find(sklearn).unwrap().image.unwrap(), "mine");
    assert_eq!(
        place
            .find("azureml:AzureML-sklearn-1.5")
            .unwrap()
            .image
            .unwrap(),
        "mine"
    );
}

#[test]
fn bad_files_are_named_and_the_others_serve() {
    let place = Place::new("bad");
    place.write("good.yml", "{name: good, image: i, description: it works}");
    place.write("key.yml", "name: key\nimmage: x\n");
    place.write("kind.yml", "name: kind\nimage: [x]\n");
    place.write("yaml.yml", "name: ]\n");
    place.write("big.yml", &" ".repeat(proto::yaml::YAML_BYTES_MAX + 1));
    std::os::unix::fs::symlink("nowhere", place.0.join("gone.yml")).unwrap();
    for (name, expected) in [
        ("good", true),
        ("AzureML-sklearn-1.5", true),
        ("key", true),
        ("none", false),
    ] {
        assert_eq!(is_known(&place.settings(), name), expected, "{name}");
    }
    let list = list(&place.settings());
    let good = list
        .environments
        .iter()
        .find(|one| one.name == "good")
        .unwrap();
    assert_eq!(good.description.as_deref(), Some("it works"));
    assert_eq!(good.versions, ["1"]);
    let reasons: Vec<&str> = list.refused.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(reasons.len(), 5, "{reasons:?}");
    let at = |name: &str| format!("{}/{name}", place.0.display());
    assert!(reasons[0].contains("longer than"), "{}", reasons[0]);
    assert!(
        reasons[1].contains("gone.yml: No such file"),
        "{}",
        reasons[1]
    );
    let key = format!("{}:2:1: error: unknown key `immage`", at("key.yml"));
    assert!(reasons[2].starts_with(&key), "{}", reasons[2]);
    let kind = format!("{}: image: expected a text", at("kind.yml"));
    assert_eq!(reasons[3], kind);
    assert!(
        place
            .find("azureml:key")
            .unwrap_err()
            .to_string()
            .contains("immage")
    );
}

#[test]
fn what_is_shown_of_an_environment_is_what_a_job_gets() {
    let place = Place::new("show");
    place.write(
        "conda.yml",
        "dependencies: [python=3.8, mkl, numpy=1.21, {pip: [a==1]}]\n",
    );
    place.write(
        "e.yml",
        "{name: e, version: 2, image: i, conda_file: conda.yml}\n",
    );
    let shown = show(&place.settings(), "e", None).unwrap();
    assert_eq!(shown.version, "2");
    assert_eq!(shown.image.as_deref(), Some("i"));
    assert_eq!(shown.python.as_deref(), Some("3.8"));
    assert_eq!(shown.requirements, ["numpy==1.21.*", "a==1"]);
    assert_eq!(shown.conda_only, ["mkl"]);
    assert!(show(&place.settings(), "e", Some("3")).is_err());
    assert!(
        show(&place.settings(), "sklearn-1.5", None)
            .unwrap()
            .file
            .is_none()
    );
}
