//! The names of environments (azureml.md §1.2), and what `jobctl environment` tells of those that
//! are known.

use serde::{Deserialize, Serialize};

/// A registered environment as a job names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentName {
    /// Its name.
    pub name: String,
    /// Which of its versions.
    pub pick: EnvironmentPick,
}

/// Which version of a registered environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentPick {
    /// The highest: `@latest`, or nothing said.
    Latest,
    /// This one.
    Version(String),
    /// Whatever bears another label.
    Label(String),
}

impl EnvironmentName {
    /// Reads `azureml:NAME`, `azureml:NAME:VERSION`, `azureml:NAME@LABEL`, a registry URI or an
    /// ARM id; nothing for any other text, such as `file:…`.
    #[must_use]
    pub fn parse(reference: &str) -> Option<EnvironmentName> {
        let rest = reference.trim().strip_prefix("azureml:")?;
        if rest.starts_with('/') {
            let (_, rest) = rest.split_once("/environments/")?;
            return segments(rest.trim_end_matches('/'));
        }
        let (name, pick) = match (rest.split_once('@'), rest.split_once(':')) {
            (Some((name, label)), _) if !name.contains(':') => (name, labeled(label)),
            (_, Some((name, version))) => (name, EnvironmentPick::Version(version.into())),
            _ => (rest, EnvironmentPick::Latest),
        };
        named(name, pick)
    }
}

/// `NAME`, `NAME/versions/VERSION` or `NAME/labels/LABEL`.
fn segments(text: &str) -> Option<EnvironmentName> {
    let mut parts = text.split('/');
    let name = parts.next()?;
    let pick = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => EnvironmentPick::Latest,
        (Some("versions"), Some(version), None) => EnvironmentPick::Version(version.into()),
        (Some("labels"), Some(label), None) => labeled(label),
        _ => return None,
    };
    named(name, pick)
}

fn labeled(label: &str) -> EnvironmentPick {
    match label {
        "latest" => EnvironmentPick::Latest,
        label => EnvironmentPick::Label(label.into()),
    }
}

fn named(name: &str, pick: EnvironmentPick) -> Option<EnvironmentName> {
    (!name.is_empty()).then(|| EnvironmentName {
        name: name.into(),
        pick,
    })
}

/// What is registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentList {
    /// The environments, by name.
    pub environments: Vec<EnvironmentSummary>,
    /// The files of the registry that were refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<EnvironmentRefusal>,
}

/// A file of the registry that holds no environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRefusal {
    /// The file.
    pub file: String,
    /// Why, in one line.
    pub reason: String,
}

/// One name of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentSummary {
    /// The name.
    pub name: String,
    /// Its versions, the latest first.
    pub versions: Vec<String>,
    /// The latest version's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What a job would get on this machine: `host`, `venv`, `conda` or `container`. Only what is
    /// installed was looked at, not whether it works.
    pub backend: String,
    /// The file that defines the latest version; none for what jobd brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// One version of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentDetail {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// Its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// As in [`EnvironmentSummary::backend`].
    pub backend: String,
    /// As in [`EnvironmentSummary::file`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The image, or the folder that it is built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The version of Python that it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// What pip would be asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<String>,
    /// The packages of conda that pip has no counterpart of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conda_only: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_name_is_read() {
        let version = |text: &str| EnvironmentPick::Version(text.into());
        let label = |text: &str| EnvironmentPick::Label(text.into());
        for (reference, name, pick) in [
            ("azureml:e", "e", EnvironmentPick::Latest),
            ("azureml:e:1", "e", version("1")),
            ("azureml:e:18.04:2022", "e", version("18.04:2022")),
            ("azureml:e@latest", "e", EnvironmentPick::Latest),
            ("azureml:e@prod", "e", label("prod")),
            ("azureml:e:1@2", "e", version("1@2")),
            (
                "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
                "sklearn-1.5",
                EnvironmentPick::Latest,
            ),
            (
                "azureml://registries/azureml/environments/m/versions/6",
                "m",
                version("6"),
            ),
            (
                "azureml:/subscriptions/s/resourceGroups/g/environments/e/versions/2",
                "e",
                version("2"),
            ),
        ] {
            let expected = EnvironmentName {
                name: name.into(),
                pick,
            };
            assert_eq!(EnvironmentName::parse(reference), Some(expected));
        }
        for other in [
            "file:e.yml",
            "e",
            "azureml:",
            "azureml:@latest",
            "azureml://x",
        ] {
            assert_eq!(EnvironmentName::parse(other), None, "{other}");
        }
    }
}
