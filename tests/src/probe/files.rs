//! What the command finds when it starts, and traces that it leaves.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use super::run::Outcome;

/// Appends one line at once: as many lines, as many executions.
pub fn append(file: &Path, text: &str) -> Outcome {
    let mut file = OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(format!("{text}\n").as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the environment as it is, one variable a line.
pub fn environment() -> Outcome {
    for (name, value) in std::env::vars_os() {
        let line = [name.as_bytes(), b"=", value.as_bytes(), b"\n"].concat();
        io::stdout().write_all(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the working folder.
pub fn folder() -> Outcome {
    println!("{}", std::env::current_dir()?.display());
    Ok(ExitCode::SUCCESS)
}

/// Writes the numbers of the open descriptors, one a line.
pub fn descriptors() -> Outcome {
    // An entry keeps the listing open, so only the names are kept.
    let listed: io::Result<Vec<_>> = fs::read_dir("/proc/self/fd")?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect();
    let mut open: Vec<u32> = listed?
        .iter()
        .filter_map(|name| name.to_str()?.parse().ok())
        // The listing itself was one, and is closed by now.
        .filter(|number: &u32| {
            Path::new("/proc/self/fd")
                .join(number.to_string())
                .read_link()
                .is_ok()
        })
        .collect();
    open.sort_unstable();
    for number in open {
        println!("{number}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads standard input to its end and writes how many bytes it had.
pub fn read_stdin() -> Outcome {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input)?;
    println!("{}", input.len());
    Ok(ExitCode::SUCCESS)
}
