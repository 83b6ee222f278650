//! The folders of a command that nobody has asked for yet: made while there is nothing to do, so
//! that the next command waits for two new names only. What the last daemon has left is removed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::stat::Mode;
use proto::record::STEP_FILE;

use crate::layout::{JOB_FOLDERS, Layout};
use crate::sys::clock::monotonic_ms;
use crate::sys::{atomic, failpoint, folder};

/// Bytes of the room in the file of records: a block, which is enough for most steps.
pub const ROOM_BYTES: u16 = 4 << 10;

/// Older ones are not used, in milliseconds: where the state lies among temporary files, somebody
/// may have tidied up in them.
const AGE_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// Where they are, and what is there.
#[derive(Debug)]
pub struct Spare {
    folder: PathBuf,
    has_job: bool,
    records: Option<File>,
    made_at: u64,
    /// Whether something is missing that was not tried to make since the last command.
    is_due: bool,
    /// Whether they can take their places.
    is_of_use: bool,
}

/// The file of records of a step that is about to be written: empty, with room for
/// [`ROOM_BYTES`].
#[derive(Debug)]
pub struct Blank(pub File);

impl Spare {
    /// There is nothing yet. Where nothing can be, all goes on without.
    pub fn new(layout: &Layout) -> Spare {
        let path = layout.spare();
        let removed = folder::remove(&path);
        if let Err(error) = &removed {
            tracing::warn!(%error, folder = %path.display(), "there will be no spare folders");
        }
        // What is made in a folder with that bit gets its group, and what comes into it does not.
        let is_inherited = fs::metadata(layout.jobs())
            .is_ok_and(|jobs| jobs.permissions().mode() & Mode::S_ISGID.bits() != 0);
        let is_of_use = removed.is_ok() && !is_inherited;
        Spare {
            folder: path,
            has_job: false,
            records: None,
            made_at: 0,
            is_due: is_of_use,
            is_of_use,
        }
    }

    /// Whether it would be of use to make them.
    pub fn is_due(&self) -> bool {
        self.is_due
    }

    /// Makes them. Whatever stands against it is told by the step that needs its own.
    pub fn make(&mut self) {
        (self.has_job, self.records, self.is_due) = (false, None, false);
        match self.try_make() {
            Ok(records) => {
                (self.has_job, self.records) = (true, Some(records));
                self.made_at = monotonic_ms();
            }
            Err(error) => tracing::debug!(%error, "there are no spare folders"),
        }
    }

    fn try_make(&self) -> io::Result<File> {
        folder::remove(&self.folder)?;
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

    fn is_old(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.made_at) > AGE_MS_MAX
    }

    /// Makes the one the folder of a job, unless it has one; whether it has now all that it needs.
    pub fn give_job(&mut self, job: &Path) -> bool {
        if self.is_old(monotonic_ms()) {
            (self.has_job, self.records) = (false, None);
        }
        if failpoint::io("exec.give-spare").is_err() || !self.has_job || job.exists() {
            return false;
        }
        self.has_job = false;
        self.give(&self.job(), job)
    }

    /// Makes the other the folder of a step, unless it has one.
    pub fn give_step(&mut self, step: &Path) -> Option<Blank> {
        self.is_due = self.is_of_use;
        let records = self.records.take()?;
        self.give(&self.step(), step).then_some(Blank(records))
    }

    fn give(&mut self, from: &Path, to: &Path) -> bool {
        let given = renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE);
        if let Err(Errno::EINVAL | Errno::EXDEV | Errno::ENOSYS) = given {
            tracing::info!("spare folders cannot take their places on this file system");
            (self.is_of_use, self.is_due) = (false, false);
        }
        given.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::scratch::State;
    use super::*;
    use crate::core::StepRef;
    use std::os::unix::fs::MetadataExt;

    fn give(state: &State, spare: &mut Spare, name: &str) -> Option<Blank> {
        let _given = spare.give_job(&state.0.job(name));
        spare.give_step(&state.0.step(name, StepRef::FIRST_COMMAND))
    }

    #[test]
    fn the_next_command_gets_them_and_the_one_after_it_does_not() {
        let state = State::new("spare-given");
        let mut spare = Spare::new(&state.0);
        assert!(spare.is_due() && give(&state, &mut spare, "early").is_none());
        spare.make();
        assert!(!spare.is_due());
        let blank = give(&state, &mut spare, "first").unwrap();
        assert!(spare.is_due() && give(&state, &mut spare, "second").is_none());
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
        assert_eq!(records.ino(), blank.0.metadata().unwrap().ino());
        assert_eq!(
            (records.len(), records.permissions().mode() & 0o777),
            (0, 0o600)
        );
        assert!(
            records.blocks() * 512 >= u64::from(ROOM_BYTES),
            "the room is there"
        );
        spare.make();
        assert!(give(&state, &mut spare, "third").is_some());
    }

    #[test]
    fn they_take_nobodys_place() {
        let state = State::new("spare-taken");
        let mut spare = Spare::new(&state.0);
        spare.make();
        let job = state.0.job("has-one");
        fs::create_dir(&job).unwrap();
        assert!(!spare.give_job(&job));
        assert_eq!(fs::read_dir(&job).unwrap().count(), 0);
        let step = state.0.step("ran", StepRef::FIRST_COMMAND);
        fs::create_dir(&step).unwrap();
        assert!(spare.give_step(&step).is_none());
        assert_eq!(fs::read_dir(step).unwrap().count(), 0);
        spare.make();
        assert!(give(&state, &mut spare, "next").is_some());
    }

    #[test]
    fn where_there_can_be_none_all_goes_on_without() {
        let state = State::new("spare-none");
        fs::write(state.0.spare(), "a file").unwrap();
        let mut spare = Spare::new(&state.0);
        assert!(!spare.is_due() && give(&state, &mut spare, "job").is_none());
        assert!(!spare.is_due());
        fs::remove_file(state.0.spare()).unwrap();
        let group = fs::Permissions::from_mode(0o2700);
        fs::set_permissions(state.0.jobs(), group).unwrap();
        assert!(!Spare::new(&state.0).is_due());
    }

    #[test]
    fn old_ones_are_left_alone() {
        let state = State::new("spare-old");
        let mut spare = Spare::new(&state.0);
        spare.make();
        let made_at = spare.made_at;
        assert!(!spare.is_old(made_at + AGE_MS_MAX) && spare.is_old(made_at + AGE_MS_MAX + 1));
    }

    #[test]
    fn after_a_failure_the_next_command_has_them_made_again() {
        let state = State::new("spare-again");
        let mut spare = Spare::new(&state.0);
        fs::write(state.0.spare(), "in the way").unwrap();
        spare.make();
        assert!(!spare.is_due());
        fs::remove_file(state.0.spare()).unwrap();
        assert!(give(&state, &mut spare, "first").is_none() && spare.is_due());
        spare.make();
        assert!(give(&state, &mut spare, "second").is_some());
    }

    #[test]
    fn what_the_last_daemon_left_is_removed() {
        let state = State::new("spare-left");
        let mut spare = Spare::new(&state.0);
        spare.make();
        assert!(state.0.spare().exists());
        let mut spare = Spare::new(&state.0);
        assert!(!state.0.spare().exists());
        assert!(give(&state, &mut spare, "job").is_none());
    }
}
