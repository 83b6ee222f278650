//! The real `jobctl` against a daemon that is played by a thread of the test.
//!
//! `cfg(test)` tells the linter that all of it is test code.

#[cfg(test)]
mod data;
#[cfg(test)]
mod download;
#[cfg(test)]
mod editor;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod files;
#[cfg(test)]
mod follow;
#[cfg(test)]
mod run;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod start;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod validate;
#[cfg(test)]
mod verbs;
