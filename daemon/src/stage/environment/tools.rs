//! Programs of the machine, as the user's `PATH` has them.

use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

/// The tools that make an environment of conda, the fastest first.
pub(super) const CONDA: &[&str] = &["micromamba", "mamba", "conda"];
/// The programs that run containers.
pub(super) const CONTAINER: &[&str] = &["podman", "docker"];

/// A program by its name.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
    let mut candidates = candidates.filter(|path| path.is_absolute());
    candidates.find(|path| is_program(path))
}

/// The first of several that is there.
pub(super) fn first(names: &[&str]) -> Option<PathBuf> {
    names.iter().find_map(|name| find(name))
}

/// Whether there is a program that runs containers; whether it works is known once it is tried.
pub(in crate::stage) fn has_containers() -> bool {
    first(CONTAINER).is_some()
}

/// The name of a program, for messages.
pub(super) fn name(program: &Path) -> String {
    let name = program.file_name().unwrap_or(program.as_os_str());
    name.to_string_lossy().into_owned()
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}
