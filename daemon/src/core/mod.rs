//! The decisions of the daemon, pure: no I/O, no clock, no threads. An event and the time come
//! in, effects come out; the same events always give the same effects, so any history can be
//! simulated and cut at any point.
//!
//! * [`Job::apply`](job::Job::apply) is the one place where a job's state changes.
//! * [`Core::step`] is the one place where events meet the jobs, the queue and the slots.
//! * [`reconcile`] says what a step's folder means to a daemon that has just started.
//! * [`plan`] turns a job into the orders for its steps, [`stage_order`] into those for what its
//!   stages do, [`pinned`] into another that uses the same; [`words`] says which commands need no
//!   shell, `mounts` what they see read-only.

pub mod event;
pub mod job;
pub mod machine;
mod mounts;
pub mod pinned;
pub mod plan;
pub mod queue;
mod quoting;
pub mod reconcile;
pub mod stage_order;
pub mod step;
pub mod words;

pub use event::{Answer, Definition, Effect, Event, NewJob, Now, StepEnd, Ticket};
pub use job::{Job, JobEvent, JobId};
pub use machine::{Capacity, Core};
pub use step::{StepKind, StepRef};
