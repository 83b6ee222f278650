//! The job language of Azure ML: one file a concept. Types that hold a read job, the reader
//! that makes them from YAML with every finding placed, and the writer that dumps them.

pub mod command;
pub mod environment;
pub mod input;
pub mod limits;
pub mod output;

pub use command::CommandJob;
pub use environment::Environment;
pub use input::{DataInput, Input, Literal};
pub use limits::{Limits, Priority, QueueSettings};
pub use output::Output;
