//! `schema`: the JSON Schema of job files, for editors.

use proto::job::{SchemaKind, schema};

use crate::args::{DocumentKind, SchemaArgs};
use crate::ending::Ending;
use crate::error::Error;
use crate::output::{json, print};

/// Prints the schema.
pub fn run(args: &SchemaArgs) -> Result<Ending, Error> {
    let kind = match args.kind {
        None => SchemaKind::Job,
        Some(DocumentKind::Command) => SchemaKind::Command,
        Some(DocumentKind::Sweep) => SchemaKind::Sweep,
        Some(DocumentKind::Pipeline) => SchemaKind::Pipeline,
        Some(DocumentKind::Component) => SchemaKind::Component,
    };
    print::stdout(&json(&schema(kind))?)?;
    Ok(Ending::Done)
}
