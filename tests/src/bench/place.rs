//! A folder of the bench's own: the program of the jobs, their files, and what they wrote.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use nix::sys::statfs::{self, statfs};

use super::options::Options;
use super::{Outcome, numbers};

/// The source of the jobs' program.
const SOURCE: &str = include_str!("append.c");
/// A line of it: a word, a space, ten digits of seconds, nine of nanoseconds, and its end.
const LINE_BYTES: usize = 7 + 1 + 10 + 9 + 1;
/// Repetitions of the disk's own measurements, and the bytes of a sync.
const PROBES: usize = 50;
const SYNC_BYTES: usize = 4_096;

/// The folder; it is removed with this value, if it is not to be kept.
#[derive(Debug)]
pub struct Place {
    keep: bool,
    root: PathBuf,
    programs: PathBuf,
}

impl Place {
    /// Makes the folder and everything in it.
    ///
    /// # Errors
    /// When the folder, the compiler or a program of the product is missing.
    pub fn make(options: &Options) -> Outcome<Place> {
        let own = std::env::current_exe()?;
        let programs = own.parent().ok_or("the bench has no folder")?.to_owned();
        for name in ["jobd", "jobd-shim", "jobd-stage", "jobctl"] {
            if !programs.join(name).is_file() {
                return Err(format!("{name} is not built; run tests/bench").into());
            }
        }
        let root = options
            .folder
            .join(format!("jobd-bench-{}", std::process::id()));
        fs::create_dir(&root).map_err(|error| format!("make {}: {error}", root.display()))?;
        let place = Place {
            keep: options.keep,
            root,
            programs,
        };
        place.compile()?;
        fs::create_dir(place.root.join("jobs"))?;
        for number in 0..options.jobs.max(options.samples) {
            place.write_job(number)?;
        }
        Ok(place)
    }

    /// A program of the product.
    pub fn product(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// The program of the jobs.
    pub fn program(&self) -> PathBuf {
        self.root.join("append")
    }

    /// What the jobs append to.
    pub fn lines(&self) -> PathBuf {
        self.root.join("lines")
    }

    /// The daemon's home.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The job file of that number.
    pub fn job_file(&self, number: usize) -> PathBuf {
        self.root.join(format!("jobs/{number}.yml"))
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
        Ok(numbers::percentile(&times, 50))
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
        Ok(numbers::percentile(&times, 50))
    }

    fn compile(&self) -> Outcome<()> {
        let source = self.root.join("append.c");
        fs::write(&source, SOURCE)?;
        // Where there is no static C library a dynamic program does too: it is the same for all.
        let done = self.cc(&source, &["-static"])? || self.cc(&source, &[])?;
        done.then_some(())
            .ok_or_else(|| "cc cannot compile the program of the jobs".into())
    }

    fn cc(&self, source: &Path, options: &[&str]) -> Outcome<bool> {
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-o"]).arg(self.program()).arg(source);
        let output = cc.args(options).output();
        let output = output.map_err(|error| format!("start cc: {error}"))?;
        Ok(output.status.success())
    }

    fn write_job(&self, number: usize) -> Outcome<()> {
        let (program, lines, word) = (self.program(), self.lines(), Place::word(number));
        let text = format!(
            "type: command\ncommand: {} {} {word}\nenvironment: azureml:host@latest\n",
            program.display(),
            lines.display()
        );
        Ok(fs::write(self.job_file(number), text)?)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.keep {
            eprintln!("bench: kept {}", self.root.display());
        } else if let Err(error) = fs::remove_dir_all(&self.root) {
            eprintln!("bench: {} stays: {error}", self.root.display());
        }
    }
}
