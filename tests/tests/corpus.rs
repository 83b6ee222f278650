//! Files with one fault each: refused for their reason at their place, or accepted where the
//! file is legal after all. What real job files become is the matter of `sdk_reads_our_dumps`.

use std::fmt::Write;

use jobd_tests::corpus::{self, ACCEPTED, REFUSED, errors, files};
use proto::job;

const KINDS: &[&str] = &["command", "bytes/command", "sweep", "pipeline"];

#[test]
fn every_fault_is_refused_for_its_reason_at_its_place() {
    let Some(corpus) = corpus::root("faulty jobs") else {
        return;
    };
    let mut table = String::new();
    let (mut refused, mut accepted) = (0, 0);
    for (file, text) in files(&corpus, "invalid", KINDS) {
        let number = &file[..3];
        let row = match ACCEPTED.iter().find(|(name, _)| *name == number) {
            Some((_, why)) => {
                accepted += 1;
                accept(&file, &text, why)
            }
            None => {
                refused += 1;
                refuse(&file, &text, number)
            }
        };
        writeln!(table, "{file:55} {row}").unwrap();
    }
    corpus::tell(&format!(
        "{table}{refused} refused, each for its reason with its place; {accepted} legal"
    ));
    assert_eq!(refused, REFUSED.len(), "a row of REFUSED has no file");
    assert_eq!(accepted, ACCEPTED.len(), "a row of ACCEPTED has no file");
}

fn accept(file: &str, text: &[u8], why: &str) -> String {
    let reading = job::read_any(text, Some(file), None);
    let found = errors(&reading.diagnostics);
    assert!(
        found.is_empty() && reading.job.is_some(),
        "{file} is legal, {why}: {found:#?}"
    );
    format!("accepted: {why}")
}

fn refuse(file: &str, text: &[u8], number: &str) -> String {
    let row = REFUSED.iter().find(|(name, _)| *name == number);
    let (_, code) = row.unwrap_or_else(|| panic!("{file} is in no table"));
    let reading = job::read_any(text, Some(file), None);
    let found = errors(&reading.diagnostics);
    assert!(reading.job.is_none());
    assert_eq!(found[0].code, *code, "{file}: {found:#?}");
    let at = found[0].span;
    assert!(
        found.iter().all(|d| d.span.line == at.line),
        "{file} has one fault: {found:#?}"
    );
    assert!(at.line > 0 && at.column > 0, "{file}: {found:#?}");
    assert_eq!(found[0].file.as_deref(), Some(file));
    format!("{code} at {}:{}", at.line, at.column)
}
