//! Links the unwinder into the daemon's programs, which start sooner, and libc into the
//! supervisor's, which forks for every step and has less memory to copy.

#[path = "../proto/link.rs"]
mod link;

fn main() {
    link::watch();
    if link::has_static_unwinder() {
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
    link::link_statically(&link::Program {
        name: "jobd-shim",
        form: &["-static-pie"],
        may_have_musl: false,
    });
}
