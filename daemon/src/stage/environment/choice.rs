//! What is installed, for whoever asks without a job: nothing is run, so this is cheap, and wrong
//! about a runtime that does not work. A job's own choice is made in `provide`.

use super::definition::Definition;
use super::tools;

/// What a job would get: a container where there is an image, else conda where there is a tool for
/// it, else a virtual environment, else the machine itself.
pub(super) fn expected(definition: &Definition) -> &'static str {
    let has_image = definition.image.is_some() || definition.build.is_some();
    if has_image && tools::has_containers() {
        return "container";
    }
    match &definition.conda {
        Some(_) if tools::first(tools::CONDA).is_some() => "conda",
        Some(_) => "venv",
        None => "host",
    }
}
