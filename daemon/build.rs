//! Links the unwinder into the daemon's programs, which start sooner, and libc into the
//! supervisor's, which forks for every step and has less memory to copy.

#[path = "../proto/link.rs"]
mod link;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../proto/link.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    if link::has_static_unwinder() {
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
    link::link_statically("jobd-shim", &["-static-pie"], false);
}
