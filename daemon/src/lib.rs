//! The parts of the daemon and of the shim; each program under `src/bin` is a thin main over them.

pub mod shim;
pub mod sys;
