//! The daemon's own log: a file a day, bounded in number; standard error under systemd, which
//! keeps it; and standard error too where a person looks on. Never a job's output.

use std::io::IsTerminal;
use std::path::Path;

use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

/// The variable that says what is logged, in the syntax of `tracing`'s `EnvFilter`.
const FILTER_VARIABLE: &str = "JOBD_LOG";

/// Starts logging; `files_max` files are kept.
///
/// # Errors
/// When the folder or its first file cannot be made.
pub fn start(folder: &Path, files_max: usize) -> Result<(), InitError> {
    let filter =
        EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A line that cannot be written is dropped. Told on standard error, which may be on the
        // same full disk, it would end the thread that has something to say.
        .log_internal_errors(false)
        .with_ansi(false);
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        builder.without_time().with_writer(std::io::stderr).init();
        return Ok(());
    }
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("jobd")
        .filename_suffix("log")
        .max_log_files(files_max)
        .build(folder)?;
    if std::io::stderr().is_terminal() {
        builder.with_writer(file.and(std::io::stderr)).init();
    } else {
        builder.with_writer(file).init();
    }
    Ok(())
}
