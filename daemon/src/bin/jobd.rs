//! The daemon's main: arguments, paths, settings, and the way into the background.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use jobd::app::{self, AppError};
use jobd::layout::Layout;
use jobd::settings::{self, Overrides, Settings};
use jobd::state::StateError;
use jobd::sys;
use jobd::trust;
use proto::finding::{self, Level};
use proto::outcome::{EXIT_HELD, EXIT_OWN_ERROR};
use proto::paths::{self, Paths};

/// Runs Azure ML jobs on this machine: takes them from a socket and a spool folder, supervises
/// them, and hands running ones on to the next daemon.
///
/// JOBD_HOME=DIR keeps everything under one folder; without it the XDG directories are used.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Verb>,
    #[command(flatten)]
    overrides: Overrides,
    /// Go to the background; return once the socket answers
    #[arg(long)]
    background: bool,
    /// List the failpoints of the daemon and of the shim
    #[cfg(feature = "failpoints")]
    #[arg(long)]
    failpoints: bool,
    /// Print the pid on standard output once the socket answers, then let go of the terminal
    #[arg(long, hide = true)]
    announce: bool,
}

/// What the program does instead of serving.
#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Rebuild a store that is missing or damaged from the jobs' folders, and from what can be
    /// read of it; deletes nothing
    Recover {
        /// The output format
        #[arg(short, long, value_enum, default_value = "table")]
        output: Form,
    },
    /// Say what is weaker on this machine and check the store; changes nothing. Exit code 1 when
    /// something is broken. `jobctl doctor` adds what a client sees
    Doctor {
        /// The output format
        #[arg(short, long, value_enum, default_value = "table")]
        output: Form,
        #[command(flatten)]
        places: Places,
    },
}

/// Paths that take the place of those that the environment names.
#[derive(Debug, clap::Args)]
struct Places {
    /// The socket
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The state folder
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The spool folder
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    /// The configuration
    #[arg(long, value_name = "FILE")]
    configuration: Option<PathBuf>,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people.
    Table,
    /// For programs.
    Json,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(feature = "failpoints")]
    if arguments.failpoints {
        list_failpoints();
        return ExitCode::SUCCESS;
    }
    let result = match arguments.command {
        Some(Verb::Recover { output }) => recover(output),
        Some(Verb::Doctor { output, places }) => doctor(output, places),
        None if arguments.background => go_to_background(),
        None => serve(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("jobd: {error}");
            match error.downcast_ref() {
                Some(AppError::State(StateError::Held { .. })) if arguments.announce => held(),
                _ => own_error(),
            }
        }
    }
}

#[cfg(feature = "failpoints")]
fn list_failpoints() {
    use jobd::sys::failpoint::{DAEMON_LABELS, SHIM_LABELS};
    for label in DAEMON_LABELS.iter().chain(SHIM_LABELS) {
        println!("{label}");
    }
}

/// Whoever wanted a daemon in the background learns that there is one, or soon will be.
fn held() -> ExitCode {
    ExitCode::from(u8::try_from(EXIT_HELD).unwrap_or(u8::MAX))
}

fn own_error() -> ExitCode {
    ExitCode::from(u8::try_from(EXIT_OWN_ERROR).unwrap_or(u8::MAX))
}

fn serve(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let cwd = std::env::current_dir()?;
    let paths = Paths::resolve(|name| std::env::var_os(name), &cwd)?;
    trust::check(&paths)?;
    let settings: Settings = settings::load(&paths.configuration, &arguments.overrides)?;
    std::env::set_current_dir("/")?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let announce = arguments.announce;
    if announce {
        nix::unistd::setsid()?;
    }
    app::run(&paths, &settings, || {
        if announce { announce_ready() } else { Ok(()) }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn recover(output: Form) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let cwd = std::env::current_dir()?;
    let paths = Paths::resolve(|name| std::env::var_os(name), &cwd)?;
    trust::check(&paths)?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let report = jobd::recover::run(&Layout::new(paths.state))?;
    let text = match output {
        Form::Table => report.to_string(),
        Form::Json => serde_json::to_string_pretty(&report)? + "\n",
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn doctor(output: Form, places: Places) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let cwd = std::env::current_dir()?;
    let own = Paths::resolve(|name| std::env::var_os(name), &cwd)?;
    let place =
        |given: Option<PathBuf>, own| given.map_or(own, |path| paths::absolute(&cwd, &path));
    let findings = jobd::doctor::run(&Paths {
        socket: place(places.socket, own.socket),
        state: place(places.state, own.state),
        spool: place(places.spool, own.spool),
        configuration: place(places.configuration, own.configuration),
    });
    let text = match output {
        Form::Table => jobd::doctor::table(&findings),
        Form::Json => serde_json::to_string_pretty(&findings)? + "\n",
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(match finding::worst(&findings) {
        Level::Broken => ExitCode::FAILURE,
        Level::Ok | Level::Weaker => ExitCode::SUCCESS,
    })
}

fn announce_ready() -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{}", std::process::id())?;
    out.flush()?;
    sys::process::leave_terminal()
}

/// Starts the daemon anew without a terminal and waits until it is ready or has failed.
fn go_to_background() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments = std::env::args_os()
        .skip(1)
        .filter(|argument| argument != "--background");
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .arg("--announce")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut ready = String::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_string(&mut ready)?;
    }
    if !ready.is_empty() {
        print!("{ready}");
        return Ok(ExitCode::SUCCESS);
    }
    let status = child.wait()?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or_else(own_error, ExitCode::from))
}
