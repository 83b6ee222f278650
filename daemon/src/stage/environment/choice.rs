//! Which backend an environment gets: a container where there is an image, else conda where there
//! is a tool for it, else a virtual environment, else the machine itself.

use super::definition::Definition;
use super::tools;

/// What a job would get, by what is installed: nothing is run, so this is cheap and may be wrong
/// about a runtime that does not work.
pub(super) fn expected(definition: &Definition) -> &'static str {
    let has_image = definition.image.is_some() || definition.build.is_some();
    if has_image && tools::first(tools::CONTAINER).is_some() {
        return "container";
    }
    match &definition.conda {
        Some(_) if tools::first(tools::CONDA).is_some() => "conda",
        Some(_) => "venv",
        None => "host",
    }
}
