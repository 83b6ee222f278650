//! What environments this machine offers, for whoever decides whether a job must be prepared.

use proto::job::Environment;
use proto::stage::{EnvironmentName, EnvironmentPolicy, StageSettings};

use super::environment;

/// Whether a job with this environment gets another than the machine's own, or must be told that
/// it does not. The folder of environments may be read for that.
#[must_use]
pub fn provides(settings: &StageSettings, environment: &Environment) -> bool {
    if !may_provide(settings, environment) {
        return false;
    }
    match (settings.environment_policy, environment) {
        (EnvironmentPolicy::Strict, _) => true,
        (_, Environment::Inline(map)) => {
            map.contains_key("conda_file") || environment::has_containers()
        }
        (_, Environment::Reference(text)) => match EnvironmentName::parse(text) {
            Some(named) => environment::is_known(settings, &named.name),
            None => true,
        },
    }
}

/// The same as far as the texts tell, for whoever must not wait for a file system: nothing is
/// opened. Where this says no, [`provides`] does so too.
#[must_use]
pub fn may_provide(settings: &StageSettings, environment: &Environment) -> bool {
    match (settings.environment_policy, environment) {
        (EnvironmentPolicy::Host, _) => false,
        (EnvironmentPolicy::Strict, _) | (_, Environment::Inline(_)) => true,
        (_, Environment::Reference(text)) => match EnvironmentName::parse(text) {
            Some(named) => settings.environments.is_some() || environment::is_shipped(&named.name),
            None => text.starts_with("file:"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_environment_that_can_be_had_is_provided() {
        let registry = "azureml://registries/azureml/environments";
        let provided = |policy, text: &str| {
            let settings = StageSettings {
                environment_policy: policy,
                ..StageSettings::default()
            };
            provides(&settings, &Environment::Reference(text.into()))
        };
        for (text, expected) in [
            ("azureml:AzureML-sklearn-1.5@latest", true),
            ("azureml:sklearn-1.5:33", true),
            (&format!("{registry}/sklearn-1.5/labels/latest"), true),
            (&format!("{registry}/nobody/versions/1"), false),
            ("azureml:nobody:1", false),
            ("file:./environment.yml", true),
        ] {
            let found = provided(EnvironmentPolicy::BestEffort, text);
            assert_eq!(found, expected, "{text}");
            assert!(provided(EnvironmentPolicy::Strict, text));
            assert!(!provided(EnvironmentPolicy::Host, text));
        }
    }

    #[test]
    fn what_may_be_in_the_folder_is_not_looked_up_by_whoever_only_asks_the_text() {
        let settings = StageSettings {
            environments: Some("/not/there".into()),
            ..StageSettings::default()
        };
        let mine = Environment::Reference("azureml:mine:1".into());
        assert!(may_provide(&settings, &mine) && !provides(&settings, &mine));
        assert!(!may_provide(&StageSettings::default(), &mine));
    }
}
