//! What environments this machine offers, for whoever decides whether a job must be prepared.

use proto::stage::{EnvironmentPolicy, StageSettings};

use super::environment;
use crate::core::stage_order::Environments;

/// What environments there are besides the machine's own. Cheap, and never fails: what cannot be
/// read is left out.
#[must_use]
pub fn environments(settings: &StageSettings) -> Environments {
    Environments {
        names: environment::known(settings),
        has_containers: environment::may_have_containers(),
        is_strict: settings.environment_policy == EnvironmentPolicy::Strict,
    }
}
