//! What the kernel must be able to do: pidfd, inotify and mounts.

use std::fs;

use nix::errno::Errno;
use nix::sys::inotify::{InitFlags, Inotify};
use proto::finding::Finding;

use crate::exec;
use crate::spool::RESCAN_SECS;
use crate::sys::pidfd;

pub(super) fn check() -> Vec<Finding> {
    vec![
        judge_pidfd(try_pidfd()),
        judge_inotify(&look_at_inotify()),
        judge_mounts(exec::private_mounts()),
    ]
}

fn judge_mounts(tried: Result<(), Errno>) -> Finding {
    const CHECK: &str = "mounts";
    match tried {
        Ok(()) => Finding::ok(CHECK, "a job's local inputs are read-only to it"),
        Err(errno) => Finding::weaker(
            CHECK,
            errno.to_string(),
            "a job can write to its local inputs, as far as their permissions allow",
            "write `mode: ro_mount` where that matters, or run the daemon as root",
        ),
    }
}

/// Opens this very process.
fn try_pidfd() -> Result<(), String> {
    let own = i32::try_from(std::process::id()).map_err(|error| error.to_string())?;
    let identity = pidfd::identity(own).map_err(|error| error.to_string())?;
    let identity = identity.ok_or("this process is not in /proc")?;
    let opened = pidfd::open_verified(&identity).map_err(|error| error.to_string())?;
    opened.map(drop).ok_or_else(|| "it is not confirmed".into())
}

fn judge_pidfd(tried: Result<(), String>) -> Finding {
    const CHECK: &str = "pidfd";
    match tried {
        Ok(()) => Finding::ok(CHECK, "processes can be held by descriptors"),
        Err(reason) => Finding::broken(
            CHECK,
            reason,
            "jobs cannot be watched or stopped: a pid alone may be another process by now",
            "use Linux 5.3 or newer, mount /proc, and let a sandbox permit pidfd_open(2)",
        ),
    }
}

/// What inotify(7) has left for this user.
struct Watching {
    /// Whether one more instance can be had.
    instance: Result<(), String>,
    instances: Option<u64>,
    watches: Option<u64>,
}

fn look_at_inotify() -> Watching {
    let limit = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
        text.trim().parse().ok()
    };
    let instance = Inotify::init(InitFlags::IN_CLOEXEC);
    Watching {
        instance: instance.map(drop).map_err(|errno| errno.to_string()),
        instances: limit("max_user_instances"),
        watches: limit("max_user_watches"),
    }
}

fn judge_inotify(watching: &Watching) -> Finding {
    const CHECK: &str = "inotify";
    let shown = |limit: Option<u64>| limit.map_or("?".into(), |limit| limit.to_string());
    let limits = format!(
        "max_user_instances {}, max_user_watches {}",
        shown(watching.instances),
        shown(watching.watches)
    );
    let reason = match &watching.instance {
        Err(reason) => reason.as_str(),
        Ok(()) if watching.watches == Some(0) => "no watch is allowed",
        Ok(()) => return Finding::ok(CHECK, limits),
    };
    Finding::weaker(
        CHECK,
        format!("{reason} ({limits})"),
        format!("files in the spool are noticed only every {RESCAN_SECS} s"),
        "sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=65536, or end \
         programs that hold many",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level;

    #[test]
    fn pidfd_is_needed() {
        assert_eq!(judge_pidfd(Ok(())).level, Level::Ok);
        assert_eq!(judge_pidfd(Err("ENOSYS".into())).level, Level::Broken);
    }

    #[test]
    fn mounts_are_wanted() {
        assert_eq!(judge_mounts(Ok(())).level, Level::Ok);
        let refused = judge_mounts(Err(Errno::EPERM));
        assert_eq!(refused.level, Level::Weaker);
        assert!(refused.found.contains("EPERM"), "{refused:?}");
    }

    #[test]
    fn inotify_is_wanted() {
        for (instance, watches, level) in [
            (Ok(()), Some(8_192), Level::Ok),
            (Ok(()), None, Level::Ok),
            (Ok(()), Some(0), Level::Weaker),
            (Err("EMFILE".to_owned()), Some(8_192), Level::Weaker),
        ] {
            let watching = Watching {
                instance,
                instances: Some(128),
                watches,
            };
            assert_eq!(judge_inotify(&watching).level, level);
        }
    }
}
