//! The configuration: what a daemon that starts now would make of it.

use std::path::Path;

use proto::finding::Finding;

use crate::settings::{self, Overrides, Settings, SettingsError};

const CHECK: &str = "configuration";

/// The settings in force, the defaults where the file is wrong, and what is to be said of it.
pub(super) fn check(path: &Path) -> (Settings, Vec<Finding>) {
    let loaded = settings::load(path, &Overrides::default());
    let finding = judge(path, path.exists(), loaded.as_ref().err());
    let settings = loaded.unwrap_or_else(|_| Settings::from(&Overrides::default()));
    (settings, vec![finding])
}

fn judge(path: &Path, is_there: bool, error: Option<&SettingsError>) -> Finding {
    let place = path.display();
    match (error, is_there) {
        (None, true) => Finding::ok(CHECK, place.to_string()),
        (None, false) => Finding::ok(CHECK, format!("no file {place}: the defaults hold")),
        (Some(error), _) => Finding::broken(
            CHECK,
            error.to_string().replace('\n', "; "),
            "no daemon starts; one that runs goes on with the settings it has",
            format!("correct {place}, or remove it: then the defaults hold"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level;

    #[test]
    fn a_wrong_file_is_broken_and_a_missing_one_is_not() {
        let path = Path::new("/x/jobd.yaml");
        let error = SettingsError::Read {
            path: path.into(),
            source: crate::sys::atomic::ReadError::NotRegular,
        };
        assert_eq!(judge(path, true, None).level, Level::Ok);
        assert!(judge(path, false, None).found.contains("defaults"));
        let broken = judge(path, true, Some(&error));
        assert_eq!(broken.level, Level::Broken);
        assert!(broken.advice.contains("/x/jobd.yaml"));
    }
}
