//! A text with its references found, and its rendering.

use std::fmt;
use std::ops::Range;

/// What a reference looks into. The words are Azure ML's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// `inputs.NAME`: an input of the job or step itself.
    Inputs,
    /// `outputs.NAME`: an output of the job or step itself.
    Outputs,
    /// `search_space.NAME`: a hyperparameter of a sweep.
    SearchSpace,
    /// `parent.inputs.NAME`: an input of the pipeline.
    ParentInputs,
    /// `parent.outputs.NAME`: an output of the pipeline.
    ParentOutputs,
    /// `parent.jobs.STEP`: another step as a whole.
    Step,
    /// `parent.jobs.STEP.inputs.NAME`: an input of another step.
    StepInputs,
    /// `parent.jobs.STEP.outputs.NAME`: an output of another step.
    StepOutputs,
    /// `default_datastore`, without a name.
    DefaultDatastore,
    /// `name`: the job's name, without a name of its own.
    JobName,
    /// `output_name`, without a name of its own.
    OutputName,
}

impl Context {
    /// The contexts that a name follows, by their words.
    pub(super) const NAMED: [(&'static str, Context); 5] = [
        ("inputs", Context::Inputs),
        ("outputs", Context::Outputs),
        ("search_space", Context::SearchSpace),
        ("parent.inputs", Context::ParentInputs),
        ("parent.outputs", Context::ParentOutputs),
    ];
    /// The contexts that stand alone, by their words.
    pub(super) const ALONE: [(&'static str, Context); 3] = [
        ("default_datastore", Context::DefaultDatastore),
        ("name", Context::JobName),
        ("output_name", Context::OutputName),
    ];
}

/// A reference in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What it looks into.
    pub context: Context,
    /// The step of `parent.jobs.STEP`; empty in other contexts.
    pub step: String,
    /// The name; empty for contexts that stand alone.
    pub name: String,
    /// Where the whole expression stands in the text, in bytes.
    pub at: Range<usize>,
    /// It is written in the deprecated single braces.
    pub deprecated: bool,
}

impl fmt::Display for Reference {
    /// `inputs.NAME`, without braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.context {
            Context::Step => return write!(f, "parent.jobs.{}", self.step),
            Context::StepInputs => {
                return write!(f, "parent.jobs.{}.inputs.{}", self.step, self.name);
            }
            Context::StepOutputs => {
                return write!(f, "parent.jobs.{}.outputs.{}", self.step, self.name);
            }
            _ => {}
        }
        let is_ours = |(_, context): &&(&str, Context)| *context == self.context;
        if let Some((word, _)) = Context::ALONE.iter().find(is_ours) {
            return f.write_str(word);
        }
        let word = Context::NAMED
            .iter()
            .find(is_ours)
            .map_or("", |(word, _)| word);
        write!(f, "{word}.{}", self.name)
    }
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// A reference.
    Reference(Reference),
    /// The inside of `$[[…]]`: text and references.
    Optional(Vec<Part>),
}

/// A text with its references found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub(super) parts: Vec<Part>,
}

/// A reference outside brackets has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`${{{{{reference}}}}}` has no value")]
pub struct Unresolved {
    /// The reference.
    pub reference: Reference,
}

impl Template {
    /// The pieces in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Every reference in order, those in brackets too.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Optional(inner) => inner.as_slice(),
                part => std::slice::from_ref(part),
            })
            .filter_map(|part| match part {
                Part::Reference(reference) => Some(reference),
                _ => None,
            })
    }

    /// The references that may lack a value: those that stand alone in a bracket, as Azure
    /// ML's client sees it (a bracket with two makes both mandatory).
    pub fn optional(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| {
            let Part::Optional(inner) = part else {
                return None;
            };
            let mut references = inner.iter().filter_map(|part| match part {
                Part::Reference(reference) => Some(reference),
                _ => None,
            });
            let first = references.next();
            first.filter(|_| references.next().is_none())
        })
    }

    /// The text with every reference replaced by its value, exactly as the resolver gives it.
    /// A bracket with a reference that has none disappears; in deprecated braces it stays text.
    ///
    /// # Errors
    /// A reference outside brackets has no value.
    pub fn render(
        &self,
        resolve: impl Fn(&Reference) -> Option<String>,
    ) -> Result<String, Unresolved> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Optional(inner) => out.push_str(&render(inner, &resolve).unwrap_or_default()),
                part => out.push_str(&render(std::slice::from_ref(part), &resolve)?),
            }
        }
        Ok(out)
    }
}

fn render(
    parts: &[Part],
    resolve: &impl Fn(&Reference) -> Option<String>,
) -> Result<String, Unresolved> {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Reference(reference) => match resolve(reference) {
                Some(value) => out.push_str(&value),
                None if reference.deprecated => out.push_str(&format!("{{{reference}}}")),
                None => {
                    return Err(Unresolved {
                        reference: reference.clone(),
                    });
                }
            },
            // Brackets do not nest: the parser takes an inner one as text.
            Part::Optional(inner) => out.push_str(&render(inner, resolve)?),
        }
    }
    Ok(out)
}
