//! Steps in the world: their folders, their shims, and what became of them.
//!
//! One thread owns it. Orders come in from the engine; news goes back to it. It holds no job
//! state: what it needs it reads from the store, but for a job that is just being stored, and what
//! a step is it reads from the step's folder, so it can be started anew at any moment.

mod adopt;
mod ahead;
mod facts;
mod folder;
mod host;
mod launch;
mod leftovers;
mod line;
mod maker;
mod order;
mod origin;
mod pool;
mod silence;
mod spare;
mod spawner;
mod stage;
mod start;
mod watch;

pub use adopt::{Finding, find_out};
pub use ahead::AHEAD_MAX;
pub use facts::started_at;
pub use host::{
    PATH_DEFAULT, SHIM, STAGE, cgroup_parent_path, find_cgroup_parent, leave_cgroup_parent,
    private_mounts, shell,
};
pub use order::{Orders, channel};
pub use origin::{Origin, read as origin};
pub use stage::done as report;
pub use watch::{Exec, ExecError};

use crate::core::event::Force;
use crate::core::{JobId, StepRef};
use crate::store::Row;

/// What the engine wants done to a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Make the first command of a job ready that is not stored yet: it is let go by the order
    /// to launch it, or given up.
    MakeAhead(Box<Row>),
    /// Take that back: the job is not admitted.
    GiveUp {
        /// The job's number.
        id: JobId,
    },
    /// Start it.
    Launch {
        /// The job's number.
        id: JobId,
        /// The job's name.
        name: String,
        /// Which step.
        step: StepRef,
    },
    /// Make everything ready for it, so that its launch is a matter of a moment.
    MakeReady {
        /// The job's number.
        id: JobId,
        /// The job's name.
        name: String,
        /// Which step.
        step: StepRef,
    },
    /// Let it go when another ends, after those that were told before it.
    LineUp {
        /// The job's number.
        id: JobId,
        /// Which step.
        step: StepRef,
    },
    /// Start one that was told to line up, unless another's end has.
    LetGo {
        /// The job's number.
        id: JobId,
        /// The job's name.
        name: String,
        /// Which step.
        step: StepRef,
    },
    /// Nobody is let go by another's end from now on.
    Disband,
    /// Stop it.
    Stop {
        /// The job's number.
        id: JobId,
        /// Which step.
        step: StepRef,
        /// With or without grace.
        force: Force,
    },
    /// Find out what became of it while no daemon watched, and watch it.
    Adopt {
        /// The job's number.
        id: JobId,
        /// The job's name.
        name: String,
        /// Which step.
        step: StepRef,
        /// The stop that was asked for before.
        stop: Option<Force>,
    },
}

/// A state folder for the tests of this room.
#[cfg(test)]
mod scratch {
    use std::fs;

    use crate::layout::Layout;

    /// With the folders of jobs and steps; removed with this.
    pub struct State(pub Layout);

    impl State {
        pub fn new(name: &str) -> State {
            let name = format!("jobd-exec-{}-{name}", std::process::id());
            let layout = Layout::new(std::env::temp_dir().join(name));
            fs::create_dir_all(layout.jobs()).unwrap();
            fs::create_dir(layout.steps()).unwrap();
            State(layout)
        }
    }

    impl Drop for State {
        fn drop(&mut self) {
            fs::remove_dir_all(self.0.state()).unwrap();
        }
    }
}
