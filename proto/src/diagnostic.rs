//! What is wrong or notable in a file of the user, and where: the one shape in which jobd
//! refuses. Rendering (colours, source lines) belongs to the client.

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Accepted; something has no effect on this machine.
    Note,
    /// Accepted; something is deprecated or likely a mistake.
    Warning,
    /// Refused.
    Error,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable code in kebab case, such as `unknown-key`.
    pub code: String,
    /// What is wrong, as a sentence fragment without the position.
    pub message: String,
    /// What to write instead: the allowed values, "did you mean …".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The field, such as `inputs.data.mode`; empty for the file as a whole.
    #[serde(default)]
    pub path: String,
    /// The file, as the user named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where in the file.
    #[serde(default)]
    pub span: Span,
}

/// A place in a text. `line` 0 means that no place is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Span {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The byte offset in the text.
    pub offset: usize,
    /// The length in bytes.
    pub length: usize,
}

/// Characters of a message, help or path at most: what a file holds may end up in them.
pub const MESSAGE_CHARS_MAX: usize = 400;

/// A text cut to [`MESSAGE_CHARS_MAX`].
pub(crate) fn clip(text: String) -> String {
    match text.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

impl Diagnostic {
    /// A refusal, for the file as a whole until [`Diagnostic::path`] names a field.
    pub fn error(code: &str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: code.into(),
            message: clip(message.into()),
            help: None,
            path: String::new(),
            file: None,
            span,
        }
    }

    /// The same with what to write instead.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(clip(help.into()));
        self
    }
}

impl std::fmt::Display for Diagnostic {
    /// `file:line:column: error: path: message (help)`, one line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
        }
        if self.span.line > 0 {
            write!(f, "{}:{}:", self.span.line, self.span.column)?;
        }
        let severity = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, " {severity}: ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}
