//! What a command sees read-only: inputs that were made ready for it at a place of its own, and
//! local data that it reads where it is. Pure.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proto::record::InputMount;
use proto::stage::{InputReport, Mount, PrepareReport};

use super::event::Definition;
use super::stage_order::in_place;

/// The mounts of what was made ready, and, where they can be had, those over data in its place.
pub(super) fn of_inputs(
    definition: &Definition,
    prepared: Option<&PrepareReport>,
    over_places: bool,
) -> Vec<InputMount> {
    let inputs = prepared.into_iter().flat_map(|report| &report.inputs);
    let shown = inputs.filter_map(|(name, input): (&String, &InputReport)| {
        let mount = input.mount.clone()?;
        Some(named(name, mount, false))
    });
    let places = over_places.then(|| over_places_of(definition));
    shown.chain(places.into_iter().flatten()).collect()
}

/// Data mounted over itself, so that its path stays what it is, once however often it is named.
fn over_places_of(definition: &Definition) -> impl Iterator<Item = InputMount> {
    let mut known = BTreeSet::new();
    let read_only = in_place(definition).filter(|one| one.is_read_only);
    let once = read_only.filter(move |one| known.insert(one.path.clone()));
    once.map(|one| {
        let (source, target) = (one.path.clone(), one.path);
        named(one.name, Mount { source, target }, true)
    })
}

fn named(name: &str, mount: Mount, optional: bool) -> InputMount {
    InputMount {
        name: format!("inputs.{name}"),
        mount,
        optional,
    }
}

/// Where the command writes, which data in its place may contain: the job's folder, and outputs
/// that it brings where they belong by itself.
pub(super) fn writable(
    mounts: &[InputMount],
    folder: PathBuf,
    definition: &Definition,
    prepared: Option<&PrepareReport>,
) -> Vec<PathBuf> {
    if !mounts.iter().any(|mount| mount.optional) {
        return Vec::new();
    }
    let outputs = prepared.into_iter().flat_map(|report| &report.outputs);
    let place = |(name, path): (&String, &String)| {
        let path = Path::new(path);
        let kind = &definition.job.outputs.get(name)?.kind;
        // A file may not be there yet.
        let place = if kind == "uri_file" {
            path.parent()?
        } else {
            path
        };
        (place.is_absolute() && !place.starts_with(&folder)).then(|| place.to_owned())
    };
    let mut all: Vec<PathBuf> = outputs.filter_map(place).collect();
    all.push(folder);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition() -> Definition {
        let input = |path: &str| json!({ "type": "uri_folder", "path": path });
        let direct = json!({ "type": "uri_folder", "path": "data", "mode": "direct" });
        let output = |kind: &str| json!({ "type": kind, "path": "x", "mode": "direct" });
        let definition = json!({
            "job": {
                "command": "x", "environment": "azureml:e:1",
                "inputs": {
                    "a": input("./data"), "b": input("data"), "c": input("/abs/x"),
                    "all": input("/"), "far": input("https://h/x"), "passed": direct, "n": 1,
                },
                "outputs": {
                    "file": output("uri_file"), "folder": output("uri_folder"), "own": {"type": "uri_folder"},
                },
            },
            "base_path": "/home/me", "experiment_name": "e", "created_by": "ann",
        });
        serde_json::from_value(definition).unwrap()
    }

    fn prepared() -> PrepareReport {
        let far = json!({"text": "/j/inputs/far", "source": "https://h/x",
            "mount": {"source": "/cache/x", "target": "/j/inputs/far"}});
        let report = json!({
            "inputs": {"far": far},
            "outputs": {"file": "/abs/x/y/z.csv", "folder": "/abs/out", "own": "/j/named-outputs/own"},
        });
        serde_json::from_value(report).unwrap()
    }

    #[test]
    fn data_without_a_mode_is_mounted_over_itself_once() {
        let mounts = of_inputs(&definition(), Some(&prepared()), true);
        let seen: Vec<_> = mounts
            .iter()
            .map(|one| {
                let Mount { source, target } = &one.mount;
                let paths = (source.to_str().unwrap(), target.to_str().unwrap());
                (one.name.as_str(), paths, one.optional)
            })
            .collect();
        let (data, abs) = ("/home/me/data", "/abs/x");
        let expected = [
            ("inputs.far", ("/cache/x", "/j/inputs/far"), false),
            ("inputs.a", (data, data), true),
            ("inputs.c", (abs, abs), true),
        ];
        assert_eq!(seen, expected);
        assert_eq!(of_inputs(&definition(), Some(&prepared()), false).len(), 1);
    }

    #[test]
    fn what_the_command_writes_stays_writable() {
        let (definition, prepared) = (definition(), prepared());
        let mounts = of_inputs(&definition, Some(&prepared), true);
        let found = writable(&mounts, "/j".into(), &definition, Some(&prepared));
        assert_eq!(found, ["/abs/x/y", "/abs/out", "/j"].map(PathBuf::from));
        let found = writable(&mounts[..1], "/j".into(), &definition, Some(&prepared));
        assert!(found.is_empty(), "what is shown elsewhere contains nothing");
    }
}
