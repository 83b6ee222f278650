//! Links everything into jobctl, which is started for each command. At fixed addresses, as there
//! is less to be done then before it begins, and it handles the words of its own user only.

#[path = "../proto/link.rs"]
mod link;

fn main() {
    link::watch();
    println!("cargo::rustc-check-cfg=cfg(on_musl)");
    if link::has_static_unwinder() {
        println!("cargo::rustc-link-lib=static=gcc_eh");
    }
    let jobctl = link::Program {
        name: "jobctl",
        form: &["-static", "-no-pie"],
        may_have_musl: true,
    };
    if link::link_statically(&jobctl) {
        println!("cargo::rustc-cfg=on_musl");
    }
}
