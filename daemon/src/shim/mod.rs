//! The supervisor of one step: `jobd-shim DIR`.
//!
//! It owns the step directory from the moment the daemon hands over the locked `spec.json` until
//! `exit.json` is there, and it owns every process of the step. It knows nothing of jobs, talks
//! to nobody, and needs no daemon to be alive. One thread; std, nix and libc only.
//!
//! | file | role |
//! |---|---|
//! | `spawner`, `title` | making shims by forking, and what they are called |
//! | `start` | the whole course, from the arguments to the exit record |
//! | `launch` | from *go* to the released command |
//! | `handshake` | what the daemon hands over; waiting for *go* |
//! | `process`, `signals` | turning this process into a supervisor |
//! | `command`, `spawn`, `child` | what to run, the fork, and what the child does before exec |
//! | `streams`, `mounts` | the files of a stage; what the command sees read-only |
//! | `decide` | what to do next: a pure state machine |
//! | `supervise` | the loop around it |
//! | `tree`, `reap`, `cgroup` | signalling, waiting for and fencing in the processes |
//! | `pump`, `log` | the output |
//! | `heartbeat` | the signs of life |
//! | `record` | started.json, silent.json and exit.json |

mod cgroup;
mod child;
mod command;
mod decide;
mod handshake;
mod heartbeat;
mod launch;
mod log;
mod mounts;
mod process;
mod pump;
mod reap;
mod record;
mod signals;
mod spawn;
mod spawner;
mod start;
mod streams;
mod supervise;
mod title;
mod tree;

pub use start::main;
