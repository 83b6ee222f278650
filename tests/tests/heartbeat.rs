//! Signs of life: a job that asks for a heartbeat and falls silent is NotResponding, comes back
//! when it beats, and is stopped if it asked for that.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use jobd_tests::harness::{Home, JobFile, probe_command};
use serde_json::Value;

const ASKED: &str = "properties: {jobd.heartbeat: \"1\"}";
const KILLED: &str = "properties: {jobd.heartbeat: \"1\", jobd.heartbeat_kill: \"1\"}";

fn hold(gate: &std::path::Path) -> String {
    probe_command(&["hold", gate.to_str().unwrap()]).replace("exec ", "")
}

fn statuses(job: &Value) -> Vec<&str> {
    let history = job["history"].as_array().unwrap().iter();
    history
        .map(|entry| entry["status"].as_str().unwrap())
        .collect()
}

#[test]
fn a_silent_job_is_not_responding_until_it_prints() {
    let home = Home::running(&["--slots", "1"]);
    let (first, second) = (home.path().join("first"), home.path().join("second"));
    let command = format!("{}; echo beat; {}", hold(&first), hold(&second));
    let name = home.submit(&JobFile::new(&command).with(ASKED));
    home.wait_for_status(&name, "NotResponding");
    let silent = home.show(&name);
    let reason = silent["history"].as_array().unwrap().last().unwrap()["reason"].clone();
    let reason = reason.as_str().unwrap();
    assert!(reason.contains("no sign of life for 1 s"), "{reason}");
    std::fs::write(&first, "").unwrap();
    home.wait_for_status(&name, "Running");
    std::fs::write(&second, "").unwrap();
    let job = home.wait(&name);
    assert_eq!(job["status"], "Completed", "{job}");
    assert!(statuses(&job).starts_with(&["NotStarted", "Starting", "Queued", "Running"]));
}

#[test]
fn a_touched_file_is_a_beat_and_a_restarted_daemon_knows_the_silence() {
    let mut home = Home::running(&["--slots", "1"]);
    let gates = ["a", "b"].map(|gate| home.path().join(gate));
    let command = format!(
        "{}; touch \"$JOBD_HEARTBEAT\"; {}",
        hold(&gates[0]),
        hold(&gates[1])
    );
    let name = home.submit(&JobFile::new(&command).with(ASKED));
    home.wait_for_status(&name, "Running");
    home.kill();
    home.start(&["--slots", "1"]);
    home.wait_for_status(&name, "NotResponding");
    home.kill();
    home.start(&["--slots", "1"]);
    home.wait_for_status(&name, "NotResponding");
    std::fs::write(&gates[0], "").unwrap();
    home.wait_for_status(&name, "Running");
    std::fs::write(&gates[1], "").unwrap();
    assert_eq!(home.wait(&name)["status"], "Completed");
}

#[test]
fn a_job_that_stays_silent_is_stopped_if_it_asked_for_it() {
    let home = Home::running(&["--slots", "2"]);
    let polite = home.submit(&JobFile::new("sleep 600").with(KILLED));
    let beating = "for i in $(seq 40); do echo $i; sleep 0.1; done";
    let beating = home.submit(&JobFile::new(beating).with(KILLED));
    let job = home.wait(&polite);
    assert_eq!(job["status"], "Failed", "{job}");
    assert_eq!(job["outcome"]["kind"], "fell_silent", "{job}");
    assert_eq!(job["exit_code"], 124, "{job}");
    assert!(statuses(&job).contains(&"NotResponding"), "{job}");
    let job = home.wait(&beating);
    assert_eq!(job["status"], "Completed", "{job}");
}

#[test]
fn a_silent_job_can_be_canceled() {
    let home = Home::running(&["--slots", "1"]);
    let name = home.submit(&JobFile::new("sleep 600").with(ASKED));
    home.wait_for_status(&name, "NotResponding");
    drop(home.run(&["cancel", &name]).ok());
    assert_eq!(home.wait(&name)["status"], "Canceled");
}

#[test]
fn a_heartbeat_that_cannot_be_kept_is_refused_at_its_place() {
    let home = Home::running(&["--slots", "1"]);
    for (properties, part) in [
        (
            "properties: {jobd.heartbeat: \"soon\"}",
            "3:30: error: properties.jobd.heartbeat",
        ),
        (
            "properties: {jobd.heartbeat: \"0\"}",
            "not a number of seconds",
        ),
        (
            "properties: {jobd.heartbeat_kill: \"5\"}",
            "needs jobd.heartbeat",
        ),
    ] {
        let file = JobFile::new("true").with(properties);
        let path = file.write(home.path(), "bad.yml");
        let ran = home.jobctl(&["submit"]).args([&path]).run().code(125);
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
    let file = JobFile::new("true").with("properties: {jobd.heartbeet: \"5\"}");
    let path = file.write(home.path(), "typo.yml");
    let ran = home.jobctl(&["validate"]).args([&path]).run().ok();
    assert!(ran.stderr.contains("jobd.heartbeat"), "{}", ran.stderr);
}
