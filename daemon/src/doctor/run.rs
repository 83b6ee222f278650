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
    let held = state::holder(&layout);
    let holder = held.as_ref().ok().and_then(Option::as_ref);
    let (settings, configuration) = configuration::check(&paths.configuration);
    let (newest, store) = store::check(&layout, holder.is_some());
    let process = holder.and_then(|holder| holder.pid.as_deref());
    // A daemon that starts has the lock before its pid is written.
    let process = process.filter(|pid| Path::new("/proc").join(pid).exists());
    let process = process.unwrap_or("self");
    [
        configuration,
        store,
        folders::check(paths),
        socket::check(&paths.socket, held.as_ref().map(Option::as_ref)),
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
