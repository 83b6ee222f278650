//! Real job files and components, and files with one fault each, from a corpus outside the
//! repository: in `$JOBD_SHARED`, or in a folder `shared` beside the workspace or beside its
//! parent. Where there is none the tests say SKIP.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends with the place and the reason"
)]

mod components;
mod exceptions;
mod files;
mod place;

pub use components::Components;
pub use exceptions::{ACCEPTED, NO_JOBS, REFUSED, UNSEEN_BY_SDK};
pub use files::{component_files, errors, tell};
pub use place::{files, root};
