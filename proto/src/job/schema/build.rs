//! The parts that schemas are made of.

use serde_json::{Map, Value, json};

use super::keys;

/// Where definitions are found.
const DEFINITIONS: &str = "#/definitions/";

/// A schema: an object of JSON.
pub(super) type Schema = Value;

/// Text, empty or not.
pub(super) fn text() -> Schema {
    json!({"type": "string"})
}

/// Text that is not blank.
pub(super) fn filled() -> Schema {
    matching(r"\S")
}

/// Text that matches a pattern.
pub(super) fn matching(pattern: &str) -> Schema {
    json!({"type": "string", "pattern": pattern})
}

/// True or false.
pub(super) fn boolean() -> Schema {
    json!({"type": "boolean"})
}

/// An integer within bounds, also as text, as the reader takes it.
pub(super) fn integer(least: i64, most: i64) -> Schema {
    json!({"type": ["integer", "string"], "minimum": least, "maximum": most,
        "pattern": r"^\s*[-+]?[0-9_]+\s*$"})
}

/// Any integer.
pub(super) fn any_integer() -> Schema {
    json!({"type": ["integer", "string"], "pattern": r"^\s*[-+]?[0-9_]+\s*$"})
}

/// A number.
pub(super) fn number() -> Schema {
    json!({"type": "number"})
}

/// A number above 0.
pub(super) fn positive() -> Schema {
    json!({"type": "number", "exclusiveMinimum": 0})
}

/// Text, a number or a boolean.
pub(super) fn literal() -> Schema {
    json!({"type": ["string", "number", "boolean"]})
}

/// A mapping in which everything may stand.
pub(super) fn free_map() -> Schema {
    json!({"type": "object"})
}

/// Free keys with values of one schema.
pub(super) fn map_of(values: Schema) -> Schema {
    json!({"type": "object", "additionalProperties": values})
}

/// The same where a key must match a pattern.
pub(super) fn named(pattern: &str, values: Schema) -> Schema {
    json!({"type": "object", "propertyNames": {"pattern": pattern}, "additionalProperties": values})
}

/// A list.
pub(super) fn list_of(items: Schema) -> Schema {
    json!({"type": "array", "items": items})
}

/// A definition by its name.
pub(super) fn reference(name: &str) -> Schema {
    json!({"$ref": format!("{DEFINITIONS}{name}")})
}

/// The name of the definition that a reference leads to.
pub(super) fn referenced(reference: &str) -> Option<&str> {
    reference.strip_prefix(DEFINITIONS)
}

/// One of some words in any case. Editors offer those that are listed.
pub(super) fn words(words: &[&str]) -> Schema {
    json!({"anyOf": [{"enum": words}, any_case(words)]})
}

/// One of some words as it stands.
pub(super) fn exactly(words: &[&str]) -> Schema {
    json!({"enum": words})
}

/// Some words in any case. JSON Schema's patterns have no flag for that.
fn any_case(words: &[&str]) -> Schema {
    let alternatives: Vec<_> = words.iter().map(|word| spelled(word, "")).collect();
    matching(&format!("^({})$", alternatives.join("|")))
}

/// Some words in any case, with `_` anywhere.
pub(super) fn loosely(words: &[&str]) -> Schema {
    let plain = words.iter().map(|word| word.replace('_', ""));
    let alternatives: Vec<_> = plain.map(|word| spelled(&word, "_*")).collect();
    matching(&format!("^_*({})$", alternatives.join("|")))
}

fn spelled(word: &str, between: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphabetic() {
        true => format!(
            "[{}{}]{between}",
            c.to_ascii_uppercase(),
            c.to_ascii_lowercase()
        ),
        false => format!("{c}{between}"),
    };
    word.chars().map(letter).collect()
}

/// A schema for mappings, and another for everything else.
pub(super) fn map_or(map: Schema, other: Schema) -> Schema {
    json!({"if": {"type": "object"}, "then": map, "else": other})
}

/// The schema, or nothing (null).
pub(super) fn nullable(schema: Schema) -> Schema {
    json!({"if": {"type": "null"}, "then": true, "else": schema})
}

/// A mapping with known keys. `own` describes those whose meaning is not the same everywhere.
pub(super) struct Object<'a> {
    /// The reader's list.
    pub(super) keys: &'a [&'static str],
    /// The keys that must be there.
    pub(super) required: &'a [&'a str],
    /// Key, text for hover, schema.
    pub(super) own: Vec<(&'a str, &'a str, Schema)>,
}

impl Object<'_> {
    /// No other keys.
    pub(super) fn closed(self) -> Schema {
        let mut schema = self.open();
        schema["additionalProperties"] = false.into();
        schema
    }

    /// Other keys too, which a reader warns of.
    pub(super) fn open(self) -> Schema {
        let describe = |key: &&'static str| {
            let own = self.own.iter().find(|(name, ..)| name == key);
            let (hover, schema) = match own {
                Some((_, hover, schema)) => (*hover, schema.clone()),
                None => keys::common(key),
            };
            ((*key).to_owned(), described(schema, hover))
        };
        let properties: Map<_, _> = self.keys.iter().map(describe).collect();
        json!({"type": "object", "properties": properties, "required": self.required})
    }
}

/// A schema with the text that an editor shows.
pub(super) fn described(mut schema: Schema, hover: &str) -> Schema {
    if let (Value::Object(map), false) = (&mut schema, hover.is_empty()) {
        map.insert("description".into(), hover.into());
    }
    schema
}

/// A mapping whose `type` decides what else is in it: the types' words with the schema of each.
/// `default` is the type of one without a type, which is wrong where there is none.
pub(super) fn by_type(
    hover: &str,
    kind: Schema,
    default: Option<&Schema>,
    variants: &[(Schema, Schema)],
) -> Schema {
    let branch = |(word, schema): &(Schema, Schema)| json!({"if": {"required": ["type"], "properties": {"type": word}}, "then": schema});
    let mut branches: Vec<_> = variants.iter().map(branch).collect();
    let required: &[&str] = match default {
        Some(schema) => {
            branches.push(json!({"if": {"not": {"required": ["type"]}}, "then": schema}));
            &[]
        }
        None => &["type"],
    };
    json!({"type": "object", "required": required, "allOf": branches,
        "properties": {"type": described(kind, hover)}})
}

/// One word in any case, for [`by_type`].
pub(super) fn word(one: &str) -> Schema {
    any_case(&[one])
}
