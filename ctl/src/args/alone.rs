//! A verb that is the first word, read without the others.
//!
//! Before clap reads anything it makes all verbs and gives each of them the options that all take:
//! most of the memory that a start touches. The verbs that scripts call in loops need not wait for
//! that. Whatever is not understood here, help and errors too, is for the whole definition.

use std::ffi::OsString;

use clap::{Args, Parser};

use super::cli::{Cli, Command, Global};

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

fn one<A: Args>(words: &[OsString], command: fn(A) -> Command) -> Option<Cli> {
    let read = Alone::<A>::try_parse_from(words).ok()?;
    Some(Cli {
        global: read.global,
        command: command(read.args),
    })
}
