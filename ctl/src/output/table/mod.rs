//! Tables for people. On a terminal they fit its width: columns that may shrink do, then the
//! least important ones go. In a pipe nothing is cut.

mod build;
mod layout;

#[cfg(test)]
mod tests;

pub use build::{Column, Table};
