//! The name under which a forked shim is seen (ps(1), `/proc/PID/cmdline`): that of a shim which
//! was started by hand for the same step, so that a person finds the supervisor of a job.
#![expect(
    unsafe_code,
    reason = "the arguments are memory that no type of std owns"
)]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// Where the arguments of this process begin and end: fields 48 and 49 of proc_pid_stat(5).
#[derive(Debug, Clone, Copy)]
pub(super) struct Title {
    begin: usize,
    length: usize,
}

impl Title {
    /// Finds the place; one without room where it cannot be found.
    pub(super) fn find() -> Title {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The name of the program may hold anything, so the fields are counted from its end.
        let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let mut fields = fields
            .split(' ')
            .skip(45)
            .map(|field| field.parse().unwrap_or(0));
        let (begin, end) = (fields.next().unwrap_or(0), fields.next().unwrap_or(0));
        Title {
            begin,
            length: usize::saturating_sub(end, begin),
        }
    }

    /// Names the step, or none, after the program's own name; cut where there is no room.
    pub(super) fn set(self, path: Option<&Path>) {
        let Some(name) = std::env::args_os().next() else {
            return;
        };
        let path = path.map_or(&[][..], |path| path.as_os_str().as_bytes());
        let mut title = [name.as_bytes(), path].join(&0);
        title.resize(self.length, 0);
        if let Some(last) = title.last_mut() {
            *last = 0;
        }
        // SAFETY: the kernel says that this is where the arguments were put at the start; it is
        // writable memory of this process (execve(2) puts it on the stack), and nothing refers
        // to it but the arguments of std, of which none is read from here on.
        unsafe {
            ptr::copy_nonoverlapping(
                title.as_ptr(),
                ptr::with_exposed_provenance_mut(self.begin),
                title.len(),
            );
        }
    }
}
