//! From what a job asks for to what it gets.

use std::io;

use proto::job::Environment;
use proto::stage::{EnvironmentReport, PrepareReport, StageOrder};

use crate::stage::meter::Meter;

/// Why there is no environment.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// It cannot be built.
    #[error("build the environment: {0}")]
    Build(#[from] io::Error),
}

/// Provides it; with what the user should know. `prepared` has the mounts of the inputs, which a
/// container must see.
///
/// # Errors
/// See [`EnvironmentError`].
pub fn provide(
    _order: &StageOrder,
    _wanted: &Environment,
    _prepared: &PrepareReport,
    _meter: &Meter,
) -> Result<(EnvironmentReport, Vec<String>), EnvironmentError> {
    Err(io::Error::from(io::ErrorKind::Unsupported).into())
}
