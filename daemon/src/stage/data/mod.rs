//! Inputs and outputs.

mod provide;

pub(super) use provide::Data;
