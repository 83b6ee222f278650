//! What this machine offers to steps: a place for cgroups, a shell, an environment.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;

use nix::errno::Errno;

use crate::core::plan::Host;
use crate::sys::{clock, mount};

/// Variables of the daemon's own environment that a job sees. Nothing else leaks.
const PASSED: [&str; 9] = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR",
];
/// How variables begin that only stages see: where data and packages come from, and the rights to
/// them. A job gets none of these.
const PASSED_TO_STAGES: [&str; 14] = [
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "GCS_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_",
    "XDG_",
];
/// And those of the tools that build environments.
const PASSED_TO_BUILDERS: [&str; 8] = [
    "UV_",
    "PIP_",
    "CONDA_",
    "MAMBA_",
    "DOCKER_",
    "CONTAINER_",
    "CONTAINERS_",
    "REGISTRY_AUTH_FILE",
];
/// The name of the program that supervises a step; it lies beside the daemon's own.
pub const SHIM: &str = "jobd-shim";
/// The name of the program that prepares and finalizes; it lies there too.
pub const STAGE: &str = "jobd-stage";
/// The search path where the daemon has none.
pub const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Host {
    /// Looks at this machine. `open_files` is the soft limit that jobs get back.
    #[must_use]
    pub fn look(
        stage: PathBuf,
        grace_ms: u64,
        log_bytes_max: u64,
        cgroup_parent: Option<PathBuf>,
        open_files: u64,
    ) -> Host {
        let mut env: Vec<(String, String)> = PASSED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
            .collect();
        if !env.iter().any(|(name, _)| name == "PATH") {
            env.push(("PATH".into(), PATH_DEFAULT.into()));
        }
        Host {
            shell: shell().into(),
            stage,
            env,
            stage_env: stage_env(),
            grace_ms,
            log_bytes_max,
            cgroup_parent,
            boot_id: clock::boot_id().ok(),
            open_files: Some(open_files),
            private_mounts: private_mounts().is_ok(),
        }
    }
}

/// Whether a job can have mounts of its own and be otherwise what it is without them: tried once.
///
/// # Errors
/// What stands against it.
pub fn private_mounts() -> Result<(), Errno> {
    static TRIED: LazyLock<Result<(), Errno>> = LazyLock::new(|| {
        // Of the whole process it concerns that thread only, and ends with it.
        let thread = thread::Builder::new().spawn(try_private_mount);
        let thread = thread.map_err(|_| Errno::EAGAIN)?;
        thread.join().unwrap_or(Err(Errno::ECANCELED))
    });
    *TRIED
}

fn try_private_mount() -> Result<(), Errno> {
    mount::enter()?;
    mount::keep_to_itself()?;
    mount::bind(c"/", c"/")?;
    mount::set_read_only(c"/")
}

fn stage_env() -> Vec<(String, String)> {
    let is_passed = |name: &str| {
        let mut prefixes = PASSED_TO_STAGES.iter().chain(&PASSED_TO_BUILDERS);
        prefixes.any(|prefix| name.starts_with(prefix))
    };
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let all = std::env::vars_os().filter_map(text);
    all.filter(|(name, _)| is_passed(name)).collect()
}

/// The shell that runs commands: bash, as in the cloud, or what there is.
#[must_use]
pub fn shell() -> &'static str {
    ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"]
        .into_iter()
        .find(|shell| Path::new(shell).exists())
        .unwrap_or("/bin/sh")
}

/// Where the cgroups of a daemon's steps are or would be: below the cgroup of the process that
/// `/proc` knows by that name (a pid, or `self`).
///
/// # Errors
/// Why there is no such place, as a sentence fragment.
pub fn cgroup_parent_path(process: &str, state: &Path) -> Result<PathBuf, String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|error| error.to_string())?;
    let mount = cgroup2_mount(&mounts).ok_or("no cgroup v2 file system is mounted")?;
    let own = fs::read_to_string(format!("/proc/{process}/cgroup"));
    let own = own.map_err(|error| error.to_string())?;
    let own = own
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .ok_or("this process is in no cgroup v2")?;
    Ok(Path::new(&mount)
        .join(own.trim_start_matches('/'))
        .join(cgroup_name(state)))
}

/// A cgroup v2 folder of our own in which shims can make leaves that can be killed at once
/// (cgroups(7), `cgroup.kill`), named after this daemon's state folder.
///
/// # Errors
/// Why there is none, as a sentence fragment.
pub fn find_cgroup_parent(state: &Path) -> Result<PathBuf, String> {
    let parent = cgroup_parent_path("self", state)?;
    if let Err(error) = fs::create_dir(&parent)
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        return Err(format!(
            "the cgroup {} cannot be made: {error}",
            parent.display()
        ));
    }
    if !parent.join("cgroup.kill").exists() {
        return Err("the kernel has no cgroup.kill (Linux 5.14)".into());
    }
    fs::OpenOptions::new()
        .write(true)
        .open(parent.join("cgroup.procs"))
        .map_err(|error| format!("the cgroup {} is not ours: {error}", parent.display()))?;
    Ok(parent)
}

/// Removes the folder at the daemon's end. The kernel keeps it while a step lives in it.
pub fn leave_cgroup_parent(parent: &Path) {
    if let Err(error) = fs::remove_dir(parent) {
        tracing::debug!(%error, "the cgroup stays for running steps");
    }
}

/// A name that every daemon of the same state folder comes to: FNV-1a of its path.
fn cgroup_name(state: &Path) -> String {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = state
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, mix);
    format!("jobd-{hash:016x}")
}

/// Where a cgroup v2 file system is mounted, by the text of `/proc/self/mountinfo` (proc(5)).
fn cgroup2_mount(mountinfo: &str) -> Option<String> {
    mountinfo.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ")
            .then(|| mount.split(' ').nth(4).map(str::to_owned))?
    })
}

#[cfg(test)]
mod tests {
    use super::cgroup2_mount;

    #[test]
    fn finds_the_mount_among_others() {
        let text = "22 1 0:21 / /proc rw - proc proc rw\n\
                    30 23 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
        assert_eq!(
            cgroup2_mount(text).as_deref(),
            Some("/sys/fs/cgroup/unified")
        );
        assert_eq!(cgroup2_mount("22 1 0:21 / /proc rw - proc proc rw\n"), None);
    }
}
