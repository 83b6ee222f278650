//! `jobd doctor`: what is weaker on this machine, and whether the store is whole.
//!
//! It looks and changes nothing: no folder is made, no lock is kept, no daemon is started, and it
//! works beside a running daemon. One file a group of checks, each in two halves: `look` reads
//! the machine, `judge` is pure.
//!
//! * [`run`] asks all groups. `jobctl doctor` adds what only a client can see.

mod boot;
mod cgroup;
mod clock;
mod configuration;
mod disk;
mod folders;
mod kernel;
mod limits;
mod programs;
mod run;
mod socket;
mod store;
mod table;

pub use run::run;
pub use table::table;
