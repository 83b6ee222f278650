//! The records that the shim leaves in the step directory.
//!
//! Nothing is synced: the page cache survives a killed process, and power loss is covered by the
//! daemon's commit.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::renameat;
use nix::unistd::{UnlinkatFlags, unlinkat};
use proto::record::{
    EXIT_FILE, EXIT_ROOM_BYTES, EXIT_ROOM_FILE, Exit, Format, SILENT_FILE, STARTED_FILE, Silent,
    Started,
};

use crate::sys::{atomic, failpoint};

/// Seconds between attempts to store the exit record: the first, and the longest.
const RETRY_SECONDS: (u64, u64) = (1, 15);

/// The step directory, with the room for the exit record and the place of the start record.
#[derive(Debug)]
pub(super) struct Records {
    directory: File,
    reserved: File,
    /// Empty, which means as little as none; it is made at the start where it could not be.
    started: Option<File>,
}

impl Records {
    /// Finds the room for the exit record, or takes it where the daemon has not.
    pub(super) fn reserve(directory: File) -> io::Result<Records> {
        failpoint::io("shim.reserve")?;
        let reserved = atomic::keep_at(&directory, EXIT_ROOM_FILE)?;
        if reserved.metadata()?.len() < EXIT_ROOM_BYTES.into() {
            atomic::take_room(&reserved, EXIT_ROOM_BYTES)?;
        }
        let started = atomic::keep_at(&directory, STARTED_FILE).ok();
        Ok(Records {
            directory,
            reserved,
            started,
        })
    }

    /// The step directory.
    pub(super) fn directory(&self) -> &File {
        &self.directory
    }

    /// Gives the room back: nothing was started.
    pub(super) fn discard(self) {
        // What is left over is overwritten by the next attempt.
        for name in [EXIT_ROOM_FILE, STARTED_FILE] {
            let _left_over = unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir);
        }
    }

    /// Records that the command may run from here on.
    pub(super) fn started(&self, started: &Started) -> io::Result<()> {
        failpoint::io("shim.write-started")?;
        // The command is released only when it is whole: an empty one means as little as none.
        let bytes = serde_json::to_vec(started)?;
        match &self.started {
            Some(file) if file.metadata()?.nlink() > 0 => file.write_all_at(&bytes, 0),
            _ => atomic::keep_at(&self.directory, STARTED_FILE)?.write_all_at(&bytes, 0),
        }
    }

    /// Records that the command is silent.
    pub(super) fn silent(&self, silence_ms: u64) -> io::Result<()> {
        let silent = Silent {
            format: Format::CURRENT,
            silence_ms,
        };
        failpoint::io("shim.write-silent")?;
        atomic::write_at(&self.directory, SILENT_FILE, &serde_json::to_vec(&silent)?)
    }

    /// Takes that back.
    pub(super) fn heard(&self) -> io::Result<()> {
        match unlinkat(&self.directory, SILENT_FILE, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Records the end, however long it takes to succeed; answers the record as it is stored.
    ///
    /// # Errors
    /// Only when nobody could read it any more: the step directory was removed.
    pub(super) fn exit(&self, exit: &Exit) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(exit)?;
        bytes.push(b'\n');
        let (mut pause, longest) = RETRY_SECONDS;
        while let Err(error) = self.store_exit(&bytes) {
            if self
                .directory
                .metadata()
                .is_ok_and(|directory| directory.nlink() == 0)
            {
                return Err(error);
            }
            thread::sleep(Duration::from_secs(pause));
            pause = (pause * 2).min(longest);
        }
        Ok(bytes)
    }

    fn store_exit(&self, bytes: &[u8]) -> io::Result<()> {
        failpoint::io("shim.write-exit")?;
        self.reserved.write_all_at(bytes, 0)?;
        self.reserved.set_len(bytes.len() as u64)?;
        failpoint::reach("shim.exit-written");
        failpoint::io("shim.rename-exit")?;
        match renameat(&self.directory, EXIT_ROOM_FILE, &self.directory, EXIT_FILE) {
            Ok(()) => Ok(()),
            // Somebody removed the reserved file.
            Err(Errno::ENOENT) => atomic::write_at(&self.directory, EXIT_FILE, bytes),
            Err(errno) => Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::record::Ended;
    use std::path::{Path, PathBuf};

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("jobd-record-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        path
    }

    fn exit(reason: &str) -> Exit {
        Exit {
            format: Format::CURRENT,
            ended: Ended::StartFailed {
                reason: reason.to_owned(),
                errno: None,
            },
            stop: None,
            oom_killed: false,
            at: 1,
            duration_ms: 2,
            log_bytes: 3,
            log_bytes_dropped: 0,
            log_errno: None,
            leftovers_killed: 0,
            cpu_ms: 0,
            max_rss_kib: 0,
        }
    }

    fn stored(folder: &Path) -> Exit {
        serde_json::from_slice(&std::fs::read(folder.join(EXIT_FILE)).unwrap()).unwrap()
    }

    #[test]
    fn the_room_is_taken_and_becomes_the_record() {
        let folder = folder("room");
        let records = Records::reserve(File::open(&folder).unwrap()).unwrap();
        let room = std::fs::metadata(folder.join(EXIT_ROOM_FILE)).unwrap();
        assert_eq!(room.len(), u64::from(EXIT_ROOM_BYTES));
        for reason in ["short", &"long ".repeat(2_000)] {
            records.exit(&exit(reason)).unwrap();
            assert_eq!(stored(&folder), exit(reason));
        }
        assert!(!folder.join(EXIT_ROOM_FILE).exists());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_removed_room_is_no_lost_record_and_a_removed_folder_ends_the_attempts() {
        let folder = folder("removed");
        let records = Records::reserve(File::open(&folder).unwrap()).unwrap();
        std::fs::remove_file(folder.join(EXIT_ROOM_FILE)).unwrap();
        records.exit(&exit("kept")).unwrap();
        assert_eq!(stored(&folder), exit("kept"));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(records.exit(&exit("nowhere")).is_err());
    }

    #[test]
    fn nothing_is_left_of_a_step_that_did_not_start() {
        let folder = folder("discard");
        Records::reserve(File::open(&folder).unwrap())
            .unwrap()
            .discard();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
