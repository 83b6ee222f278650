//! The environment that a command runs in.

mod provide;

pub(super) use provide::provide;
