//! `validate`: checks job files here, without a daemon.

use proto::diagnostic::{Diagnostic, Severity};

use super::submission;
use crate::args::ValidateArgs;
use crate::ending::Ending;
use crate::error::Error;
use crate::job_file::JobFile;
use crate::local_data;
use crate::output::{Emit, Format, print};

/// Checks the files: findings as `submit` shows them, else a line that the file is valid.
pub fn run(args: ValidateArgs) -> Result<Ending, Error> {
    let output = args.output;
    let Ok(files) = submission::read(&args.files.files()) else {
        return Ok(Ending::OwnError);
    };
    let mut all = Vec::new();
    for file in &files {
        let found = check(file);
        if output.is_for_people() && !is_refused(&found) {
            print::stdout(&format!("{}: valid\n", file.name))?;
        }
        all.extend(found);
    }
    let refused = is_refused(&all);
    match output.output {
        None | Some(Format::Table) if output.query.is_none() => {
            submission::tell(&all, &files, None)?;
        }
        _ => output.emit(&all, |_| String::new())?,
    }
    Ok(if refused {
        Ending::OwnError
    } else {
        Ending::Done
    })
}

fn is_refused(found: &[Diagnostic]) -> bool {
    found.iter().any(|d| d.severity == Severity::Error)
}

/// The findings of the reader that the daemon uses too, and what is missing on the disk.
fn check(file: &JobFile) -> Vec<Diagnostic> {
    let mut found = proto::job::read(file.text.as_bytes(), Some(&file.name)).diagnostics;
    found.extend(local_data::missing(file));
    found
}
