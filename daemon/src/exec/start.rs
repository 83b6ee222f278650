//! How a step begins: it is made ready ahead or at once, and let go by us or by another's end.

use super::launch::{LaunchError, Launched};
use super::watch::{Exec, Supervisor, Waiting};
use super::{ahead, folder};
use crate::core::{Event, JobId, StepRef};
use crate::store::Row;
use crate::sys::failpoint;

impl Exec {
    pub(super) fn launch(&mut self, id: JobId, name: String, step: StepRef) {
        match self.try_launch(id, &name, step) {
            Ok(launched) => self.launched(id, name, step, launched),
            Err(error) => {
                self.news
                    .push(Event::LaunchFailed(id, step, error.to_string()));
            }
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
        self.have_gone(gone);
        went
    }

    /// Steps were let go: by another's end, or by one that was cut short, which left it to us.
    pub(super) fn have_gone(&mut self, ids: Vec<JobId>) {
        for id in ids {
            self.line.went(id);
            self.granted.remove(&id);
            if let Some(Waiting { name, step, ready }) = self.ready.remove(&id) {
                self.launched(id, name, step, ready.go());
            }
        }
    }

    /// Whatever stands against it is told by the launch.
    pub(super) fn keep_ready(&mut self, id: JobId, name: String, step: StepRef) {
        match self.maker.make_ready(id, step) {
            Ok(ready) => {
                self.ready.insert(id, Waiting { name, step, ready });
            }
            Err(error) => tracing::debug!(job = id, %error, "a step cannot be made ready"),
        }
    }

    /// The job is not stored yet: it is launched or given up in a moment.
    pub(super) fn make_ahead(&mut self, row: &Row) {
        let (id, name, step) = (row.job.id, row.job.name.clone(), StepRef::FIRST_COMMAND);
        if let Err(error) = self.ahead.note(&name) {
            tracing::debug!(job = id, %error, "a step cannot be made ready ahead");
            return;
        }
        match self.maker.make_row_ready(row, step) {
            Ok(ready) => {
                self.ready.insert(id, Waiting { name, step, ready });
            }
            Err(error) => tracing::debug!(job = id, %error, "a step cannot be made ready ahead"),
        }
        failpoint::reach("exec.made-ahead");
    }

    /// The job was not admitted. Without its folders its supervisor ends.
    pub(super) fn give_up(&mut self, id: JobId) {
        if let Some(Waiting { name, step, ready }) = self.ready.remove(&id) {
            drop(ready);
            folder::discard(&self.maker.layout.step(&name, step));
            ahead::take_back(&self.maker.layout, &name);
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
