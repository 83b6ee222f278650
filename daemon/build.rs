//! Links the unwinder in: the one shared library that is left is then libc's. A supervisor, which
//! forks for every step, has less memory to copy, and the programs start sooner.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let is_gnu = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|found| found == "gnu");
    if is_gnu && has_static_unwinder() {
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Where there is none, nothing is lost but the time. The path of what is not found has no folder.
fn has_static_unwinder() -> bool {
    let linker = env::var("RUSTC_LINKER").unwrap_or_else(|_| "cc".into());
    let found = Command::new(linker)
        .arg("-print-file-name=libgcc_eh.a")
        .output();
    found.is_ok_and(|found| found.stdout.starts_with(b"/"))
}
