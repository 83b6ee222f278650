//! `jobd-stage` alone: an order in, a report out, and the stores it talks to: a web server that
//! misbehaves on demand, Azurite, moto and fake-gcs-server.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends with the place and the reason"
)]

mod content;
mod gcs;
mod peers;
mod run;
mod web;

pub use content::{assert_whole, bytes};
pub use gcs::Gcs;
pub use peers::{Azurite, Moto};
pub use run::{Ran, Stage, asset, datastore, input, output, prepare};
pub use web::{Reply, Request, Web, reply_with_file};
