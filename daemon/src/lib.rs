//! The parts of the daemon, the shim and the stage; each program under `src/bin` is a thin main over them.

pub mod admission;
pub mod app;
pub mod core;
pub mod doctor;
pub mod engine;
pub mod exec;
pub mod ipc;
pub mod layout;
pub mod logging;
pub mod machine;
pub mod recover;
mod retention;
pub mod settings;
pub mod shim;
pub mod spool;
pub mod stage;
pub mod state;
pub mod store;
pub mod sys;
pub mod trust;
