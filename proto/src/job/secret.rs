//! What lets people in, in the addresses of a job. A job that is stored has it, as a rerun needs
//! it; wherever a job is shown it is left out.

use super::field::Field;
use super::{CommandJob, Input, Literal};
use crate::diagnostic::Severity;
use crate::stage::PrepareReport;

/// What stands for something left out.
const LEFT_OUT: &str = "***";
/// Parts of the names of values behind `?` that let people in.
const NAMES: [&str; 6] = [
    "signature",
    "token",
    "secret",
    "password",
    "credential",
    "api_key",
];

/// Where credentials belong.
pub(super) const SECRET_HELP: &str = "leave it out: credentials come from the environment, such as \
     AZURE_STORAGE_SAS_TOKEN, or from the `credentials_file` of a datastore";

/// Whether an address holds what lets people in: a password before its host, or a token among the
/// values behind `?`, such as the signature of Azure's SAS.
pub fn has_secret(text: &str) -> bool {
    redacted(text) != text
}

/// The address without that: the rest of a token tells how long it is good, and for what.
pub fn redacted(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.into();
    };
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = match place.find('/') {
        Some(at) => place.split_at(at),
        None => (place, ""),
    };
    let mut shown = format!("{scheme}://{}{path}", without_password(authority));
    if let Some(query) = query {
        let pairs: Vec<_> = query.split('&').map(without_value).collect();
        shown = format!("{shown}?{}", pairs.join("&"));
    }
    shown
}

fn without_password(authority: &str) -> String {
    let login = authority.rsplit_once('@');
    match login.and_then(|(login, host)| Some((login.split_once(':')?.0, host))) {
        Some((user, host)) => format!("{user}:{LEFT_OUT}@{host}"),
        None => authority.into(),
    }
}

fn without_value(pair: &str) -> String {
    let (name, value) = pair.split_once('=').unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let is_secret = lower == "sig" || NAMES.iter().any(|known| lower.contains(known));
    match is_secret && !value.is_empty() {
        true => format!("{name}={LEFT_OUT}"),
        false => pair.into(),
    }
}

/// Tells of the secret in an address of a job, and refuses one that was left out.
pub(super) fn check(path: &Field<'_>) {
    let text = path.node.as_str().unwrap_or_default();
    if has_secret(text) {
        let message = "the address holds a token or password, which is kept with the job";
        path.report(Severity::Warning, "secret", message, SECRET_HELP);
    } else if text.contains("://") && [":***@", "=***"].iter().any(|one| text.contains(one)) {
        let message = "the token or password of this address was left out where the job was shown";
        path.error("secret", message, SECRET_HELP);
    }
}

impl CommandJob {
    /// The job as it is shown.
    #[must_use]
    pub fn without_secrets(&self) -> CommandJob {
        let mut job = self.clone();
        let outputs = job.outputs.values_mut().filter_map(|one| one.path.as_mut());
        let inputs = job.inputs.values_mut().filter_map(|one| match one {
            Input::Data(data) => Some(&mut data.path),
            Input::Literal(literal) => text(literal),
        });
        let variables = job.environment_variables.values_mut();
        let variables = variables.flatten().filter_map(text);
        let addresses = inputs.chain(outputs).chain(variables).chain(&mut job.code);
        addresses.for_each(|address| *address = redacted(address));
        job
    }
}

fn text(literal: &mut Literal) -> Option<&mut String> {
    match literal {
        Literal::Str(text) => Some(text),
        _ => None,
    }
}

impl PrepareReport {
    /// The report as it is shown.
    #[must_use]
    pub fn without_secrets(mut self) -> PrepareReport {
        let inputs = self.inputs.values_mut().map(|one| &mut one.text);
        let addresses = inputs.chain(self.outputs.values_mut());
        addresses.for_each(|address| *address = redacted(address));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_people_in_is_seen_and_left_out() {
        for (text, shown) in [
            (
                "https://a.blob.core.windows.net/c/p?sv=1&sig=x%3D&se=2",
                "https://a.blob.core.windows.net/c/p?sv=1&sig=***&se=2",
            ),
            (
                "azureml:wasbs://c@a.blob.core.windows.net/p?SIG=x",
                "azureml:wasbs://c@a.blob.core.windows.net/p?SIG=***",
            ),
            ("https://me:secret@host/x", "https://me:***@host/x"),
            ("https://me:se@cret@host", "https://me:***@host"),
            (
                "https://b.s3.amazonaws.com/k?X-Amz-Signature=00",
                "https://b.s3.amazonaws.com/k?X-Amz-Signature=***",
            ),
            (
                "https://host/x?access_token=1",
                "https://host/x?access_token=***",
            ),
        ] {
            assert!(has_secret(text), "{text}");
            assert_eq!(redacted(text), shown);
            assert!(!has_secret(shown), "{shown}");
        }
        for text in [
            "https://host/x?version=1&sig=",
            "https://me@host/a:b@c",
            "https://host/x?",
            "wasbs://c@a.blob.core.windows.net/p",
            "./sig=1?sig=1",
            "azureml:d@latest",
        ] {
            assert!(!has_secret(text), "{text}");
        }
    }

    #[test]
    fn a_job_is_shown_without_them_and_what_was_shown_is_no_job() {
        let text = "command: x\nenvironment: azureml:e:1\n\
             inputs: {a: {path: 'https://h/a?sig=hush'}, b: 'https://h/b?token=hush', c: 1}\n\
             outputs: {o: {path: 'wasbs://c@a.blob.core.windows.net/p?sig=hush', mode: direct}}\n\
             environment_variables: {V: 'https://me:hush@h'}\n";
        let reading = super::super::read(text.as_bytes(), None);
        let told: Vec<_> = reading.diagnostics.iter().map(|one| &one.path).collect();
        assert_eq!(told, ["inputs.a.path", "outputs.o.path"]);
        let Some(super::super::Job::Command(job)) = reading.job else {
            panic!("{:?}", reading.diagnostics)
        };
        let shown = super::super::dump(&job.without_secrets());
        assert!(!shown.contains("hush"), "{shown}");
        assert_eq!(shown.matches("***").count(), 4, "{shown}");
        let again = super::super::read(shown.as_bytes(), None);
        let refused = again.diagnostics.iter();
        let refused: Vec<_> = refused
            .filter(|one| one.severity == Severity::Error)
            .map(|one| &one.path)
            .collect();
        assert_eq!(refused, ["inputs.a.path", "outputs.o.path"]);
    }
}
