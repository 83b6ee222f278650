//! Whose files the daemon uses: those of its own user and of root. What another user may write to
//! could hold jobs, settings or a socket that the daemon's user never asked for.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use proto::paths::Paths;

/// May all do anything anyhow.
const ROOT: u32 = 0;
/// The bit of a mode that lets everybody write, and the one that keeps what others own in a folder.
const WRITABLE_BY_ALL: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Why a place is not used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It cannot be looked at.
    #[error("look at {}: {source}", path.display())]
    Look {
        /// The place.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is another user's.
    #[error(
        "{} belongs to user {owner}, who could have jobs run here: start jobd as that user, or \
         set JOBD_HOME to a folder of your own", path.display()
    )]
    Foreign {
        /// The place.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Everybody may write there.
    #[error(
        "everybody may write to {}, and so could have jobs run here: chmod o-w it, or set \
         JOBD_HOME to a folder of your own", path.display()
    )]
    Open {
        /// The place.
        path: PathBuf,
    },
}

/// That nobody else has a say in those places; what is not there yet will be made.
///
/// # Errors
/// The first place where somebody has.
pub fn check(paths: &Paths) -> Result<(), TrustError> {
    let us = nix::unistd::geteuid().as_raw();
    judge(&paths.state, us, 0)?;
    judge(&paths.configuration, us, 0)?;
    // In a sticky folder others can neither rename nor delete what is ours.
    for file in [&paths.state, &paths.configuration, &paths.socket] {
        file.parent()
            .map_or(Ok(()), |folder| judge(folder, us, STICKY))?;
    }
    Ok(())
}

/// One place, which everybody may write to if its mode has one of the `excusing` bits.
fn judge(path: &Path, us: u32, excusing: u32) -> Result<(), TrustError> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(TrustError::Look {
                path: path.into(),
                source,
            });
        }
    };
    let (owner, mode) = (found.uid(), found.mode());
    if owner != us && owner != ROOT {
        return Err(TrustError::Foreign {
            path: path.into(),
            owner,
        });
    }
    if mode & WRITABLE_BY_ALL != 0 && mode & excusing == 0 {
        return Err(TrustError::Open { path: path.into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn us() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    #[test]
    fn only_root_and_its_own_user_are_trusted() {
        let folder = std::env::temp_dir().join(format!("jobd-trust-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        assert!(judge(&folder, us(), 0).is_ok());
        // To another user, it is a stranger's unless that is root.
        let stranger = judge(&folder, us() + 1, 0);
        assert_eq!(stranger.is_ok(), us() == ROOT, "{stranger:?}");
        assert!(judge(&folder.join("nothing"), us(), 0).is_ok());
        for (mode, excusing, is_good) in [
            (0o775, 0, true),
            (0o777, 0, false),
            (0o777, STICKY, false),
            (0o1777, 0, false),
            (0o1777, STICKY, true),
        ] {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
            let judged = judge(&folder, us(), excusing);
            assert_eq!(judged.is_ok(), is_good, "{mode:o} {excusing:o}: {judged:?}");
        }
        fs::remove_dir(&folder).unwrap();
    }
}
