//! Links the unwinder in: the one shared library that is left is then libc's. A supervisor, which
//! forks for every step, has less memory to copy, and the programs start sooner.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu") {
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}
