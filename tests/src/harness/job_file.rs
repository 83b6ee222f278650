//! Job files as tests need them.

use std::fs;
use std::path::{Path, PathBuf};

use super::programs::program;

/// A job file under construction.
#[derive(Debug, Clone)]
pub struct JobFile {
    text: String,
}

impl JobFile {
    /// A job with that command.
    #[must_use]
    pub fn new(command: &str) -> JobFile {
        JobFile {
            text: format!(
                "command: {}\nenvironment: azureml:host@latest\n",
                quoted(command)
            ),
        }
    }

    /// A job file as it stands.
    #[must_use]
    pub fn of(text: &str) -> JobFile {
        JobFile { text: text.into() }
    }

    /// A job whose command is the probe.
    #[must_use]
    pub fn probe(arguments: &[&str]) -> JobFile {
        JobFile::new(&probe_command(arguments))
    }

    /// A job of that name that runs until it is ended.
    #[must_use]
    pub fn endless(name: &str) -> JobFile {
        JobFile::probe(&["sleep-ms", "600000"]).name(name)
    }

    /// With a name.
    #[must_use]
    pub fn name(self, name: &str) -> JobFile {
        self.with(&format!("name: {}", quoted(name)))
    }

    /// With a time limit in seconds.
    #[must_use]
    pub fn timeout(self, seconds: u64) -> JobFile {
        self.with(&format!("limits: {{timeout: {seconds}}}"))
    }

    /// With a priority: `low`, `medium`, `high`.
    #[must_use]
    pub fn priority(self, priority: &str) -> JobFile {
        self.with(&format!("queue_settings: {{priority: {priority}}}"))
    }

    /// With more lines of YAML.
    #[must_use]
    pub fn with(mut self, yaml: &str) -> JobFile {
        self.text.push_str(yaml);
        self.text.push('\n');
        self
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Writes it into a folder.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn write(&self, folder: &Path, file: &str) -> PathBuf {
        let path = folder.join(file);
        fs::write(&path, &self.text).unwrap();
        path
    }
}

/// A text as a double-quoted YAML scalar: JSON's form is one.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A shell command that runs the probe.
#[must_use]
pub fn probe_command(arguments: &[&str]) -> String {
    let probe = program("probe");
    let words = std::iter::once(probe.to_str().unwrap()).chain(arguments.iter().copied());
    let quoted: Vec<_> = words.map(|word| format!("'{word}'")).collect();
    format!("exec {}", quoted.join(" "))
}
