//! Whether the end of a job is the end of all of it: a process that has a session of its own and
//! does not hear TERM, after the job was stopped by its runner's own means.

use std::time::Duration;

use super::contestant::Field;
use super::options::Options;
use super::pipe::Pipe;
use super::place::Place;
use super::progress::say;
use super::report::{Bound, Report};
use super::{Outcome, processes};

/// After which one that is still there is not expected to end any more.
const LATE: Duration = Duration::from_secs(3);

/// Tries it with each who can stop a job.
///
/// # Errors
/// When jobd fails.
pub fn measure(place: &Place, field: &mut Field, _: &Options, report: &mut Report) -> Outcome<()> {
    say("what lives on");
    let fifo = place.path("child-is-alive");
    Pipe::make(&fifo)?;
    let words = [
        &place.program("tree"),
        &fifo.display().to_string(),
        "1",
        "ends",
    ];
    let job = place.other_job("tree-that-ends", words.map(String::from).into())?;
    let label = format!("detached processes {} s after a kill", LATE.as_secs());
    field.each(|one| {
        if !one.can_kill() {
            return Ok(());
        }
        let mut pipe = Pipe::open(&fifo)?;
        one.submit(&job)?;
        let child = pipe.line("ready ")?.parse()?;
        one.kill()?;
        let lives = pipe.end(LATE)?.is_none();
        let left = Some(if lives { 1.0 } else { 0.0 });
        report.compare(&label, one.name(), left);
        if one.name() == "jobd" {
            let what = "detached processes after a kill";
            report.target(7, what, left, Bound::AtMost(0.0));
        }
        if lives {
            processes::end_all(&[child]);
            // Else the next one's reader would see this end.
            pipe.end(LATE)?;
        }
        Ok(())
    })
}
