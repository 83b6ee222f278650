//! A mapping whose keys are known: reports the others and what is missing.

use super::field::Field;
use super::suggest;
use crate::diagnostic::Severity;
use crate::yaml::Entry;

/// A mapping with known keys.
pub(super) struct Fields<'a> {
    /// The mapping itself.
    pub(super) whole: Field<'a>,
    entries: &'a [Entry],
    known: &'static [&'static str],
}

impl<'a> Fields<'a> {
    /// Reports every key that is not known.
    pub(super) fn new(
        whole: Field<'a>,
        entries: &'a [Entry],
        known: &'static [&'static str],
    ) -> Fields<'a> {
        for entry in entries
            .iter()
            .filter(|entry| !known.contains(&entry.key.text()))
        {
            let key = entry.key.text();
            let field = whole.child(&entry.key, &entry.value);
            let help = elsewhere(key).map_or_else(|| suggest::help(key, known), str::to_owned);
            field.report_at(
                entry.key.span,
                Severity::Error,
                "unknown-key",
                format!("unknown key `{key}`"),
                help,
            );
        }
        Fields::lenient(whole, entries, known)
    }

    /// Reports nothing.
    pub(super) fn lenient(
        whole: Field<'a>,
        entries: &'a [Entry],
        known: &'static [&'static str],
    ) -> Fields<'a> {
        Fields {
            whole,
            entries,
            known,
        }
    }

    /// The value of a key, if the file has it.
    pub(super) fn get(&self, key: &str) -> Option<Field<'a>> {
        debug_assert!(self.known.contains(&key), "{key} is read but not known");
        let entry = self.entries.iter().find(|entry| entry.key.text() == key)?;
        Some(self.whole.child(&entry.key, &entry.value))
    }

    /// The value of a key, read by a reader of its type.
    pub(super) fn read<T>(
        &self,
        key: &str,
        reader: impl FnOnce(&Field<'a>) -> Option<T>,
    ) -> Option<T> {
        self.get(key).and_then(|field| reader(&field))
    }

    /// The text of a key.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.read(key, Field::text)
    }

    /// The value of a key that must be there.
    pub(super) fn require(&self, key: &str, help: &str) -> Option<Field<'a>> {
        let found = self.get(key);
        if found.is_none() {
            self.whole
                .error("missing-key", format!("the key `{key}` is required"), help);
        }
        found
    }
}

/// Keys that belong to another place of a job file, with that place.
fn elsewhere(key: &str) -> Option<&'static str> {
    Some(match key {
        "timeout" => "a time limit stands under `limits`: `limits: {timeout: 3600}`",
        "instance_count" | "instance_type" | "shm_size" | "docker_args" => {
            "this stands under `resources`"
        }
        "priority" | "job_tier" => "this stands under `queue_settings`",
        "process_count_per_instance" => "this stands under `distribution`",
        "env" | "env_vars" | "variables" => "did you mean `environment_variables`?",
        "job_service_type" => "did you mean `type`?",
        "image" | "conda_file" | "build" => "this stands under `environment`",
        "channels" | "dependencies" => "this belongs in a conda file: `conda_file: ./conda.yml`",
        _ => return None,
    })
}
