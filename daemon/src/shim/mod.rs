//! The supervisor of one step.
