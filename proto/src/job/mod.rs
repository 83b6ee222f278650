//! The job language of Azure ML: one file a concept. Types that hold a read job, the reader
//! that makes them from YAML with every finding placed, and the writer that dumps them.

pub mod base;
mod bindings;
pub mod command;
pub mod component;
pub mod component_input;
pub mod data_asset;
mod declared;
pub mod distribution;
mod dump;
pub mod early_termination;
pub mod environment;
mod field;
mod fields;
pub mod files;
mod findings;
pub mod heartbeat;
pub mod identity;
pub mod input;
mod json;
pub mod limits;
pub mod literal;
pub mod name;
mod nested;
pub mod node;
mod notes;
pub mod output;
pub mod overrides;
pub mod path;
pub mod pipeline;
mod place;
mod reading;
mod references;
pub mod resources;
pub mod sampling;
mod schema;
pub mod search_space;
mod secret;
pub mod service;
mod suggest;
pub mod sweep;
pub mod task;
#[cfg(test)]
mod tests;

use fields::Fields;

pub use command::CommandJob;
pub use data_asset::DataAsset;
pub use distribution::Distribution;
pub use dump::{dump, dump_component, dump_job};
pub use early_termination::EarlyTermination;
pub use environment::Environment;
pub use files::Loader;
pub use findings::FINDINGS_MAX;
pub use heartbeat::Heartbeat;
pub use identity::Identity;
pub use input::{DATA_TYPES, DataInput, Input};
pub use limits::{Limits, Priority, QueueSettings};
pub use literal::Literal;
pub use name::is_asset_name;
pub use node::Node;
pub use output::Output;
pub use overrides::Override;
pub use path::{LocalPath, PathForm, PathKind, classify_path, local_paths};
pub use pipeline::PipelineJob;
pub use place::place;
pub use reading::{
    ComponentReading, Document, Job, JobText, Reading, read, read_any, read_component,
};
pub use resources::{DockerArgs, Resources};
pub use sampling::Sampling;
pub use schema::{SchemaKind, schema};
pub use search_space::Hyperparameter;
pub use secret::{has_secret, redacted};
pub use service::Service;
pub use sweep::SweepJob;
