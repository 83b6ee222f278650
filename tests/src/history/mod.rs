//! A long history: a store with as many ended jobs as wanted, and what the daemon's answers cost
//! with it. Shared by the program and the test.

mod measure;
mod seed;

pub use measure::{Figures, measure};
pub use seed::seed;
