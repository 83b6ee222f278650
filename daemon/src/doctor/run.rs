//! All checks, in the order in which they are shown.

use std::path::Path;

use proto::finding::Finding;
use proto::paths::Paths;

use super::{
    boot, cgroup, clock, configuration, disk, folders, kernel, limits, programs, socket, store,
};
use crate::layout::Layout;
use crate::state;

/// Looks at the machine as a daemon with these paths would find it, and at the daemon that works
/// there, if one does.
#[must_use]
pub fn run(paths: &Paths) -> Vec<Finding> {
    let layout = Layout::new(paths.state.clone());
    let holder = state::holder(&layout);
    let (settings, configuration) = configuration::check(&paths.configuration);
    // Where it cannot be seen whether somebody has the store open, somebody may.
    let is_free = holder.as_ref().is_ok_and(Option::is_none);
    let (newest, store) = store::check(&layout, !is_free);
    let process = holder.as_ref().ok().and_then(Option::as_ref);
    let process = process.and_then(|holder| holder.pid.as_deref());
    // A daemon that starts has the lock before it has written its pid.
    let process = process.filter(|pid| Path::new("/proc").join(pid).exists());
    let process = process.unwrap_or("self");
    [
        configuration,
        store,
        folders::check(paths),
        socket::check(&paths.socket, holder.as_ref()),
        programs::check(),
        disk::check(&paths.state),
        clock::check(&layout, newest),
        kernel::check(),
        limits::check(process, &layout, settings.capacity),
        cgroup::check(process, &layout),
        boot::check(),
    ]
    .concat()
}
