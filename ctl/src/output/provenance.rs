//! What a job has used and made, exactly: digests, versions and places, as lines of its sheet.

use proto::api::Provenance;
use proto::stage::{CodeReport, EnvironmentReport, InputReport, OutputReport, Worker};

use super::sheet::Sheet;
use super::size;

/// In place of a digest: what was read may be something else by now.
const NOT_HASHED: &str = "not hashed";

/// Adds what is known.
pub fn add(sheet: &mut Sheet, used: &Provenance) {
    let report = used.prepared.as_ref();
    let code_used = report.and_then(|report| report.code.as_ref());
    sheet.add_some("Used code", code_used.map(code));
    let inputs = report.into_iter().flat_map(|report| &report.inputs);
    let inputs = inputs.map(|(name, one)| input(name, one));
    let in_place = used.in_place.iter();
    let in_place = in_place.map(|(name, path)| {
        let path = format!("{name}: {}", path.display());
        with_more(path, [Some("in place".into()), Some(NOT_HASHED.into())])
    });
    sheet.add("Used data", lines(inputs.chain(in_place)));
    if let Some(report) = report {
        sheet.add_some("Used env.", report.environment.as_ref().map(environment));
        sheet.add("Prepared by", worker(&report.by));
    }
    if let Some(report) = &used.finalized {
        let outputs = report.outputs.iter();
        sheet.add("Made", lines(outputs.map(|(name, one)| output(name, one))));
        sheet.add("Finalized by", worker(&report.by));
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

fn code(code: &CodeReport) -> String {
    let bytes = size::bytes(code.bytes);
    let files = match code.files {
        1 => "1 file".into(),
        files => format!("{files} files"),
    };
    format!("{}, {files}, {bytes}", code.digest)
}

fn input(name: &str, input: &InputReport) -> String {
    let version = input.version.as_ref();
    let more = [
        version.map(|version| format!("version {version}")),
        Some(input.digest.clone().unwrap_or_else(|| NOT_HASHED.into())),
        input.bytes.map(size::bytes),
    ];
    with_more(format!("{name}: {}", input.source), more)
}

fn output(name: &str, output: &OutputReport) -> String {
    let more = [output.digest.clone(), Some(size::bytes(output.bytes))];
    with_more(format!("{name}: {}", output.path), more)
}

fn environment(environment: &EnvironmentReport) -> String {
    let more = [
        Some(environment.backend.clone()),
        environment.digest.clone(),
    ];
    with_more(environment.name.clone(), more)
}

fn with_more(first: String, more: impl IntoIterator<Item = Option<String>>) -> String {
    let parts: Vec<_> = std::iter::once(first)
        .chain(more.into_iter().flatten())
        .collect();
    parts.join(", ")
}

fn worker(by: &Worker) -> String {
    if by.version.is_empty() {
        return String::new();
    }
    format!("jobd {} on {}", by.version, by.host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_that_is_known_has_its_line() {
        let used = json!({
            "prepared": {
                "code": {"digest": "sha256:c", "files": 3, "bytes": 2048},
                "inputs": {
                    "data": {"text": "/cache/d", "source": "s3://b/k", "digest": "sha256:d",
                             "version": "3", "bytes": 7},
                    "direct": {"text": "https://h/x", "source": "https://h/\u{1b}x"},
                },
                "environment": {"name": "AzureML-sklearn-1.5", "backend": "venv",
                                "digest": "sha256:e"},
                "by": {"host": "here", "version": "0.1.0"},
            },
            "in_place": {"table": "/data/t.csv"},
            "finalized": {
                "outputs": {"model": {"path": "s3://b/o", "digest": "sha256:o", "bytes": 5,
                                      "files": 1}},
                "by": {"host": "here", "version": "0.1.0"},
            },
        });
        let mut sheet = Sheet::default();
        add(&mut sheet, &serde_json::from_value(used).unwrap());
        insta::assert_snapshot!(sheet.render());
        let mut nothing = Sheet::default();
        let used = json!({"prepared": {}});
        add(&mut nothing, &serde_json::from_value(used).unwrap());
        assert_eq!(nothing.render(), "");
    }
}
