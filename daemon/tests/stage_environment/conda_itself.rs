//! conda itself, where `conda.rs` has a script in its place.

use serde_json::json;

use super::harness::Place;
use super::real_conda;

#[test]
fn conda_itself_solves_and_installs_what_a_channel_has() {
    let Some(program) = real_conda::program() else {
        return;
    };
    let mut place = Place::new(&[]);
    place.link(&program, "conda");
    let home = place.folder.display().to_string();
    place.env = vec![("HOME".into(), home)];
    let channel = real_conda::channel(&place.folder);
    let wanted = |package: &str| {
        let channels = [&channel, "nodefaults"];
        json!({"conda_file": {"channels": channels, "dependencies": [package]}})
    };
    let ran = place.run(&wanted("teller=1.5"));
    let report = ran.environment();
    assert_eq!(report.backend, "conda");
    assert!(
        ran.prepared().notes.is_empty(),
        "{:?}",
        ran.prepared().notes
    );
    let script = "teller; echo $CONDA_PREFIX";
    let prefix = place.built().remove(0).join("prefix");
    let expected = format!("a tale of conda\n{}\n", prefix.display());
    assert_eq!(place.says(report, script), expected);
    assert!(
        ran.log.contains("Solving package specifications"),
        "{}",
        ran.log
    );
    let again = place.run(&wanted("teller=1.5"));
    assert_eq!(again.environment(), report);
    assert!(!again.log.contains("Solving"), "{}", again.log);
    let ran = place.run(&wanted("teller=9"));
    let reason = ran.reason();
    assert!(
        reason.starts_with("make the environment with conda: "),
        "{reason}"
    );
    assert!(reason.contains("teller 9*"), "{reason}");
}
