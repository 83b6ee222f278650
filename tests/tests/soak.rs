//! A short soak: one minute where `CI` is set, else some seconds.
use std::process::Command;

use jobd_tests::harness::program;

#[test]
fn a_short_soak_loses_nothing_and_repeats_nothing() {
    let minutes = if std::env::var_os("CI").is_some() {
        "1"
    } else {
        "0.17"
    };
    let output = Command::new(program("soak")).arg(minutes).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
}
