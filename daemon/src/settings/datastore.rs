//! `datastores` of the configuration: places for data by their names.

use std::collections::BTreeMap;

use proto::diagnostic::Diagnostic;
use proto::stage::Datastore;
use proto::yaml::{Entry, Node};

use super::stage::{CREDENTIALS_HELP, Wrong, absolute, address, entries, filled};

const HELP: &str = "a name and a place: `training: {type: folder, path: /data/training}`";
const TYPES: &str = "folder, azure_blob, s3 or gcs";
/// The most characters of a name.
const NAME_CHARS: usize = 255;

/// Takes all of them; what is wrong is left out and told.
pub(super) fn take_all(into: &mut BTreeMap<String, Datastore>, node: &Node) -> Vec<Diagnostic> {
    let entries = match entries(node, HELP) {
        Ok(entries) => entries,
        Err(wrong) => return vec![wrong.of("datastores")],
    };
    let mut found = Vec::new();
    for entry in entries {
        let field = format!("datastores.{}", entry.key.text());
        match named(entry).map_err(|wrong| wrong.of(&field)) {
            Ok(name) => match datastore(&entry.value, &field) {
                Ok(datastore) => drop(into.insert(name, datastore)),
                Err(diagnostic) => found.push(*diagnostic),
            },
            Err(diagnostic) => found.push(diagnostic),
        }
    }
    found
}

fn named(entry: &Entry) -> Result<String, Wrong> {
    let name = entry.key.text();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.len() > NAME_CHARS || !name.chars().all(is_plain) {
        let message = format!("`{name}` cannot be the name of a datastore");
        let help = "letters, digits, `_` and `-`";
        return Err(Wrong::new("bad-name", entry.key.span, message, help));
    }
    Ok(name.into())
}

/// The keys of one datastore while they are read.
struct Keys<'a> {
    node: &'a Node,
    field: &'a str,
}

fn datastore(node: &Node, field: &str) -> Result<Datastore, Box<Diagnostic>> {
    let keys = Keys { node, field };
    let entries = entries(node, HELP).map_err(|wrong| wrong.of(field))?;
    let kind = keys.needed("type", filled)?;
    let known = known_keys(&kind).ok_or_else(|| {
        let span = node.get("type").map_or(node.span, |kind| kind.span);
        let message = format!("`{kind}` is not a type of a datastore");
        Wrong::new("unknown-value", span, message, TYPES).of(&format!("{field}.type"))
    })?;
    if let Some(stray) = entries
        .iter()
        .find(|entry| !known.contains(&entry.key.text()))
    {
        return Err(Box::new(keys.stray(stray, known)));
    }
    keys.build(&kind)
}

fn known_keys(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "folder" => Some(&["type", "path"]),
        "azure_blob" => Some(&[
            "type",
            "account",
            "container",
            "endpoint",
            "credentials_file",
        ]),
        "s3" => Some(&["type", "bucket", "region", "endpoint", "credentials_file"]),
        "gcs" => Some(&["type", "bucket", "endpoint", "credentials_file"]),
        _ => None,
    }
}

impl Keys<'_> {
    fn build(&self, kind: &str) -> Result<Datastore, Box<Diagnostic>> {
        let credentials_file = self.may("credentials_file", absolute)?;
        let endpoint = self.may("endpoint", address)?;
        Ok(match kind {
            "folder" => Datastore::Folder {
                path: self.needed("path", absolute)?,
            },
            "azure_blob" => Datastore::AzureBlob {
                account: self.needed("account", filled)?,
                container: self.needed("container", filled)?,
                endpoint,
                credentials_file,
            },
            "s3" => Datastore::S3 {
                bucket: self.needed("bucket", filled)?,
                region: self.may("region", filled)?,
                endpoint,
                credentials_file,
            },
            _ => Datastore::Gcs {
                bucket: self.needed("bucket", filled)?,
                endpoint,
                credentials_file,
            },
        })
    }

    fn may<T>(
        &self,
        key: &str,
        read: fn(&Node) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Box<Diagnostic>> {
        let read = self.node.get(key).map(read).transpose();
        read.map_err(|wrong| Box::new(wrong.of(&format!("{}.{key}", self.field))))
    }

    fn needed<T>(
        &self,
        key: &str,
        read: fn(&Node) -> Result<T, Wrong>,
    ) -> Result<T, Box<Diagnostic>> {
        self.may(key, read)?.ok_or_else(|| {
            let message = format!("the key `{key}` is required");
            Box::new(Wrong::new("missing-key", self.node.span, message, HELP).of(self.field))
        })
    }

    fn stray(&self, entry: &Entry, known: &[&str]) -> Diagnostic {
        let key = entry.key.text();
        let is_secret = ["key", "secret", "token", "sas", "password", "credential"]
            .iter()
            .any(|word| key.to_ascii_lowercase().contains(word));
        let help = match is_secret {
            true => CREDENTIALS_HELP.to_owned(),
            false => format!("known are {}", known.join(", ")),
        };
        let field = format!("{}.{key}", self.field);
        Wrong::new("unknown-key", entry.key.span, "this key is not known", help).of(&field)
    }
}
