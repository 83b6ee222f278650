//! The progress that a stage tells in the folder of its job.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;
use proto::stage::{PROGRESS_FILE, Progress};

/// The most bytes that are read of it: the job may have put anything in its place.
const PROGRESS_BYTES_MAX: u64 = 16 << 10;

/// What the stage of a job does now; none where nothing is told, or something else is there.
pub fn read(job_path: &Path) -> Option<Progress> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
    let mut options = OpenOptions::new();
    let opened = options.read(true).custom_flags(flags.bits());
    let file = opened.open(job_path.join(PROGRESS_FILE)).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let read = file.take(PROGRESS_BYTES_MAX).read_to_end(&mut bytes);
    let progress: Progress = read
        .ok()
        .and_then(|_| serde_json::from_slice(&bytes).ok())?;
    (!progress.what.is_empty()).then_some(progress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_file_of_its_size_is_progress() {
        let folder = std::env::temp_dir().join(format!("jobctl-progress-{}", std::process::id()));
        let path = folder.join(PROGRESS_FILE);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert_eq!(read(&folder), None);
        let whole = r#"{"what":"downloading","bytes":1,"files":0,"rate":2}"#;
        for (content, is_some) in [
            (whole.to_owned(), true),
            (whole[..20].to_owned(), false),
            (
                r#"{"what":"","bytes":0,"files":0,"rate":0}"#.to_owned(),
                false,
            ),
            (format!("{}{whole}", " ".repeat(20 << 10)), false),
        ] {
            std::fs::write(&path, &content).unwrap();
            assert_eq!(read(&folder).is_some(), is_some, "{content}");
        }
        std::fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read(&folder), None, "and it does not wait");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
