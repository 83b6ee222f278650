//! A folder of the bench's own: the programs of the jobs, their files, and what they wrote.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use nix::sys::statfs::{self, statfs};

use super::options::Options;
use super::progress::say;
use super::{Outcome, numbers};

/// The programs of the jobs, and their sources.
const SOURCES: [(&str, &str); 3] = [
    ("append", include_str!("append.c")),
    ("pour", include_str!("pour.c")),
    ("tree", include_str!("tree.c")),
];
/// A line of it: a word, a space, ten digits of seconds, nine of nanoseconds, and its end.
const LINE_BYTES: usize = 7 + 1 + 10 + 9 + 1;
/// Repetitions of the disk's own measurements, and the bytes of a sync.
const PROBES: usize = 50;
const SYNC_BYTES: usize = 4_096;

/// A job, for whoever runs it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its program and arguments, none with a space in it.
    pub words: Vec<String>,
    /// The same as a job file.
    pub file: PathBuf,
}

/// The folder; it is removed with this value, if it is not to be kept.
#[derive(Debug)]
pub struct Place {
    keep: bool,
    root: PathBuf,
    programs: PathBuf,
    written: usize,
}

impl Place {
    /// Makes the folder and everything in it.
    ///
    /// # Errors
    /// When the folder, the compiler or a program of the product is missing.
    pub fn make(options: &Options) -> Outcome<Place> {
        let own = std::env::current_exe()?;
        let beside = own.parent().ok_or("the bench has no folder")?;
        let programs = options.programs.clone().unwrap_or_else(|| beside.into());
        for name in ["jobd", "jobd-shim", "jobd-stage", "jobctl"] {
            if !programs.join(name).is_file() {
                let folder = programs.display();
                return Err(format!("{name} is not in {folder}; run tests/bench").into());
            }
        }
        let root = options
            .folder
            .join(format!("jobd-bench-{}", std::process::id()));
        fs::create_dir(&root).map_err(|error| format!("make {}: {error}", root.display()))?;
        let scale = &options.scale;
        let deepest = scale.depths.iter().max().copied().unwrap_or(0);
        let place = Place {
            keep: options.keep,
            root,
            programs,
            written: scale.jobs.max(scale.samples).max(deepest),
        };
        for (name, source) in SOURCES {
            place.compile(name, source)?;
        }
        fs::create_dir(place.root.join("jobs"))?;
        for job in place.written_jobs() {
            write_job(&job)?;
        }
        Ok(place)
    }

    /// A program of the product.
    pub fn product(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// A program of the jobs.
    pub fn program(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    /// What the jobs append to.
    pub fn lines(&self) -> PathBuf {
        self.root.join("lines")
    }

    /// A folder or file of that name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes a folder that nobody has used; its name.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn new_folder(&self) -> Outcome<String> {
        let free = (0_u32..).map(|number| number.to_string());
        let mut free = free.filter(|name| !self.path(name).exists());
        let name = free.next().ok_or("no name is free")?;
        fs::create_dir(self.path(&name))?;
        Ok(name)
    }

    /// The job of that number, which appends a line.
    pub fn job(&self, number: usize) -> Job {
        Job {
            words: vec![
                self.program("append"),
                self.lines().display().to_string(),
                Place::word(number),
            ],
            file: self.root.join(format!("jobs/{number}.yml")),
        }
    }

    /// The first so many of them.
    pub fn jobs(&self, count: usize) -> Vec<Job> {
        (0..count).map(|number| self.job(number)).collect()
    }

    /// All that have files.
    pub fn written_jobs(&self) -> Vec<Job> {
        self.jobs(self.written)
    }

    /// Another job.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn other_job(&self, name: &str, words: Vec<String>) -> Outcome<Job> {
        let file = self.root.join(format!("{name}.yml"));
        let job = Job { words, file };
        write_job(&job)?;
        Ok(job)
    }

    /// The word that a job of that number appends: all have the same length.
    pub fn word(number: usize) -> String {
        format!("{number:07}")
    }

    /// How many lines the jobs have appended.
    pub fn lines_written(&self) -> usize {
        let bytes = fs::metadata(self.lines()).map_or(0, |lines| lines.len());
        usize::try_from(bytes).unwrap_or(usize::MAX) / LINE_BYTES
    }

    /// Takes what the jobs wrote: the moment at which each began, by number.
    ///
    /// # Errors
    /// When one ran twice, or a line is none of theirs.
    pub fn take_lines(&self) -> Outcome<BTreeMap<usize, u64>> {
        let text = match fs::read_to_string(self.lines()) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let mut begun = BTreeMap::new();
        for line in text.lines() {
            let (word, moment) = line.split_once(' ').ok_or("a line is not a job's")?;
            if begun.insert(word.parse()?, moment.parse()?).is_some() {
                return Err(format!("job {word} ran twice").into());
            }
        }
        File::create(self.lines())?;
        Ok(begun)
    }

    /// The kind of file system below: on one that is in memory a sync costs nothing.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn file_system(&self) -> Outcome<String> {
        let kind = statfs(&self.root)?.filesystem_type();
        Ok(if kind == statfs::EXT4_SUPER_MAGIC {
            "ext4".into()
        } else if kind == statfs::TMPFS_MAGIC {
            "tmpfs: in memory, so every sync is free and the numbers flatter".into()
        } else if kind == statfs::XFS_SUPER_MAGIC {
            "xfs".into()
        } else if kind == statfs::BTRFS_SUPER_MAGIC {
            "btrfs".into()
        } else {
            format!("file system {:#x}", kind.0)
        })
    }

    /// What one fdatasync(2) after an append costs here, in milliseconds (median).
    ///
    /// # Errors
    /// When the disk fails.
    pub fn measure_sync(&self) -> Outcome<f64> {
        let mut file = File::create(self.root.join("sync"))?;
        let mut times = Vec::new();
        for _ in 0..PROBES {
            let begun = Instant::now();
            file.write_all(&[b'x'; SYNC_BYTES])?;
            file.sync_data()?;
            times.push(numbers::ms(begun.elapsed()));
        }
        Ok(numbers::percentile(&times, 50).unwrap_or_default())
    }

    /// What one mkdir(2) costs here, in milliseconds (median).
    ///
    /// # Errors
    /// When the disk fails.
    pub fn measure_mkdir(&self) -> Outcome<f64> {
        let mut times = Vec::new();
        for number in 0..PROBES {
            let begun = Instant::now();
            fs::create_dir(self.root.join(format!("folder-{number}")))?;
            times.push(numbers::ms(begun.elapsed()));
        }
        Ok(numbers::percentile(&times, 50).unwrap_or_default())
    }

    fn compile(&self, name: &str, source: &str) -> Outcome<()> {
        let file = self.root.join(format!("{name}.c"));
        fs::write(&file, source)?;
        // Where there is no static C library a dynamic program does too: it is the same for all.
        let done = self.cc(name, &file, &["-static"])? || self.cc(name, &file, &[])?;
        done.then_some(())
            .ok_or_else(|| format!("cc cannot compile {name}.c").into())
    }

    fn cc(&self, name: &str, source: &Path, options: &[&str]) -> Outcome<bool> {
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-o"]).arg(self.program(name)).arg(source);
        let output = cc.args(options).output();
        let output = output.map_err(|error| format!("start cc: {error}"))?;
        Ok(output.status.success())
    }
}

fn write_job(job: &Job) -> Outcome<()> {
    let command = job.words.join(" ");
    let text = format!("type: command\ncommand: {command}\nenvironment: azureml:host@latest\n");
    Ok(fs::write(&job.file, text)?)
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.keep {
            eprintln!("bench: kept {}", self.root.display());
            return;
        }
        say("removing what was made");
        if let Err(error) = fs::remove_dir_all(&self.root) {
            eprintln!("bench: {} stays: {error}", self.root.display());
        }
    }
}
