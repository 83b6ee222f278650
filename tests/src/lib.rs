//! What the scenario tests share: real programs of jobd, driven as their users drive them.

pub mod harness;
