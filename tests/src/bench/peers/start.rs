//! Finding and starting them.

use std::fs;
use std::path::{Path, PathBuf};

use super::hyperqueue::HyperQueue;
use super::nq::Nq;
use super::pueue::Pueue;
use super::task_spooler::TaskSpooler;
use crate::bench::Outcome;
use crate::bench::contestant::Contestant;

/// A peer, or why it cannot take part.
type Peer = (&'static str, Outcome<Box<dyn Contestant>>);

/// Starts all below `own`. What was not installed by the system is in `folder`.
pub fn start_all(folder: &Path, own: &Path) -> Vec<Peer> {
    let of = |name: &str| -> Outcome<PathBuf> {
        let own = own.join(name);
        fs::create_dir_all(&own)?;
        Ok(own)
    };
    let spooler = || Ok(boxed(TaskSpooler::start(&installed("tsp")?, &of("tsp")?)?));
    let python = folder.join("hyperqueue/bin/python");
    let hyperqueue = || Ok(boxed(HyperQueue::start(&python, &of("hyperqueue")?)?));
    let nq = || Ok(boxed(Nq::start(&installed("nq")?, &of("nq")?)));
    let pueue = || {
        Ok(boxed(Pueue::start(
            &folder.join("pueue/bin"),
            &of("pueue")?,
        )?))
    };
    let peers: [Peer; 4] = [
        ("task-spooler", spooler()),
        ("HyperQueue", hyperqueue()),
        ("nq", nq()),
        ("pueue", pueue()),
    ];
    peers
        .map(|(name, peer)| (name, peer.map_err(|error| reason(folder, name, error))))
        .into()
}

/// GNU parallel, which has no queue that anything could be added to: it takes part where a list
/// of jobs is worked off.
///
/// # Errors
/// When it is not installed.
pub fn parallel(folder: &Path) -> Outcome<PathBuf> {
    installed("parallel").map_err(|error| reason(folder, "parallel", error))
}

fn boxed(peer: impl Contestant + 'static) -> Box<dyn Contestant> {
    Box::new(peer)
}

/// A program of the system's packages.
fn installed(name: &str) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = places.find(|program| program.is_file());
    found.ok_or_else(|| format!("{name} is not installed").into())
}

/// Why it could not be installed, if it could not.
fn reason(
    folder: &Path,
    name: &str,
    error: Box<dyn std::error::Error>,
) -> Box<dyn std::error::Error> {
    let file = folder.join(format!("{}.missing", name.to_lowercase()));
    match fs::read_to_string(file) {
        Ok(reason) => format!("not to be had: {}", reason.trim()).into(),
        Err(_) => error,
    }
}
