//! Credentials: the user's environment, or a file that only the user can read. They are handed to
//! the library of the stores and to nobody else.

use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::error::DataError;
use crate::sys::atomic;

/// The most bytes of a file of credentials.
pub const CREDENTIALS_BYTES_MAX: u64 = 64 << 10;
/// What others may do with a file of mode 0600: nothing.
const OTHERS: u32 = 0o077;

/// The names and values of a store's vendor, from the file if there is one, else from the
/// environment. Names are lowercase.
pub(super) fn take(
    file: Option<&Path>,
    is_vendors: fn(&str) -> bool,
) -> Result<Vec<(String, String)>, DataError> {
    let all = match file {
        Some(path) => read(path)?,
        None => environment(),
    };
    let lower = all
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value));
    Ok(lower.filter(|(name, _)| is_vendors(name)).collect())
}

fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn read(path: &Path) -> Result<Vec<(String, String)>, DataError> {
    let refused = |why: String| DataError::Credentials {
        path: path.into(),
        why,
    };
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => refused("it is a link".into()),
        _ => refused(error.to_string()),
    })?;
    let bytes = atomic::read_file_bounded(&file, CREDENTIALS_BYTES_MAX)
        .map_err(|error| refused(error.to_string()))?;
    // Of what was opened: another file may have that name by now.
    let metadata = file
        .metadata()
        .map_err(|error| refused(error.to_string()))?;
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(refused("it belongs to another user".into()));
    }
    if metadata.mode() & OTHERS != 0 {
        let mode = metadata.mode() & 0o777;
        return Err(refused(format!("its mode is {mode:04o} and must be 0600")));
    }
    let text = String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".into()))?;
    parse(&text).map_err(|line| refused(format!("line {line} is not NAME=VALUE")))
}

/// `NAME=VALUE` lines; `export ` before and quotes around are as a shell reads them. The error is
/// the number of a line: what stands there may be a secret.
fn parse(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').ok_or(number + 1)?;
        let value = value.trim();
        let quoted = ['"', '\'']
            .iter()
            .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        found.push((name.trim().into(), quoted.unwrap_or(value).into()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_the_user_alone_is_read() {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = std::env::temp_dir().join(format!("jobd-credentials-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let (file, link) = (folder.join("file"), folder.join("link"));
        fs::write(&file, "A=b").unwrap();
        symlink(&file, &link).unwrap();
        let refused = |path: &Path| read(path).unwrap_err().to_string();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        assert!(
            refused(&file).contains("its mode is 0640"),
            "{}",
            refused(&file)
        );
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&file).unwrap().len(), 1);
        assert!(
            refused(&link).contains("it is a link"),
            "{}",
            refused(&link)
        );
        assert!(refused(&folder).contains("not a regular file"));
        assert!(refused(&folder.join("none")).contains("No such file"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn lines_are_read_as_a_shell_reads_them() {
        let text = "# mine\n\nA=b\nexport C='d e'\n F = \"g=h\" \n";
        let expected = [("A", "b"), ("C", "d e"), ("F", "g=h")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse("A=b\nsecret\n"), Err(2));
    }
}
