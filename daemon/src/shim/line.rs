//! The line of steps that may begin as soon as another ends: this shim's step is over, and the
//! next need not wait until the daemon has heard of it.
//!
//! The daemon puts them in; every shim holds the end where they come out, one each, in order.

use std::os::fd::OwnedFd;

use proto::record::{NOBODY, Place};

use crate::sys::gate::Gate;
use crate::sys::{failpoint, passing};

/// The end where they come out.
#[derive(Debug)]
pub(super) struct Line(OwnedFd);

impl Line {
    pub(super) fn new(line: OwnedFd) -> Line {
        Line(line)
    }

    /// Lets the next one go; answers which, or [`NOBODY`].
    pub(super) fn let_next_go(&self) -> Place {
        let Ok(next) = passing::receive_now(&self.0, size_of::<Place>()) else {
            return NOBODY;
        };
        failpoint::reach("shim.next-taken");
        let number = next.bytes.try_into().map(Place::from_ne_bytes);
        match (number, next.descriptors.into_iter().next()) {
            (Ok(number), Some(gate)) => {
                Gate::from(gate).open();
                number
            }
            _ => NOBODY,
        }
    }
}
