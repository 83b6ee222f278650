//! Links everything into jobctl, which is started for each command. At fixed addresses, as there
//! is less to be done then before it begins, and it handles the words of its own user only.

#[path = "../proto/link.rs"]
mod link;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../proto/link.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    println!("cargo::rustc-check-cfg=cfg(on_musl)");
    if link::has_static_unwinder() {
        println!("cargo::rustc-link-lib=static=gcc_eh");
    }
    if link::link_statically("jobctl", &["-static", "-no-pie"], true) {
        println!("cargo::rustc-cfg=on_musl");
    }
}
