//! What a rerun uses: exactly what the stages of the job before it have reported.

use std::collections::BTreeMap;

use proto::job::{Input, PathForm, classify_path};
use proto::stage::PrepareReport;
use serde::{Deserialize, Serialize};

use super::event::Definition;

/// The code, data and environment of the job that is run again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The job's name.
    pub job: String,
    /// The digest of the snapshot of its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// The digests of its data inputs, where they passed through our hands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// The digest of its environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// The definition of a rerun. `registered` tells the outputs that the job before it has registered:
/// those get the next version, as theirs is taken.
#[must_use]
pub fn again(
    name: &str,
    definition: &Definition,
    prepared: Option<&PrepareReport>,
    registered: &[String],
) -> Definition {
    let mut again = definition.clone();
    let before = definition.pinned.clone().unwrap_or_default();
    let mut pinned = Pinned {
        job: name.into(),
        ..before
    };
    if let Some(report) = prepared {
        pin(&mut pinned, &mut again, report);
    }
    for (name, output) in &mut again.job.outputs {
        if registered.contains(name) {
            output.version = None;
        }
    }
    again.pinned = Some(pinned);
    again
}

fn pin(pinned: &mut Pinned, again: &mut Definition, report: &PrepareReport) {
    if let Some(code) = &report.code {
        pinned.snapshot = Some(code.digest.clone());
        // The code is not looked at again, so its facts are carried over.
        for (name, text) in &code.properties {
            let properties = &mut again.job.properties;
            let property = properties.entry(name.clone());
            property.or_insert_with(|| Some(text.clone()));
        }
    }
    if let Some(environment) = &report.environment {
        pinned.environment.clone_from(&environment.digest);
    }
    for (name, used) in &report.inputs {
        pinned
            .inputs
            .extend(used.digest.clone().map(|digest| (name.clone(), digest)));
        if let (Some(version), Some(Input::Data(data))) =
            (&used.version, again.job.inputs.get_mut(name))
        {
            data.path = at_version(&data.path, version);
        }
    }
}

/// The path of an asset with the version that its label stood for.
fn at_version(path: &str, version: &str) -> String {
    match classify_path(path) {
        PathForm::Asset(text) if !text.contains("/versions/") => {
            let name = text.split([':', '@']).next().unwrap_or_default();
            format!("azureml:{name}:{version}")
        }
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::stage::{CodeReport, EnvironmentReport, InputReport};

    fn definition() -> Definition {
        let definition = serde_json::json!({
            "job": {
                "command": "x", "environment": "azureml:e:1", "code": "./src",
                "inputs": {
                    "data": { "type": "uri_file", "path": "azureml:iris@latest" },
                    "web": { "type": "uri_file", "path": "https://h/x" },
                    "lr": 0.1,
                },
                "outputs": {
                    "model": { "type": "uri_folder", "name": "m", "version": "1" },
                    "other": { "type": "uri_folder", "name": "o", "version": "1" },
                },
            },
            "base_path": "/", "experiment_name": "e", "created_by": "ann",
        });
        serde_json::from_value(definition).unwrap()
    }

    fn report() -> PrepareReport {
        let input = |version: Option<&str>| InputReport {
            text: "/x".into(),
            source: "/x".into(),
            digest: Some("sha256:d".into()),
            version: version.map(Into::into),
            bytes: None,
            mount: None,
        };
        PrepareReport {
            code: Some(CodeReport {
                digest: "sha256:c".into(),
                files: 1,
                bytes: 1,
                properties: [("azureml.git.branch".into(), "main".into())].into(),
            }),
            inputs: [
                ("data".into(), input(Some("3"))),
                ("web".into(), input(None)),
            ]
            .into(),
            environment: Some(EnvironmentReport {
                digest: Some("sha256:e".into()),
                ..EnvironmentReport::default()
            }),
            ..PrepareReport::default()
        }
    }

    #[test]
    fn a_rerun_uses_what_was_reported() {
        let again = again("one", &definition(), Some(&report()), &["model".into()]);
        let digest = |name: &str| (name.to_owned(), "sha256:d".to_owned());
        let expected = Pinned {
            job: "one".into(),
            snapshot: Some("sha256:c".into()),
            inputs: [digest("data"), digest("web")].into(),
            environment: Some("sha256:e".into()),
        };
        assert_eq!(again.pinned, Some(expected));
        let path = |name: &str| match &again.job.inputs[name] {
            Input::Data(data) => data.path.clone(),
            Input::Literal(_) => String::new(),
        };
        assert_eq!(path("data"), "azureml:iris:3");
        assert_eq!(path("web"), "https://h/x");
        let version = |name: &str| again.job.outputs[name].version.as_deref();
        assert_eq!((version("model"), version("other")), (None, Some("1")));
        let branch = &again.job.properties["azureml.git.branch"];
        assert_eq!(branch.as_deref(), Some("main"));
    }

    #[test]
    fn a_rerun_of_a_rerun_that_was_not_prepared_uses_what_the_first_did() {
        let first = again("one", &definition(), Some(&report()), &[]);
        let second = again("two", &first, None, &[]);
        let expected = first.pinned.map(|pinned| Pinned {
            job: "two".into(),
            ..pinned
        });
        assert_eq!(second.pinned, expected);
        assert_eq!(again("one", &definition(), None, &[]).job, definition().job);
    }
}
