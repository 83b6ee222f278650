//! The verbs, one file each.

pub mod archive;
pub mod cancel;
pub mod completions;
pub mod data;
pub mod doctor;
pub mod download;
pub mod dump;
pub mod each;
pub mod init;
pub mod list;
pub mod logs;
pub mod man;
pub mod pause;
pub mod restore;
pub mod resume;
pub mod run;
pub mod save;
pub mod schema;
pub mod show;
pub mod shutdown;
pub mod status;
pub mod submission;
pub mod submit;
pub mod validate;
pub mod wait;
