//! From text to template, with every fault found and placed.

use std::ops::Range;

use super::{Context, Part, Reference, Template};

/// Faults that are found in a text before the search ends.
pub const MAX_FAULTS: usize = 20;

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// `${{` without `}}`.
    #[error("this expression has no `}}}}`")]
    Unterminated,
    /// `$[[` without `]]`.
    #[error("this optional part has no `]]`")]
    UnterminatedOptional,
    /// Not a path of names.
    #[error("`{0}` is not a reference")]
    Malformed(String),
    /// A path that begins with no known context.
    #[error("`{0}` refers to nothing that exists")]
    UnknownContext(String),
}

impl Problem {
    /// What to write instead.
    pub fn help(&self) -> String {
        match self {
            Problem::Unterminated => "write ${{inputs.NAME}}".into(),
            Problem::UnterminatedOptional => "write $[[--flag ${{inputs.NAME}}]]".into(),
            Problem::UnknownContext(path) if path.starts_with("jobs.") || path == "jobs" => {
                format!("this has changed to ${{{{parent.{path}}}}}")
            }
            Problem::Malformed(_) | Problem::UnknownContext(_) => {
                "write inputs.NAME, outputs.NAME, or what the place allows".into()
            }
        }
    }
}

/// A problem and where it stands in the text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Fault {
    /// What is wrong.
    pub problem: Problem,
    /// Where.
    pub at: Range<usize>,
}

impl Template {
    /// Finds the references of a text.
    ///
    /// # Errors
    /// All faults, placed.
    pub fn parse(text: &str) -> Result<Template, Vec<Fault>> {
        match Template::parse_past_faults(text) {
            (template, faults) if faults.is_empty() => Ok(template),
            (_, faults) => Err(faults),
        }
    }

    /// Finds the references of a text and its faults, so that both can be reported at once;
    /// a faulty expression is left out.
    pub fn parse_past_faults(text: &str) -> (Template, Vec<Fault>) {
        let mut parser = Parser {
            text,
            at: 0,
            faults: Vec::new(),
        };
        let parts = parser.parts(None);
        (Template { parts }, parser.faults)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    faults: Vec<Fault>,
}

impl Parser<'_> {
    /// Pieces up to the end of the text or of the bracket that closes at `end`.
    fn parts(&mut self, end: Option<usize>) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut from = self.at;
        let stop = end.unwrap_or(self.text.len());
        while self.at < stop && self.faults.len() < MAX_FAULTS {
            let before = self.at;
            let Some(part) = self.special(end.is_some()) else {
                self.at += self.text[self.at..]
                    .chars()
                    .next()
                    .map_or(1, char::len_utf8);
                continue;
            };
            push_text(&mut parts, &self.text[from..before]);
            parts.push(part);
            from = self.at;
        }
        push_text(&mut parts, &self.text[from.min(stop)..stop]);
        parts
    }

    /// The expression or bracket that begins here, if one does; the cursor then stands after it.
    fn special(&mut self, inside: bool) -> Option<Part> {
        let rest = &self.text[self.at..];
        if rest.starts_with("${{") {
            return Some(self.expression());
        }
        if rest.starts_with("$[[") && !inside {
            return Some(self.bracket());
        }
        self.deprecated().map(Part::Reference)
    }

    fn expression(&mut self) -> Part {
        let start = self.at;
        let inside = &self.text[start + 3..];
        let end = inside
            .find("}}")
            .filter(|end| !inside[..*end].contains("${{"));
        let Some(end) = end else {
            let token = inside
                .find([' ', '\n'])
                .map_or(self.text.len(), |blank| start + 3 + blank);
            return self.fault(Problem::Unterminated, start..token);
        };
        let at = start..start + 3 + end + 2;
        match path(inside[..end].trim()) {
            Ok((context, step, name)) => {
                self.at = at.end;
                Part::Reference(Reference {
                    context,
                    step,
                    name,
                    at,
                    deprecated: false,
                })
            }
            Err(problem) => self.fault(problem, at),
        }
    }

    fn bracket(&mut self) -> Part {
        let start = self.at;
        let Some(length) = self.text[start + 3..].find("]]") else {
            return self.fault(Problem::UnterminatedOptional, start..start + 3);
        };
        let end = start + 3 + length;
        self.at = start + 3;
        let parts = self.parts(Some(end));
        self.at = self.at.max(end + 2);
        Part::Optional(parts)
    }

    /// `{inputs.x}` that is no part of `${…}` or `{{…}}`.
    fn deprecated(&mut self) -> Option<Reference> {
        let start = self.at;
        let inside = self.text[start..].strip_prefix('{')?;
        let end = inside
            .find(|c| !is_word(c))
            .filter(|end| inside[*end..].starts_with('}'))?;
        let alone =
            !self.text[..start].ends_with(['$', '{']) && !inside[end + 1..].starts_with('}');
        let (context, step, name) = path(&inside[..end]).ok().filter(|_| alone)?;
        let known = matches!(
            context,
            Context::Inputs | Context::Outputs | Context::SearchSpace
        );
        let at = start..start + end + 2;
        known.then(|| {
            self.at = at.end;
            Reference {
                context,
                step,
                name,
                at,
                deprecated: true,
            }
        })
    }

    /// Notes a fault and goes on after it.
    fn fault(&mut self, problem: Problem, at: Range<usize>) -> Part {
        self.at = at.end;
        self.faults.push(Fault { problem, at });
        Part::Text(String::new())
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.into()));
    }
}

/// `inputs.x` → what it looks into, the step and the name.
fn path(text: &str) -> Result<(Context, String, String), Problem> {
    if text.is_empty() || !text.chars().all(is_word) || text.split('.').any(str::is_empty) {
        return Err(Problem::Malformed(text.into()));
    }
    if let Some((_, context)) = Context::ALONE.iter().find(|(word, _)| *word == text) {
        return Ok((*context, String::new(), String::new()));
    }
    if let Some((context, step, name)) = text.strip_prefix("parent.jobs.").and_then(of_step) {
        return Ok((context, step.into(), name.into()));
    }
    let named = Context::NAMED.iter().find_map(|(word, context)| {
        let name = text.strip_prefix(word)?.strip_prefix('.')?;
        Some((*context, String::new(), name.to_owned()))
    });
    named.ok_or_else(|| Problem::UnknownContext(text.into()))
}

/// What the paths of references are made of.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// `STEP` or `STEP.outputs.NAME`.
fn of_step(text: &str) -> Option<(Context, &str, &str)> {
    let Some((step, rest)) = text.split_once('.') else {
        return Some((Context::Step, text, ""));
    };
    let (context, name) = rest.split_once('.')?;
    match context {
        "inputs" => Some((Context::StepInputs, step, name)),
        "outputs" => Some((Context::StepOutputs, step, name)),
        _ => None,
    }
}
