//! The folders of a command that nobody has asked for yet: made while there is nothing to do, so
//! that the next command waits for two new names only. What the last daemon has left is removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use proto::record::STEP_FILE;

use crate::layout::{JOB_FOLDERS, Layout};
use crate::sys::{atomic, folder};

/// Bytes of the room in the file of records: a block, which is enough for most steps.
const ROOM_BYTES: u16 = 4 << 10;

/// Where they are, and whether they are there.
#[derive(Debug)]
pub struct Spare {
    folder: PathBuf,
    records: Option<File>,
    /// Whether they were used and are not made again.
    is_due: bool,
}

/// The file of records of a step that is about to be written.
#[derive(Debug)]
pub struct Blank {
    /// It, empty.
    pub file: File,
    /// Bytes for which there is room.
    pub room: u64,
}

impl Spare {
    /// There is none yet.
    ///
    /// # Errors
    /// When what the last daemon left cannot be removed.
    pub fn new(layout: &Layout) -> io::Result<Spare> {
        let folder = layout.spare();
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        Ok(Spare {
            folder,
            records: None,
            is_due: true,
        })
    }

    /// Whether it would be of use to make them.
    pub fn is_due(&self) -> bool {
        self.is_due
    }

    /// Makes them. Whatever stands against it is told by the step that needs its own.
    pub fn make(&mut self) {
        self.is_due = false;
        match self.try_make() {
            Ok(records) => self.records = Some(records),
            Err(error) => tracing::debug!(%error, "there are no spare folders"),
        }
    }

    fn try_make(&self) -> io::Result<File> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        folder::make_new(&self.folder)?;
        let job = self.job();
        folder::make_new(&job)?;
        for name in JOB_FOLDERS {
            folder::make_new(&job.join(name))?;
        }
        folder::make_new(&self.step())?;
        let records = atomic::write_new(&self.step().join(STEP_FILE), &[])?;
        atomic::take_room(&records, ROOM_BYTES)?;
        Ok(records)
    }

    fn job(&self) -> PathBuf {
        self.folder.join("job")
    }

    fn step(&self) -> PathBuf {
        self.folder.join("step")
    }

    /// Makes them the folders of a command, unless it has one already.
    pub fn give(&mut self, job: &Path, step: &Path) -> Option<Blank> {
        if self.records.is_none() || job.exists() {
            return None;
        }
        let file = self.records.take()?;
        self.is_due = true;
        rename_new(&self.job(), job).ok()?;
        rename_new(&self.step(), step).ok()?;
        let room = u64::from(ROOM_BYTES);
        Some(Blank { file, room })
    }
}

fn rename_new(from: &Path, to: &Path) -> nix::Result<()> {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::StepRef;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    /// A state folder that is removed with it.
    struct State(Layout);

    impl State {
        fn new(name: &str) -> State {
            let name = format!("jobd-spare-{}-{name}", std::process::id());
            let layout = Layout::new(std::env::temp_dir().join(name));
            fs::create_dir_all(layout.jobs()).unwrap();
            fs::create_dir(layout.steps()).unwrap();
            State(layout)
        }

        fn give(&self, spare: &mut Spare, name: &str) -> Option<Blank> {
            let step = self.0.step(name, StepRef::FIRST_COMMAND);
            spare.give(&self.0.job(name), &step)
        }
    }

    impl Drop for State {
        fn drop(&mut self) {
            fs::remove_dir_all(self.0.state()).unwrap();
        }
    }

    #[test]
    fn the_next_command_gets_them_and_the_one_after_it_does_not() {
        let state = State::new("given");
        let mut spare = Spare::new(&state.0).unwrap();
        assert!(spare.is_due());
        assert!(state.give(&mut spare, "early").is_none());
        spare.make();
        assert!(!spare.is_due());
        let blank = state.give(&mut spare, "first").unwrap();
        assert!(spare.is_due() && state.give(&mut spare, "second").is_none());
        let job = state.0.job("first");
        for folder in JOB_FOLDERS.map(|name| job.join(name)).iter().chain([&job]) {
            let mode = folder.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
        }
        let records = state
            .0
            .step("first", StepRef::FIRST_COMMAND)
            .join(STEP_FILE);
        let records = records.metadata().unwrap();
        assert_eq!(records.ino(), blank.file.metadata().unwrap().ino());
        assert_eq!(
            (records.len(), records.permissions().mode() & 0o777),
            (0, 0o600)
        );
        assert!(records.blocks() * 512 >= blank.room, "the room is there");
        spare.make();
        assert!(state.give(&mut spare, "third").is_some());
    }

    #[test]
    fn they_take_nobodys_place() {
        let state = State::new("taken");
        let mut spare = Spare::new(&state.0).unwrap();
        spare.make();
        fs::create_dir(state.0.job("has-one")).unwrap();
        assert!(state.give(&mut spare, "has-one").is_none());
        assert!(!spare.is_due(), "they are still there");
        let step = state.0.step("ran", StepRef::FIRST_COMMAND);
        fs::create_dir(&step).unwrap();
        assert!(state.give(&mut spare, "ran").is_none());
        assert_eq!(fs::read_dir(step).unwrap().count(), 0);
        spare.make();
        assert!(state.give(&mut spare, "next").is_some());
    }

    #[test]
    fn what_the_last_daemon_left_is_removed() {
        let state = State::new("left");
        let mut spare = Spare::new(&state.0).unwrap();
        spare.make();
        assert!(state.0.spare().exists());
        let mut spare = Spare::new(&state.0).unwrap();
        assert!(!state.0.spare().exists());
        assert!(state.give(&mut spare, "job").is_none());
    }
}
