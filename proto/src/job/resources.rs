//! `resources` (azureml.md §1.3): how much of the machine a job asks for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::Field;
use super::json;

/// Instances of a job at most.
pub const INSTANCES_MAX: i64 = 10_000;

/// The resources of a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Nodes; at least 1, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_count: Option<u32>,
    /// The size of a node, in the words of a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// The size of `/dev/shm`, as written: see [`shm_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<String>,
    /// Arguments for a container runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_args: Option<DockerArgs>,
    /// Whatever a compute target understands.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Value>,
    /// Regions of a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<Vec<String>>,
    /// Nodes that an elastic job may grow to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_instance_count: Option<u32>,
}

/// Arguments for a container runtime: one text or a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DockerArgs {
    /// As a shell would have them.
    Text(String),
    /// One argument an item.
    List(Vec<String>),
}

pub(super) const KEYS: &[&str] = &[
    "instance_count",
    "instance_type",
    "shm_size",
    "docker_args",
    "properties",
    "locations",
    "max_instance_count",
];

impl Resources {
    /// Reads `resources`.
    pub(super) fn read(field: &Field<'_>) -> Option<Resources> {
        let fields = field.fields(KEYS)?;
        let count = |key| {
            fields
                .get(key)
                .and_then(|count| count.integer_within(1, INSTANCES_MAX))
        };
        Some(Resources {
            instance_count: count("instance_count"),
            instance_type: fields.get("instance_type").and_then(|kind| kind.text()),
            shm_size: fields.get("shm_size").and_then(|size| shm_size(&size)),
            docker_args: fields
                .get("docker_args")
                .and_then(|args| DockerArgs::read(&args)),
            properties: fields
                .get("properties")
                .and_then(|map| json::map(&map))
                .unwrap_or_default(),
            locations: fields.get("locations").and_then(|list| texts(&list)),
            max_instance_count: count("max_instance_count"),
        })
    }
}

impl DockerArgs {
    fn read(field: &Field<'_>) -> Option<DockerArgs> {
        match field.node.value {
            crate::yaml::Value::Seq(_) => texts(field).map(DockerArgs::List),
            _ => field.text().map(|text| match printed_list(&text) {
                Some(list) => DockerArgs::List(list),
                None => DockerArgs::Text(text),
            }),
        }
    }
}

/// The items of a list of texts as Python prints it, `['--ipc=host', '-v']`: the form in which
/// the SDK dumps a list here. Nothing for any other text.
fn printed_list(text: &str) -> Option<Vec<String>> {
    let mut rest = text.strip_prefix('[')?;
    let mut items = Vec::new();
    loop {
        let (item, after) = printed_text(rest)?;
        items.push(item);
        match after.strip_prefix(", ") {
            Some(more) => rest = more,
            None => return (after == "]").then_some(items),
        }
    }
}

/// A text as Python prints it, and what follows it; other escapes than these do not occur in
/// arguments.
fn printed_text(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut item = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((item, &text[at + 1..])),
            '\\' => item.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                c @ ('\\' | '\'' | '"') => c,
                _ => return None,
            }),
            c => item.push(c),
        }
    }
    None
}

fn texts(field: &Field<'_>) -> Option<Vec<String>> {
    field.items()?.iter().map(Field::text).collect()
}

/// The bytes of a `shm_size`: a number above 0 and one of `b`, `k`, `m`, `g`
/// (Azure ML's documentation of `resources.shm_size`); nothing where the text is not one.
pub fn shm_bytes(text: &str) -> Option<u64> {
    let digits = text.len().checked_sub(1)?;
    let (number, unit) = text.split_at_checked(digits)?;
    let scale = match unit.to_ascii_lowercase().as_str() {
        "b" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    let plain = number.bytes().all(|digit| digit.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|number| plain && *number > 0)?;
    number.checked_mul(scale)
}

fn shm_size(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    if shm_bytes(&text).is_none() {
        let message = format!("`{text}` is not a size");
        field.error(
            "bad-size",
            message,
            "write a whole number above 0 and b, k, m or g, such as 2g",
        );
        return None;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::shm_bytes;

    #[test]
    fn sizes() {
        assert_eq!(shm_bytes("2g"), Some(2 << 30));
        assert_eq!(shm_bytes("16M"), Some(16 << 20));
        assert_eq!(shm_bytes("1b"), Some(1));
        for bad in [
            "",
            "g",
            "0g",
            "-1g",
            "+1g",
            "1",
            "1.5g",
            "lots",
            "2gb",
            "2é",
            "99999999999999999999g",
            "18446744073709551615k",
        ] {
            assert_eq!(shm_bytes(bad), None, "{bad}");
        }
    }
}
