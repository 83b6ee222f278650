//! Commands that are made ready while the commit that admits their job is still under way, so
//! that only their *go* waits for it. Should there be no such commit, nobody knows of what was
//! made but this list, a small file: each of its places holds the name of a job, and the last
//! names take the places of the first.
//!
//! It is not synced: a killed daemon leaves it whole. A power cut may lose it, and leave the folders
//! of a command that never began.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use proto::job::name::JOB_NAME_CHARS_MAX;

use super::{facts, folder};
use crate::core::StepRef;
use crate::core::reconcile::StartedFact;
use crate::layout::{Layout, STD_LOG};
use crate::store::StoreError;
use crate::sys::failpoint;

/// The most that are made ready before one commit.
pub const AHEAD_MAX: usize = 8;
/// Bytes of a place: the longest name, and what ends it.
const PLACE_BYTES: usize = JOB_NAME_CHARS_MAX + 1;

/// Why there is no list. Everything works without.
#[derive(Debug, thiserror::Error)]
pub enum AheadError {
    /// The file system says so.
    #[error("open the list of what is made ahead: {0}")]
    Open(#[from] io::Error),
    /// It is not known which jobs there are.
    #[error("look for a job of the list: {0}")]
    Store(#[from] StoreError),
}

/// The list.
#[derive(Debug)]
pub struct Ahead {
    file: File,
    next: usize,
}

impl Ahead {
    /// Opens the list and takes back what the last daemon has made for jobs that are not known. A
    /// step that has begun, or may have, is somebody's, whatever the store says.
    ///
    /// # Errors
    /// When the list cannot be opened or read, or `is_known` cannot tell.
    pub fn open(
        layout: &Layout,
        is_known: impl Fn(&str) -> Result<bool, StoreError>,
    ) -> Result<Ahead, AheadError> {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(layout.ahead())?;
        for name in names(&file)? {
            let step = layout.step(&name, StepRef::FIRST_COMMAND);
            let facts = facts::gather(&step);
            let began = facts.is_none_or(|facts| facts.started != StartedFact::Absent);
            if !began && !is_known(&name)? {
                take_back(layout, &name);
            }
        }
        Ok(Ahead { file, next: 0 })
    }

    /// Notes that something is about to be made for a job.
    ///
    /// # Errors
    /// What the file system says.
    pub fn note(&mut self, name: &str) -> io::Result<()> {
        failpoint::io("exec.note-ahead")?;
        let mut place = [0; PLACE_BYTES];
        let bytes = name.as_bytes();
        let room = place
            .get_mut(..bytes.len())
            .ok_or(io::ErrorKind::InvalidInput)?;
        room.copy_from_slice(bytes);
        self.file
            .write_all_at(&place, (self.next * PLACE_BYTES) as u64)?;
        self.next = (self.next + 1) % AHEAD_MAX;
        Ok(())
    }
}

fn names(file: &File) -> io::Result<Vec<String>> {
    let mut bytes = [0; PLACE_BYTES * AHEAD_MAX];
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    let places = bytes.chunks(PLACE_BYTES);
    let names = places.map(|place| place.split(|byte| *byte == 0).next().unwrap_or_default());
    let names = names.filter_map(|name| std::str::from_utf8(name).ok());
    // A name that the list cannot have is none of ours.
    let names = names.filter(|name| proto::job::name::is_job_name(name));
    Ok(names.map(str::to_owned).collect())
}

/// Whether nothing of the job is there yet, so that whatever is there later was made for it.
pub fn is_new(layout: &Layout, name: &str) -> bool {
    let is_free = |path: &Path| path.symlink_metadata().is_err();
    is_free(&layout.job(name)) && is_free(&layout.step(name, StepRef::FIRST_COMMAND))
}

/// Removes what was made for a command that never began, and of the job's folders those that are
/// empty: in what is not, there is something of somebody else's.
pub fn take_back(layout: &Layout, name: &str) {
    folder::discard(&layout.step(name, StepRef::FIRST_COMMAND));
    let job = layout.job(name);
    remove_empty(&job, &job.join(STD_LOG));
}

/// Folders, from the innermost on, and a log without a line.
fn remove_empty(folder: &Path, log: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.metadata() {
            Ok(found) if found.is_dir() => remove_empty(&path, log),
            Ok(found) if path == *log && found.len() == 0 => drop(fs::remove_file(&path)),
            _ => {}
        }
    }
    if let Err(error) = fs::remove_dir(folder) {
        tracing::debug!(%error, folder = %folder.display(), "a folder stays");
    }
}

#[cfg(test)]
mod tests {
    use super::super::scratch::State;
    use super::*;
    use crate::layout::JOB_FOLDERS;
    use crate::sys::atomic;
    use proto::record::file::Entry;
    use proto::record::{Format, ProcessId, STEP_FILE, Started};
    use std::path::PathBuf;

    impl State {
        fn open(&self, known: &[&str]) -> Ahead {
            Ahead::open(&self.0, |name| Ok(known.contains(&name))).unwrap()
        }

        /// As it is before *go*: the shim may have made the log.
        fn make(&self, name: &str) -> PathBuf {
            let job = self.0.job(name);
            for folder in JOB_FOLDERS {
                fs::create_dir_all(job.join(folder)).unwrap();
            }
            fs::create_dir_all(self.0.output(name, "model")).unwrap();
            fs::write(job.join(STD_LOG), "").unwrap();
            let step = self.0.step(name, StepRef::FIRST_COMMAND);
            fs::create_dir(&step).unwrap();
            drop(atomic::write_new(&step.join(STEP_FILE), b"{}\n").unwrap());
            step
        }

        fn folders(&self) -> (usize, usize) {
            let count = |path| fs::read_dir(path).unwrap().count();
            (count(self.0.jobs()), count(self.0.steps()))
        }
    }

    #[test]
    fn what_was_made_for_a_job_that_is_not_known_is_taken_back() {
        let state = State::new("ahead-unknown");
        let mut ahead = state.open(&[]);
        for name in ["known", "unknown"] {
            ahead.note(name).unwrap();
            drop(state.make(name));
        }
        ahead.note("not-made").unwrap();
        drop(state.make("not-noted"));
        drop(state.open(&["known"]));
        assert_eq!(state.folders(), (2, 2));
        assert!(!state.0.job("unknown").exists());
    }

    #[test]
    fn what_has_begun_or_holds_something_stays() {
        let state = State::new("ahead-begun");
        let mut ahead = state.open(&[]);
        for name in ["begun", "full"] {
            ahead.note(name).unwrap();
        }
        let step = state.make("begun");
        let myself = ProcessId {
            pid: 1,
            start_ticks: 2,
        };
        let started = Started {
            format: Format::CURRENT,
            shim: myself.clone(),
            main: myself,
            boot_id: "b".into(),
            cgroup: None,
            at: 1,
        };
        let mut records = b"{}\n".to_vec();
        records.extend(Entry::Started.line(&started).unwrap());
        fs::write(step.join(STEP_FILE), records).unwrap();
        assert!(facts::started(&step).is_some());
        drop(state.make("full"));
        let kept = state.0.job("full").join("outputs/model.bin");
        fs::write(&kept, "x").unwrap();
        drop(state.open(&[]));
        assert!(step.exists() && kept.exists());
        assert_eq!(
            state.folders(),
            (2, 1),
            "of the full one the job's folder only"
        );
    }

    #[test]
    fn the_list_holds_the_last_names() {
        let state = State::new("ahead-last");
        let mut ahead = state.open(&[]);
        let long = "n".repeat(JOB_NAME_CHARS_MAX);
        for number in 0..AHEAD_MAX {
            ahead.note(&format!("a{number}")).unwrap();
        }
        ahead.note(&long).unwrap();
        ahead.note("b").unwrap();
        let names = names(&ahead.file).unwrap();
        assert_eq!(names.len(), AHEAD_MAX);
        assert_eq!(
            (&names[0], names[1].as_str(), names[2].as_str()),
            (&long, "b", "a2")
        );
    }
}
