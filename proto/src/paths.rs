//! Where a per-user daemon keeps its things: one rule for the daemon and its clients.
//!
//! Pure: the environment and the working folder are given by the caller. With `JOBD_HOME` all
//! lies under one folder; without it the XDG base directories hold
//! (<https://specifications.freedesktop.org/basedir-spec/latest/>).

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The folder that holds everything of a daemon, instead of the XDG directories.
pub const HOME_VARIABLE: &str = "JOBD_HOME";
/// The name of the socket in its folder.
pub const SOCKET_FILE: &str = "jobd.sock";
/// The name of the configuration in its folder.
pub const CONFIGURATION_FILE: &str = "jobd.yaml";
/// The most bytes of a socket's path: `sun_path` of unix(7) without its NUL.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The paths of a per-user daemon; all absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The socket.
    pub socket: PathBuf,
    /// The folder of the store and the jobs.
    pub state: PathBuf,
    /// The folder whose job files are run.
    pub spool: PathBuf,
    /// The configuration; it need not exist.
    pub configuration: PathBuf,
}

/// Why there are no such paths.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathsError {
    /// Neither variable says where the user's files are.
    #[error("neither {HOME_VARIABLE} nor HOME is set to a folder, so there is no place for jobd")]
    NoHome,
    /// The kernel takes no longer path.
    #[error(
        "the socket path {path} has {bytes} bytes, the kernel allows {SOCKET_PATH_BYTES_MAX}; \
         set {HOME_VARIABLE} to a shorter folder"
    )]
    SocketTooLong {
        /// The path.
        path: String,
        /// Its length.
        bytes: usize,
    },
}

impl Paths {
    /// The paths that `environment` asks for; `cwd` makes a relative `JOBD_HOME` absolute.
    ///
    /// # Errors
    /// `NoHome` when a path would need `HOME` and it is not set.
    pub fn resolve(
        environment: impl Fn(&str) -> Option<OsString>,
        cwd: &Path,
    ) -> Result<Paths, PathsError> {
        match environment(HOME_VARIABLE).filter(|home| !home.is_empty()) {
            Some(home) => Ok(Paths::under(&absolute(cwd, Path::new(&home)))),
            None => Paths::from_xdg(environment),
        }
    }

    fn under(home: &Path) -> Paths {
        Paths {
            socket: home.join(SOCKET_FILE),
            state: home.join("state"),
            spool: home.join("spool"),
            configuration: home.join(CONFIGURATION_FILE),
        }
    }

    fn from_xdg(environment: impl Fn(&str) -> Option<OsString>) -> Result<Paths, PathsError> {
        // The XDG specification: a path that is not absolute is to be ignored.
        let folder = |name: &str| {
            environment(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let base = |name: &str, below_home: &str| match folder(name) {
            Some(path) => Ok(path),
            None => folder("HOME")
                .map(|home| home.join(below_home))
                .ok_or(PathsError::NoHome),
        };
        let state = base("XDG_STATE_HOME", ".local/state")?.join("jobd");
        let runtime = folder("XDG_RUNTIME_DIR").map(|path| path.join("jobd"));
        Ok(Paths {
            socket: runtime.as_ref().unwrap_or(&state).join(SOCKET_FILE),
            spool: state.join("spool"),
            state,
            configuration: base("XDG_CONFIG_HOME", ".config")?
                .join("jobd")
                .join(CONFIGURATION_FILE),
        })
    }
}

/// Refuses a socket path that the kernel would refuse with less of a reason.
///
/// # Errors
/// `SocketTooLong`.
pub fn check_socket(path: &Path) -> Result<(), PathsError> {
    let bytes = path.as_os_str().as_bytes().len();
    if bytes > SOCKET_PATH_BYTES_MAX {
        return Err(PathsError::SocketTooLong {
            path: path.display().to_string(),
            bytes,
        });
    }
    Ok(())
}

/// `path` seen from `cwd`, without `.` parts. `..` stays: only the kernel knows where a symbolic
/// link before it leads.
#[must_use]
pub fn absolute(cwd: &Path, path: &Path) -> PathBuf {
    cwd.join(path)
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(variables: &[(&str, &str)]) -> Result<Paths, PathsError> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Paths::resolve(lookup, Path::new("/cwd"))
    }

    #[test]
    fn jobd_home_holds_everything_and_is_made_absolute() {
        let paths = resolve(&[("JOBD_HOME", "./a/b"), ("XDG_STATE_HOME", "/x")]).unwrap();
        assert_eq!(paths.socket, Path::new("/cwd/a/b/jobd.sock"));
        assert_eq!(paths.state, Path::new("/cwd/a/b/state"));
        assert_eq!(paths.spool, Path::new("/cwd/a/b/spool"));
        assert_eq!(paths.configuration, Path::new("/cwd/a/b/jobd.yaml"));
    }

    #[test]
    fn xdg_directories_hold_without_it() {
        let paths = resolve(&[
            ("JOBD_HOME", ""),
            ("XDG_RUNTIME_DIR", "/run/user/7"),
            ("XDG_STATE_HOME", "/s"),
            ("XDG_CONFIG_HOME", "/c"),
        ])
        .unwrap();
        assert_eq!(paths.socket, Path::new("/run/user/7/jobd/jobd.sock"));
        assert_eq!(paths.state, Path::new("/s/jobd"));
        assert_eq!(paths.spool, Path::new("/s/jobd/spool"));
        assert_eq!(paths.configuration, Path::new("/c/jobd/jobd.yaml"));
    }

    #[test]
    fn home_stands_in_for_missing_and_relative_directories() {
        let paths = resolve(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", "run")]).unwrap();
        assert_eq!(paths.socket, Path::new("/h/.local/state/jobd/jobd.sock"));
        assert_eq!(paths.configuration, Path::new("/h/.config/jobd/jobd.yaml"));
        assert_eq!(
            resolve(&[("HOME", "relative")]).unwrap_err(),
            PathsError::NoHome
        );
    }

    #[test]
    fn a_socket_path_that_the_kernel_cannot_take_is_refused() {
        let fits = format!("/{}", "x".repeat(SOCKET_PATH_BYTES_MAX - 1));
        assert_eq!(check_socket(Path::new(&fits)), Ok(()));
        let message = check_socket(Path::new(&format!("{fits}x")))
            .unwrap_err()
            .to_string();
        assert!(message.contains("108 bytes"), "{message}");
    }
}
