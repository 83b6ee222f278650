//! For the build scripts of the programs: what a program is linked with, where the linker has it.
//! A program that loads no shared library starts sooner and has less memory to copy when it
//! forks. Where there is no static library, nothing is lost but the time.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What rustc links for glibc, and the static library that takes the place of each.
const LIBRARIES: [(&str, &str); 7] = [
    ("libc.a", "libc.a"),
    ("libm.a", "libm.a"),
    ("libdl.a", "libdl.a"),
    ("librt.a", "librt.a"),
    ("libutil.a", "libutil.a"),
    ("libpthread.a", "libpthread.a"),
    ("libgcc_s.a", "libgcc_eh.a"),
];

/// Whether the unwinder can be linked in: the shared library that is left is then libc's.
pub fn has_static_unwinder() -> bool {
    is_glibc() && find("libgcc_eh.a").is_some()
}

/// Links everything into a program of this package that asks libc for nothing that libc would
/// load a library for, such as names of users and hosts; `form` is what the linker is to make of
/// it. `-C target-feature=+crt-static` would do the same, but is for all of a build or nothing.
pub fn link_statically(program: &str, form: &[&str]) {
    let Some(folder) = is_glibc().then(static_libraries).flatten() else {
        return;
    };
    let search = format!("-L{}", folder.display());
    for argument in form.iter().copied().chain([search.as_str()]) {
        println!("cargo::rustc-link-arg-bin={program}={argument}");
    }
}

/// A folder in which the linker finds the static libraries when it looks for the shared ones.
fn static_libraries() -> Option<PathBuf> {
    let folder = Path::new(&env::var_os("OUT_DIR")?).join("static");
    if folder.exists() {
        fs::remove_dir_all(&folder).ok()?;
    }
    fs::create_dir(&folder).ok()?;
    for (name, library) in LIBRARIES {
        symlink(find(library)?, folder.join(name)).ok()?;
    }
    Some(folder)
}

fn is_glibc() -> bool {
    let is = |variable, value: &str| env::var(variable).is_ok_and(|found| found == value);
    // Another machine's libraries may be elsewhere.
    is("CARGO_CFG_TARGET_ENV", "gnu") && env::var("HOST") == env::var("TARGET")
}

/// The linker answers what it does not find without a folder.
fn find(library: &str) -> Option<PathBuf> {
    let linker = env::var("RUSTC_LINKER").unwrap_or_else(|_| "cc".into());
    let mut asked = Command::new(linker);
    asked.arg(format!("-print-file-name={library}"));
    let path = String::from_utf8(asked.output().ok()?.stdout).ok()?;
    let path = PathBuf::from(path.trim_end());
    path.is_absolute().then_some(path)
}
