//! What the scenario tests share: real programs of jobd, driven as their users drive them; real
//! job files; and the real SDK.

pub mod corpus;
pub mod difference;
pub mod harness;
pub mod history;
pub mod hostile;
pub mod mutate;
pub mod sdk;
pub mod stage;
