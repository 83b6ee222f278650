//! The snapshot of a job's code.

mod take;

pub(super) use take::take;
