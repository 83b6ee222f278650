//! A file that registers data (Azure ML's data asset:
//! <https://azuremlschemas.azureedge.net/latest/data.schema.json>).

use std::collections::BTreeMap;

use super::base::text_map;
use super::field::Field;
use super::input::DATA_TYPES;
use super::secret::SECRET_HELP;
use super::{PathForm, classify_path, has_secret, name};
use crate::yaml::Value;

/// What a file registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataAsset {
    /// The name.
    pub name: String,
    /// The version; the next number when there is none.
    pub version: Option<String>,
    /// `uri_folder` (the default), `uri_file`, `mltable`, `custom_model`, …
    pub kind: String,
    /// A local path, relative to the file's folder where it is not absolute, or a URI.
    pub path: String,
    /// For people.
    pub description: Option<String>,
    /// For people and their scripts.
    pub tags: BTreeMap<String, String>,
}

/// `properties` and `datastore` have no effect here; the last keys come back from `show`.
const KEYS: &[&str] = &[
    "$schema",
    "name",
    "version",
    "type",
    "path",
    "description",
    "tags",
    "properties",
    "datastore",
    "auto_delete_setting",
    "id",
    "creation_context",
    "archived",
    "digest",
    "bytes",
    "job",
    "output",
];

impl DataAsset {
    pub(super) fn read(root: &Field<'_>) -> Option<DataAsset> {
        if !matches!(root.node.value, Value::Map(_)) {
            let message = format!("a data asset is a mapping, not {}", root.node.describe());
            root.error("wrong-type", message, "write `name: …` and `path: …`");
            return None;
        }
        let fields = root.fields(KEYS)?;
        let name = fields.require("name", "write `name:`, the name to register it as");
        let path = fields.require("path", "write `path:` with a local path or a URI");
        let kind = fields.get("type");
        let kind = kind.map_or(Some("uri_folder"), |kind| kind.word(DATA_TYPES));
        let tags = fields.read("tags", text_map).unwrap_or_default();
        let tags = tags.into_iter();
        let path = path.as_ref().and_then(place);
        Some(DataAsset {
            version: fields.read("version", name::asset),
            description: fields.text("description"),
            tags: tags
                .map(|(key, value)| (key, value.unwrap_or_default()))
                .collect(),
            name: name.as_ref().and_then(name::asset)?,
            kind: kind?.into(),
            path: path?,
        })
    }
}

/// A path that holds data itself and not only its name.
fn place(field: &Field<'_>) -> Option<String> {
    let text = field.path_text()?;
    if let PathForm::Asset(_) = classify_path(&text) {
        let message = format!("`{text}` is itself the name of an asset");
        field.error("bad-path", message, "write a local path or a URI");
        return None;
    }
    if has_secret(&text) {
        let message = "the address holds a token or password, which everybody who lists data sees";
        field.error("secret", message, SECRET_HELP);
        return None;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::JobText;
    use super::*;

    fn read(text: &str) -> Result<DataAsset, String> {
        let (asset, findings) = JobText::new(text.as_bytes(), None).read_data_asset();
        let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
        asset.ok_or(lines.join("\n"))
    }

    #[test]
    fn a_file_of_azure_ml() {
        let asset = read(
            "$schema: https://azuremlschemas.azureedge.net/latest/data.schema.json\nname: iris\n\
             version: 1\ntype: URI_FILE\npath: ./iris.csv\ndescription: flowers\ntags: {a: b, c: }\n",
        );
        let expected = DataAsset {
            name: "iris".into(),
            version: Some("1".into()),
            kind: "uri_file".into(),
            path: "./iris.csv".into(),
            description: Some("flowers".into()),
            tags: BTreeMap::from([("a".into(), "b".into()), ("c".into(), String::new())]),
        };
        assert_eq!(asset, Ok(expected));
        let short = read("name: d\npath: azureml://datastores/s/paths/x\n").unwrap();
        assert_eq!((short.kind.as_str(), short.version), ("uri_folder", None));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_place() {
        for (text, expected) in [
            ("[]", "a data asset is a mapping"),
            ("path: x", "`name` is required"),
            ("name: d", "`path` is required"),
            (
                "name: a/b\npath: x",
                "1:7: error: name: `a/b` cannot name an asset",
            ),
            (
                "name: d\npath: azureml:o:1",
                "is itself the name of an asset",
            ),
            (
                "name: d\npath: https://h/x?sig=1",
                "2:7: error: path: the address holds a token",
            ),
            (
                "name: d\npath: x\ntype: folder",
                "3:7: error: type: `folder`",
            ),
            ("name: d\npath: x\nkind: y", "unknown key `kind`"),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}
