//! The snapshot of a job's code: what the folder held while the job was prepared is what the job
//! runs, whatever happens to the folder later. Identical snapshots are stored once.
//!
//! First the code is only read, since its snapshot may be stored already. If it is not,
//! the same copy is made twice: from the user's folder into the cache, and from the cache into
//! the job's folder. Both times the digest is taken of what was written, so the digest that is
//! reported is of the files that the command finds.
//!
//! | file | role |
//! |---|---|
//! | `take` | one snapshot from start to end |
//! | `source` | what `code` names |
//! | `rules` | `.amlignore`, else `.gitignore` |
//! | `scan`, `links`, `cap` | what is in the tree, whether its links stay in it, whether it is too much |
//! | `copy`, `digest` | the files, and the name of what they are |
//! | `store` | the snapshots in the cache |
//! | `git` | where the code came from |
//!
//! As on Azure, a snapshot holds files and links, hidden ones too (`.git` is left out by writing
//! it into `.amlignore`), and no empty folders. Unlike there, links are not followed: a relative
//! link that stays in the tree is kept, any other is refused. Sockets, pipes and devices are left
//! out with a note.

mod cap;
mod copy;
mod digest;
mod error;
mod git;
mod links;
mod rules;
mod scan;
mod source;
mod store;
mod take;

pub(super) use take::take;
