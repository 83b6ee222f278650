//! A verb that is the first word, read without the others.
//!
//! Before clap reads anything it makes all verbs and gives each of them the options that all take:
//! most of the memory that a start touches. The verbs that scripts call in loops need not wait for
//! that, and the two shortest of them need no clap. Whatever is not understood here, help and errors
//! too, is for the whole definition.

use std::ffi::OsString;

use clap::{Args, Parser};

use super::cli::{Cli, Command, Global};
use super::verbs::{StatusArgs, SubmitArgs};

#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Alone<A: Args> {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    args: A,
}

/// What the words after the program's name ask for, where the first one is such a verb.
pub fn read(words: &[OsString]) -> Option<Cli> {
    let (verb, rest) = words.split_first()?;
    match verb.to_str()? {
        "submit" | "create" if are_files(rest) => bare(Command::Submit(SubmitArgs::of_files(rest))),
        "status" if rest.is_empty() => bare(Command::Status(StatusArgs::default())),
        "run" => one(rest, Command::Run),
        "submit" | "create" => one(rest, Command::Submit),
        "list" | "ls" => one(rest, Command::List),
        "show" => one(rest, Command::Show),
        "logs" => one(rest, Command::Logs),
        "stream" => one(rest, Command::Stream),
        "cancel" => one(rest, Command::Cancel),
        "wait" => one(rest, Command::Wait),
        "status" => one(rest, Command::Status),
        _ => None,
    }
}

/// Whether there is something, and nothing that is empty, an option or standard input.
fn are_files(words: &[OsString]) -> bool {
    let mut bytes = words.iter().map(|word| word.as_encoded_bytes());
    !words.is_empty() && bytes.all(|word| !word.is_empty() && word[0] != b'-')
}

/// A verb without options.
fn bare(command: Command) -> Option<Cli> {
    let global = Global::default();
    Some(Cli { global, command })
}

fn one<A: Args>(words: &[OsString], command: fn(A) -> Command) -> Option<Cli> {
    let read = Alone::<A>::try_parse_from(words).ok()?;
    Some(Cli {
        global: read.global,
        command: command(read.args),
    })
}
