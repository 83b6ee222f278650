//! The arguments are checked by what they take and refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, Parser};

use super::{Cli, Command, alone};

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

/// By the whole definition; what is read alone must be the same.
fn parse(line: &str) -> Result<Command, clap::Error> {
    let whole = Cli::try_parse_from(words(&format!("jobctl {line}")));
    if let Some(alone) = alone::read(&words(line)) {
        let expected = whole.as_ref().unwrap();
        assert_eq!(format!("{alone:?}"), format!("{expected:?}"), "{line}");
    }
    whole.map(|cli| cli.command)
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

/// A verb's help and its man page begin with what the list of verbs says of it.
#[test]
fn each_verb_says_what_it_does() {
    let mut jobctl = Cli::command();
    let listed = |command: &clap::Command| -> BTreeMap<String, String> {
        let verbs = command.get_subcommands();
        let verbs = verbs.filter(|verb| verb.get_name() != "help");
        let said = |verb: &clap::Command| verb.get_about().map(ToString::to_string);
        verbs
            .map(|verb| (verb.get_name().into(), said(verb).unwrap_or_default()))
            .collect()
    };
    let before = listed(&jobctl);
    jobctl.build();
    assert_eq!(listed(&jobctl), before);
    let texts: BTreeSet<&String> = before.values().collect();
    assert_eq!(texts.len(), before.len(), "{before:#?}");
}

#[test]
fn habits_of_az_ml_job_are_accepted() {
    for line in [
        "create -f a.yml -g group -w space --subscription id",
        "create --file a.yml --query name -o tsv",
        "create -f a.yml --set limits.timeout=60 --set name=b=c --stream",
        "show -n job --query status -o tsv -w space",
        "stream -n job",
        "cancel -n job",
        "archive --name job",
        "list -r 3 --all-results false -o jsonc",
        "list --all-results true -o yamlc",
        "ls --query [].{Name:name} -o none",
        "data create -f a.yml -n a -v 2 -g group -w space",
        "data create --name a --version 1 --type uri_file --path a.csv",
        "data list -n a -r 3 --include-archived",
        "environment list -g group -o json",
        "environment show -n e -v 2",
        "env build e@latest",
        "environment build -f env.yml",
        "rerun -n job --stream",
        "retry-finalize job other",
        "download -n job --all --download-path out",
        "download job --output-name model -p out",
        "data show -n a -v 1 --query path -o tsv",
        "data show --name a --label latest",
        "data archive -n a --version 1",
        "data restore a:1",
    ] {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn verbs_of_loops_are_read_alone() {
    for line in [
        "submit a.yml b.yml",
        "create a.yml",
        "status",
        "run -d job.yml --raw --socket s",
        "submit a.yml b.yml --no-start --stream --set name=a",
        "create -f - -w space -o json --query name",
        "list -r 3 --all --status Failed,Canceled --include-archived",
        "ls --archived-only",
        "show -n job -g group",
        "logs job --follow --raw",
        "stream @last",
        "cancel a b --force",
        "wait a -n b",
        "status --no-start -o json",
    ] {
        assert!(alone::read(&words(line)).is_some(), "{line}");
        parse(line).unwrap();
    }
    for line in [
        "--no-start status",
        "pause",
        "submit",
        "submit --help",
        "status -V",
        "status a",
    ] {
        assert!(alone::read(&words(line)).is_none(), "{line}");
    }
    assert!(alone::read(&["submit".into(), OsString::new()]).is_none());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for line in [
        "",
        "run",
        "show",
        "show a -n b",
        "wait",
        "wait --all a",
        "submit a.yml --set limits",
        "validate a.yml --set =60",
        "validate a.yml --set a..b=60",
        "init",
        "init spark",
        "list -r 0",
        "list --status Done",
        "list --query [",
        "show a -o xml",
        "environment",
        "environment build",
        "environment build e -f env.yml",
        "rerun",
        "rerun a b",
        "retry-finalize",
        "download",
        "download a --all --output-name b",
        "data",
        "data show",
        "data show a -n b",
        "data show -n a -v 1 -l latest",
        "data show -n a -l stable",
        "data create a.yml -f b.yml",
        "data list --set a=b",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn dump_takes_the_name_in_both_ways() {
    for line in ["dump a f.yml", "dump -n a f.yml"] {
        let Ok(Command::Dump(args)) = parse(line) else {
            panic!("{line}");
        };
        let expected = ("a".to_owned(), Some(PathBuf::from("f.yml")));
        assert_eq!(args.name_and_file(), expected, "{line}");
    }
}
