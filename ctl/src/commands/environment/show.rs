//! `environment show`: one version with everything about it.

use proto::api::ShowEnvironment;
use proto::stage::EnvironmentDetail;

use crate::args::EnvironmentShowArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::Emit;
use crate::output::sheet::Sheet;

/// Shows a version, or the latest.
pub fn run(endpoint: &Endpoint, args: EnvironmentShowArgs) -> Result<Ending, Error> {
    let (name, version) = args.environment.name_and_version();
    let call = ShowEnvironment { name, version };
    let found = endpoint.connect_or_start()?.call(&call)?.environment;
    args.output.emit(&found, |_| sheet(&found).render())?;
    Ok(Ending::Done)
}

fn sheet(found: &EnvironmentDetail) -> Sheet {
    let mut sheet = Sheet::default();
    sheet.add("Name", &found.name);
    sheet.add("Version", &found.version);
    sheet.add_some("Description", found.description.as_ref());
    sheet.add("Backend", &found.backend);
    sheet.add("File", found.file.as_deref().unwrap_or("(jobd's own)"));
    sheet.add_some("Image", found.image.as_ref());
    sheet.add_some("Python", found.python.as_ref());
    sheet.add("Packages", found.requirements.join("\n"));
    sheet.add("Conda only", found.conda_only.join("\n"));
    sheet
}
