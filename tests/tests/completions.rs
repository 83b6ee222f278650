//! What packagers install beside `jobctl`.

use std::fs;

use jobd_tests::harness::Home;

#[test]
fn completions_and_man_pages_come_from_the_same_definition() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&["completions", shell]).ok().stdout;
        for verb in ["submit", "cancel", "archive"] {
            assert!(script.contains(verb), "{shell} does not know {verb}");
        }
    }
    let pages = home.path().join("man");
    fs::create_dir(&pages).unwrap();
    drop(home.run(&["man", pages.to_str().unwrap()]).ok());
    let page = fs::read_to_string(pages.join("jobctl.1")).unwrap();
    assert!(page.contains("125"), "{page}");
    assert!(pages.join("jobctl-run.1").is_file());
}
