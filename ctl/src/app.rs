//! One run of jobctl: parse, do, tell what went wrong, end with the right code.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::args::{Cli, Command};
use crate::commands;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::print;

/// Does what the command line asks for.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let words: Vec<_> = arguments.collect();
    let ending = match Cli::read(&words) {
        Ok(cli) => perform(cli).unwrap_or_else(|error| told(&error)),
        Err(error) => usage(&error),
    };
    ExitCode::from(ending.code())
}

fn told(error: &Error) -> Ending {
    if error.is_output_closed() {
        return Ending::OutputClosed;
    }
    print::say(&error.to_string());
    Ending::OwnError
}

/// Help and version are successes; a wrong command line is an error of our own, not a job's.
fn usage(error: &clap::Error) -> Ending {
    match error.print() {
        Err(failure) if failure.kind() == std::io::ErrorKind::BrokenPipe => Ending::OutputClosed,
        _ if error.use_stderr() => Ending::OwnError,
        _ => Ending::Done,
    }
}

fn perform(cli: Cli) -> Result<Ending, Error> {
    let endpoint = || Endpoint::resolve(&cli.global, |name| std::env::var_os(name));
    match cli.command {
        Command::Run(args) => commands::run::run(&endpoint()?, &args),
        Command::Submit(args) => commands::submit::run(&endpoint()?, args),
        Command::Rerun(args) => commands::rerun::run(&endpoint()?, args),
        Command::RetryFinalize(args) => commands::retry_finalize::run(&endpoint()?, args),
        Command::List(args) => commands::list::run(&endpoint()?, &args),
        Command::Show(args) => commands::show::run(&endpoint()?, args),
        Command::Logs(args) => commands::logs::run(&endpoint()?, args),
        Command::Stream(args) => commands::logs::stream(&endpoint()?, args),
        Command::Cancel(args) => commands::cancel::run(&endpoint()?, args),
        Command::Wait(args) => commands::wait::run(&endpoint()?, &args),
        Command::Download(args) => commands::download::run(&endpoint()?, args),
        Command::Dump(args) => commands::dump::run(&endpoint()?, &args),
        Command::Validate(args) => commands::validate::run(args),
        Command::Init(args) => commands::init::run(&args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Archive(args) => commands::archive::run(&endpoint()?, args),
        Command::Restore(args) => commands::restore::run(&endpoint()?, args),
        Command::Data(args) => commands::data::run(&endpoint()?, args),
        Command::Environment(args) => commands::environment::run(&endpoint()?, args),
        Command::Status(args) => commands::status::run(&endpoint()?, &args),
        Command::Doctor(args) => commands::doctor::run(&cli.global, &args),
        Command::Pause => commands::pause::run(&endpoint()?),
        Command::Resume => commands::resume::run(&endpoint()?),
        Command::Shutdown => commands::shutdown::run(&endpoint()?),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
    }
}
