//! Links the unwinder into jobctl: the one shared library that is left is then libc's, and a
//! start is shorter by what the loader does for another.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu") {
        println!("cargo::rustc-link-lib=static=gcc_eh");
    }
}
