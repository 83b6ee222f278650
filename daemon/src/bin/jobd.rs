//! The daemon's main: arguments, paths, settings, and the way into the background.

use std::io::{self, Read, Write};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use jobd::app::{self, AppError};
use jobd::settings::{self, Overrides, Settings};
use jobd::sys;
use proto::outcome::{EXIT_HELD, EXIT_OWN_ERROR};
use proto::paths::Paths;

/// Runs Azure ML jobs on this machine: takes them from a socket and a spool folder, supervises
/// them, and hands running ones on to the next daemon.
///
/// JOBD_HOME=DIR keeps everything under one folder; without it the XDG directories are used.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    overrides: Overrides,
    /// Go to the background; return once the socket answers
    #[arg(long)]
    background: bool,
    /// List the failpoints of the daemon and of the shim
    #[cfg(feature = "failpoints")]
    #[arg(long)]
    failpoints: bool,
    /// Say `ready` on standard output once the socket answers, then let go of the terminal
    #[arg(long, hide = true)]
    announce: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(feature = "failpoints")]
    if arguments.failpoints {
        list_failpoints();
        return ExitCode::SUCCESS;
    }
    let result = if arguments.background {
        go_to_background()
    } else {
        serve(&arguments)
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("jobd: {error}");
            match error.downcast_ref() {
                Some(AppError::Held { .. }) if arguments.announce => held(),
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
