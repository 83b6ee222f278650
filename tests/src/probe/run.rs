//! Which arguments mean what.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use super::{ends, files, output, processes};

/// The exit code for arguments that mean nothing.
pub const EXIT_USAGE: u8 = 64;

/// What may go wrong in a subcommand.
pub type Outcome = Result<ExitCode, Box<dyn Error>>;

/// Does what the arguments say.
///
/// # Errors
/// Wrong arguments, and whatever the system refuses.
pub fn run(arguments: &[String]) -> Outcome {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, rest) = words.split_first().ok_or("no subcommand")?;
    match (*name, rest) {
        ("exit", [code]) => Ok(ExitCode::from(code.parse::<u8>()?)),
        ("signal", [number]) => ends::signal(number.parse()?),
        ("sleep-ms", [milliseconds]) => ends::sleep(milliseconds.parse()?),
        ("ignore-term", options) => ends::ignore_term(path_of(options, "--ready")),
        ("stop-self", []) => ends::stop_self(),
        ("hold", [file]) => ends::hold(Path::new(file)),
        ("detach", options) => processes::detach(
            path_of(options, "--pid-file").ok_or("detach needs --pid-file F")?,
            options.contains(&"--ignore-term"),
            options.contains(&"--hold-output"),
        ),
        ("detached", options) => processes::detached(
            path_of(options, "--pid-file").ok_or("detached needs --pid-file F")?,
            options.contains(&"--ignore-term"),
        ),
        ("tree", [size]) => processes::tree(size.parse()?),
        ("forkers", options) => processes::forkers(path_of(options, "--ready")),
        ("close-output", options) => output::close_both(path_of(options, "--ready")),
        ("spew", [bytes, options @ ..]) => {
            output::spew(bytes.parse()?, options.contains(&"--binary"))
        }
        ("lines", [count]) => output::lines(count.parse()?),
        ("append", [file, text]) => files::append(Path::new(file), text),
        ("env", []) => files::environment(),
        ("cwd", []) => files::folder(),
        ("fds", []) => files::descriptors(),
        ("read-stdin", []) => files::read_stdin(),
        _ => Err(format!("cannot understand {words:?}").into()),
    }
}

/// The value that follows an option.
fn path_of<'a>(words: &[&'a str], option: &str) -> Option<&'a Path> {
    let at = words.iter().position(|word| *word == option)?;
    words.get(at + 1).copied().map(Path::new)
}
