//! The soak: what it does at random, and what it checks.

mod account;
mod disk;
mod random;
mod run;

pub use run::Soak;
