//! The supervisor of one step: `jobd-shim DIR`.
//!
//! It owns the step directory from the moment the daemon hands over the locked records until that
//! of the end is there, and it owns every process of the step. It knows nothing of jobs, talks
//! to nobody, and needs no daemon to be alive. One thread; std, nix and libc only.
//!
//! | file | role |
//! |---|---|
//! | `spawner`, `title` | making shims by forking, and what they are called |
//! | `start` | the whole course, from the arguments to the exit record |
//! | `launch` | from *go* to the released command |
//! | `handshake` | what the daemon hands over; waiting for *go* |
//! | `line` | letting the next step go when this one is over |
//! | `process`, `signals` | turning this process into a supervisor |
//! | `command`, `spawn`, `child`, `report` | what to run, the fork, what the child does before exec, and why it could not |
//! | `streams`, `mounts` | the files of a stage; what the command sees read-only |
//! | `decide` | what to do next: a pure state machine |
//! | `supervise` | the loop around it |
//! | `tree`, `reap`, `cgroup` | signalling, waiting for and fencing in the processes |
//! | `pump`, `log` | the output |
//! | `heartbeat` | the signs of life |
//! | `record` | the records of the start, of a silence and of the end |

mod cgroup;
mod child;
mod command;
mod decide;
mod handshake;
mod heartbeat;
mod launch;
mod line;
mod log;
mod mounts;
mod process;
mod pump;
mod reap;
mod record;
mod report;
mod signals;
mod spawn;
mod spawner;
mod start;
mod streams;
mod supervise;
mod title;
mod tree;

pub use start::main;
