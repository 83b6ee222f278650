//! The records that the shim adds to those of the step.
//!
//! Nothing is synced: the page cache survives a killed process, and power loss is covered by the
//! daemon's commit.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Seek};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::{UnlinkatFlags, unlinkat};
use proto::record::file::Entry;
use proto::record::{
    Exit, Format, RECORD_BYTES_MAX, RECORD_ROOM_BYTES, SILENT_FILE, STEP_FILE, Silent, Started,
};

use crate::sys::{atomic, failpoint};

/// Seconds between attempts to store the exit record: the first, and the longest.
const RETRY_SECONDS: (u64, u64) = (1, 15);

/// The step directory and the file of its records, whose lock is this process' sign of life.
#[derive(Debug)]
pub(super) struct Records {
    directory: File,
    file: File,
    /// Where the next record begins.
    end: Cell<u64>,
}

impl Records {
    /// Those of a step whose records end there.
    pub(super) fn new(directory: File, file: File, end: u64) -> Records {
        Records {
            directory,
            file,
            end: Cell::new(end),
        }
    }

    /// Takes the room for what is to be written, which the daemon has done for its own.
    pub(super) fn take_room(&self) -> io::Result<()> {
        atomic::take_room(&self.file, RECORD_ROOM_BYTES)
    }

    /// The step directory.
    pub(super) fn directory(&self) -> &File {
        &self.directory
    }

    /// The file of the records.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Whether somebody has removed them, or the step directory: then nobody could read more.
    pub(super) fn are_removed(&self) -> bool {
        is_removed(&self.file) || is_removed(&self.directory)
    }

    /// Records that the command may run from here on. It is released only when that is whole.
    pub(super) fn started(&self, started: &Started) -> io::Result<()> {
        failpoint::io("shim.write-started")?;
        let line = Entry::Started.line(started)?;
        self.file.write_all_at(&line, self.end.get())?;
        self.end.set(self.end.get() + line.len() as u64);
        Ok(())
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

    /// Records the end, however long it takes to succeed.
    ///
    /// # Errors
    /// Only when nobody could read it any more: the step directory was removed.
    pub(super) fn exit(&self, exit: &Exit) -> io::Result<()> {
        let line = Entry::Exit.line(exit)?;
        let (mut pause, longest) = RETRY_SECONDS;
        while let Err(error) = self.store_exit(&line) {
            if is_removed(&self.directory) {
                return Err(error);
            }
            thread::sleep(Duration::from_secs(pause));
            pause = (pause * 2).min(longest);
        }
        Ok(())
    }

    fn store_exit(&self, line: &[u8]) -> io::Result<()> {
        failpoint::io("shim.write-exit")?;
        self.file.write_all_at(line, self.end.get())?;
        failpoint::reach("shim.exit-written");
        if !is_removed(&self.file) {
            return Ok(());
        }
        // Somebody removed it, and what is in it is still at hand.
        (&self.file).rewind()?;
        let whole = atomic::read_file_bounded(&self.file, RECORD_BYTES_MAX);
        let whole = whole.map_err(io::Error::other)?;
        atomic::write_at(&self.directory, STEP_FILE, &whole)
    }
}

fn is_removed(file: &File) -> bool {
    file.metadata().is_ok_and(|file| file.nlink() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::record::file::Found;
    use proto::record::{Ended, ProcessId};
    use std::path::{Path, PathBuf};

    /// A step directory whose records have one line, and room for more.
    fn records(name: &str) -> (PathBuf, Records) {
        let path = std::env::temp_dir().join(format!("jobd-record-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let file = atomic::write_new(&path.join(STEP_FILE), b"{\"spec\":{}}\n").unwrap();
        let end = file.metadata().unwrap().len();
        let records = Records::new(File::open(&path).unwrap(), file, end);
        records.take_room().unwrap();
        (path, records)
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

    fn started() -> Started {
        let myself = ProcessId {
            pid: 1,
            start_ticks: 2,
        };
        Started {
            format: Format::CURRENT,
            shim: myself.clone(),
            main: myself,
            boot_id: "b".into(),
            cgroup: None,
            at: 1,
        }
    }

    fn stored(folder: &Path) -> Vec<u8> {
        std::fs::read(folder.join(STEP_FILE)).unwrap()
    }

    #[test]
    fn records_follow_each_other() {
        for (name, reason) in [
            ("short", "short".to_owned()),
            ("long", "long ".repeat(2_000)),
        ] {
            let (folder, records) = records(name);
            records.started(&started()).unwrap();
            assert_eq!(Entry::Exit.find::<Exit>(&stored(&folder)), Found::Absent);
            records.exit(&exit(&reason)).unwrap();
            let file = stored(&folder);
            assert_eq!(Entry::Started.find(&file), Found::Whole(started()));
            assert_eq!(Entry::Exit.find(&file), Found::Whole(exit(&reason)));
            std::fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn a_removed_file_is_no_lost_record_and_a_removed_folder_ends_the_attempts() {
        let (folder, records) = records("removed");
        assert!(!records.are_removed());
        records.started(&started()).unwrap();
        std::fs::remove_file(folder.join(STEP_FILE)).unwrap();
        assert!(records.are_removed());
        records.exit(&exit("kept")).unwrap();
        let file = stored(&folder);
        assert_eq!(Entry::Started.find(&file), Found::Whole(started()));
        assert_eq!(Entry::Exit.find(&file), Found::Whole(exit("kept")));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(records.exit(&exit("nowhere")).is_err());
    }
}
