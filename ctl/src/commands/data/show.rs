//! `data show`: one version with everything about it.

use jiff::tz::TimeZone;
use proto::api::{Data, ShowData};

use crate::args::DataShowArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::Emit;
use crate::output::sheet::Sheet;
use crate::time;

/// Shows a version, or the newest one.
pub fn run(endpoint: &Endpoint, args: DataShowArgs) -> Result<Ending, Error> {
    let (name, version) = args.asset.name_and_version();
    let call = ShowData { name, version };
    let data = endpoint.connect_or_start()?.call(&call)?.data;
    args.output
        .emit(&data, |_| sheet(&data, &TimeZone::system()).render())?;
    Ok(Ending::Done)
}

fn sheet(data: &Data, zone: &TimeZone) -> Sheet {
    let mut sheet = Sheet::default();
    sheet.add("Name", &data.name);
    sheet.add("Version", &data.version);
    sheet.add("Type", &data.kind);
    sheet.add("Path", &data.path);
    sheet.add_some("Description", data.description.as_ref());
    let tags = data.tags.iter();
    let tags: Vec<_> = tags.map(|(key, value)| format!("{key}: {value}")).collect();
    sheet.add("Tags", tags.join("\n"));
    let made = &data.creation_context;
    let created = time::moment(&made.created_at, zone);
    sheet.add("Created", format!("{created} by {}", made.created_by));
    if let (Some(job), Some(output)) = (&data.job, &data.output) {
        sheet.add("Made by", format!("output {output} of job {job}"));
    }
    sheet.add_some("Digest", data.digest.as_ref());
    sheet.add_some("Size", data.bytes.map(crate::output::size::bytes));
    if data.archived {
        sheet.add("Archived", "yes");
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_sheet() {
        let data = json!({
            "id": "x", "name": "iris", "version": "3", "type": "custom_model",
            "path": "/state/jobs/calm/named-outputs/model", "description": "a \u{1b}[31mmodel",
            "tags": {"a": "b", "c": ""},
            "creation_context": {"created_at": "2026-07-01T10:00:00Z", "created_by": "ann",
                "created_by_type": "User", "last_modified_at": "2026-07-01T10:00:00Z"},
            "archived": true, "digest": "sha256:00", "bytes": 1536,
            "job": "calm", "output": "model",
        });
        let data: Data = serde_json::from_value(data).unwrap();
        insta::assert_snapshot!(sheet(&data, &TimeZone::UTC).render());
    }
}
