//! The curated environments of Azure ML that jobd brings, as virtual environments of the same
//! packages. The registry of the configuration goes before them.

use super::definition::{Definition, DefinitionError};

/// Azure ML puts this before the names of what it curates, or leaves it out.
const CURATED_PREFIX: &str = "AzureML-";
/// Any version of a curated name is the one that is here.
pub(super) const VERSION: &str = "1";

struct Shipped {
    /// The names, without the prefix.
    names: &'static [&'static str],
    text: &'static str,
}

const SHIPPED: &[Shipped] = &[
    Shipped {
        names: &["sklearn-1.5"],
        text: include_str!("curated/sklearn-1.5.yml"),
    },
    Shipped {
        names: &[
            "sklearn-1.0",
            "sklearn-1.1",
            "sklearn-1.0-ubuntu20.04-py38-cpu",
            "sklearn-0.24-ubuntu18.04-py37-cpu",
        ],
        text: include_str!("curated/sklearn-1.0.yml"),
    },
    Shipped {
        names: &[
            "lightgbm-3.3",
            "lightgbm",
            "lightgbm-3.2-ubuntu18.04-py37-cpu",
        ],
        text: include_str!("curated/lightgbm-3.3.yml"),
    },
    Shipped {
        names: &["tensorflow-2.16-cuda12"],
        text: include_str!("curated/tensorflow-2.16.yml"),
    },
    Shipped {
        names: &["acpt-pytorch-2.8-cuda12.6"],
        text: include_str!("curated/acpt-pytorch-2.8.yml"),
    },
    Shipped {
        names: &["acpt-pytorch-2.2-cuda12.1"],
        text: include_str!("curated/acpt-pytorch-2.2.yml"),
    },
    Shipped {
        names: &[
            "acpt-pytorch-2.0-cuda11.7",
            "acpt-pytorch-1.13-cuda11.7",
            "acpt-pytorch-1.13-py38-cuda11.7-gpu",
            "pytorch-1.10-ubuntu18.04-py38-cuda11-gpu",
            "pytorch-1.9-ubuntu18.04-py37-cuda11-gpu",
        ],
        text: include_str!("curated/acpt-pytorch-2.0.yml"),
    },
];

/// The names that are listed: the ones without the prefix.
pub(super) fn listed() -> impl Iterator<Item = &'static str> {
    SHIPPED
        .iter()
        .flat_map(|shipped| shipped.names.iter().copied())
}

/// Whether there is that name.
pub(in crate::stage) fn has(name: &str) -> bool {
    let plain = plain(name);
    SHIPPED.iter().any(|shipped| shipped.names.contains(&plain))
}

/// The definition of a name.
pub(super) fn find(name: &str) -> Option<Result<Definition, DefinitionError>> {
    let plain = plain(name);
    let shipped = SHIPPED
        .iter()
        .find(|shipped| shipped.names.contains(&plain))?;
    Some(Definition::parse(shipped.text, name))
}

/// A name without the prefix.
pub(super) fn plain(name: &str) -> &str {
    name.strip_prefix(CURATED_PREFIX).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_is_whole() {
        for name in listed().chain(["AzureML-sklearn-1.5"]) {
            let definition = find(name).unwrap().unwrap();
            assert!(definition.image.is_none() && definition.description.is_some());
            let conda = definition.conda.unwrap().load(name).unwrap();
            assert!(conda.packages.conda_only.is_empty(), "{name}");
            assert!(conda.packages.requirements.len() > 5, "{name}");
            assert!(conda.packages.python.is_some(), "{name}");
        }
        assert!(find("AzureML-nothing").is_none());
    }
}
