//! The environment that a command runs in.
//!
//! | file | role |
//! |---|---|
//! | `provide` | from what a job asks for to what it gets, and the policy |
//! | `choice` | which backend that is |
//! | `registry`, `shipped` | the names: a folder of the configuration, and what jobd brings |
//! | `definition`, `file` | what an environment consists of, read within bounds |
//! | `packages`, `requirements`, `version` | what pip is asked for instead of conda |
//! | `venv`, `conda`, `container` | the backends; `run` has a container's words, `words` splits some |
//! | `room`, `digest` | built once for each content |
//! | `users`, `trim` | kept within a bound, and as long as a job uses it |
//! | `program`, `python`, `tools` | the programs that build |

mod choice;
mod conda;
mod container;
mod definition;
mod digest;
mod file;
mod packages;
mod program;
mod provide;
mod python;
mod registry;
mod requirements;
mod room;
mod run;
mod shipped;
mod tools;
mod trim;
mod users;
mod venv;
mod version;
mod words;

pub use registry::{RegistryError, list, show};

pub(super) use registry::is_known;

pub(super) use provide::{host, provide};
pub(super) use shipped::has as is_shipped;
pub(super) use tools::has_containers;
