//! How a step begins: it is made ready ahead or at once, and let go by us or by another's end.

use proto::record::{Ended, Exit};

use super::ahead;
use super::launch::{LaunchError, Launched, Ready};
use super::watch::{Exec, Supervisor, Waiting};
use crate::core::{Event, JobId, StepEnd, StepRef};
use crate::store::Row;
use crate::sys::{clock, failpoint};

/// The end of a step that can never begin.
fn start_failed(error: &LaunchError, errno: i32) -> StepEnd {
    let ended = Ended::StartFailed {
        reason: error.to_string(),
        errno: Some(errno),
    };
    StepEnd::Exit(Exit::of_nothing(ended, clock::wall_micros()))
}

impl Exec {
    pub(super) fn launch(&mut self, id: JobId, name: String, step: StepRef) {
        match self.try_launch(id, &name, step) {
            Ok(launched) => self.launched(id, name, step, launched),
            Err(error) => self
                .news
                .push(match error.lasting(&self.maker.layout.jobs()) {
                    Some(errno) => Event::Ended(id, step, start_failed(&error, errno)),
                    None => Event::LaunchFailed(id, step, error.to_string()),
                }),
        }
    }

    fn launched(&mut self, id: JobId, name: String, step: StepRef, launched: Launched) {
        let Launched {
            shim,
            has_heartbeat,
        } = launched;
        failpoint::reach("exec.before-news");
        self.news.push(Event::Launched(id, step));
        if has_heartbeat {
            self.expect_beats(id, &name, step);
        }
        let supervisor = Supervisor::Ours(shim);
        self.watch(id, name, step, supervisor);
    }

    /// Starts a step that was told to line up.
    pub(super) fn let_go(&mut self, id: JobId, name: String, step: StepRef) {
        let went = self.take_out_of_line(id);
        if !went {
            self.launch(id, name, step);
        }
    }

    /// Takes a step out of the line; whether it has gone.
    pub(super) fn take_out_of_line(&mut self, id: JobId) -> bool {
        let gone = self.line.leave(id);
        let went = gone.contains(&id);
        self.were_taken(gone);
        went
    }

    /// A step was let go by another's end.
    pub(super) fn has_gone(&mut self, id: JobId) {
        self.line.went(id);
        self.granted.remove(&id);
        if let Some(Waiting { name, step, ready }) = self.ready.remove(&id) {
            self.launched(id, name, step, ready.go());
        }
    }

    /// Steps were taken out of the line by others' ends, which have not told of it: they may have
    /// been cut short, and leave it to us, or open the gate any time from now on. So it is the
    /// last that this gate is for.
    pub(super) fn were_taken(&mut self, ids: Vec<JobId>) {
        for id in ids {
            if let Some(waiting) = self.ready.get_mut(&id) {
                waiting.ready.retire();
            }
            self.has_gone(id);
        }
    }

    pub(super) fn keep_ready(&mut self, id: JobId, name: String, step: StepRef) {
        let made = self.maker.make_ready(id, step);
        let _launched_without = self.hold(id, name, step, made);
    }

    /// The job is not stored yet: it is launched or given up in a moment. If anything of it is there
    /// already, it is left to the launch.
    pub(super) fn make_ahead(&mut self, row: &Row) {
        let (id, name, step) = (row.job.id, &row.job.name, StepRef::FIRST_COMMAND);
        let Some(ahead) = &mut self.ahead else {
            return;
        };
        if !ahead::is_new(&self.maker.layout, name) {
            return;
        }
        if let Err(error) = ahead.note(name) {
            tracing::debug!(job = id, %error, "nothing is made ahead");
            return;
        }
        let made = self.maker.make_row_ready(row, step);
        if !self.hold(id, name.clone(), step, made) {
            ahead::take_back(&self.maker.layout, name);
        }
        failpoint::reach("exec.made-ahead");
    }

    /// The job was not admitted.
    pub(super) fn give_up(&mut self, id: JobId) {
        if let Some(Waiting { name, ready, .. }) = self.ready.remove(&id) {
            ready.end();
            ahead::take_back(&self.maker.layout, &name);
        }
    }

    /// Keeps what was made; whether it was. What stood against it is told by the launch.
    fn hold(
        &mut self,
        id: JobId,
        name: String,
        step: StepRef,
        made: Result<Ready, LaunchError>,
    ) -> bool {
        match made {
            Ok(ready) => {
                self.ready.insert(id, Waiting { name, step, ready });
                true
            }
            Err(error) => {
                tracing::debug!(job = id, %error, "a step cannot be made ready");
                false
            }
        }
    }

    fn try_launch(
        &mut self,
        id: JobId,
        name: &str,
        step: StepRef,
    ) -> Result<Launched, LaunchError> {
        self.granted.remove(&id);
        self.to_make_ready.retain(|(waiting, ..)| *waiting != id);
        let waiting = self.ready.remove(&id);
        match waiting.filter(|waiting| waiting.step == step && self.has_folders(name, step)) {
            Some(Waiting { ready, .. }) => Ok(ready.go()),
            None => Ok(self.maker.make_ready(id, step)?.go()),
        }
    }

    /// Whether nobody has removed what was made ready: its end could not be recorded.
    fn has_folders(&self, name: &str, step: StepRef) -> bool {
        self.maker.layout.step(name, step).exists() && self.maker.layout.job(name).exists()
    }
}
