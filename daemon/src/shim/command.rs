//! What the child is to become, made ready before the fork: the child itself may not allocate.

use std::ffi::{CString, NulError, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use libc::{c_char, gid_t, uid_t};
use proto::record::{RequirementKind, Spec};
use thiserror::Error;

use super::mounts::Mounts;

/// Why a spec cannot be run at all.
#[derive(Debug, Error)]
pub(super) enum CommandError {
    /// There is no argument.
    #[error("no program is given")]
    NoProgram,
    /// The kernel ends strings at a NUL byte.
    #[error("{0} has a NUL byte")]
    Nul(&'static str),
}

/// Pointers into strings that are kept beside them, ended by a null pointer.
#[derive(Debug)]
pub(super) struct Strings {
    pointers: Vec<*const c_char>,
    _kept: Vec<CString>,
}

impl Strings {
    fn new(kept: Vec<CString>) -> Strings {
        // The bytes of a CString are on the heap: they stay where they are when it moves.
        let pointers = kept
            .iter()
            .map(|text| text.as_ptr())
            .chain([ptr::null()])
            .collect();
        Strings {
            pointers,
            _kept: kept,
        }
    }

    /// As execve(2) takes them.
    pub(super) fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

/// A user to become.
#[derive(Debug)]
pub(super) struct Identity {
    pub uid: uid_t,
    pub gid: gid_t,
    pub groups: Vec<gid_t>,
}

/// Something that must be there.
#[derive(Debug)]
pub(super) struct Required {
    pub path: CString,
    pub kind: RequirementKind,
}

/// Everything that the child needs.
#[derive(Debug)]
pub(super) struct Command {
    /// Where the plain words' program may be, in the order of the search.
    pub candidates: Vec<CString>,
    pub plain: Strings,
    pub program: CString,
    pub arguments: Strings,
    pub environment: Strings,
    pub folder: CString,
    pub requires: Vec<Required>,
    pub identity: Option<Identity>,
    pub mounts: Option<Mounts>,
    /// The soft limit of open files.
    pub open_files: Option<libc::rlim_t>,
}

impl Command {
    /// Makes a spec ready.
    pub(super) fn new(spec: &Spec) -> Result<Command, CommandError> {
        let arguments = strings(spec.argv.iter().cloned(), "an argument")?;
        let program = arguments.first().ok_or(CommandError::NoProgram)?.clone();
        let variables = spec
            .env
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let requires = spec.requires.iter().map(|requirement| {
            let path = path(&requirement.path, "the path of an input")?;
            Ok(Required {
                path,
                kind: requirement.kind,
            })
        });
        Ok(Command {
            candidates: strings(candidates(spec).into_iter(), "an argument")?,
            plain: Strings::new(strings(spec.plain.iter().cloned(), "an argument")?),
            program,
            environment: Strings::new(strings(variables, "an environment variable")?),
            arguments: Strings::new(arguments),
            folder: path(&spec.cwd, "the working folder")?,
            requires: requires.collect::<Result<_, CommandError>>()?,
            identity: spec.user.as_ref().map(|user| Identity {
                uid: user.uid,
                gid: user.gid,
                groups: user.groups.clone(),
            }),
            mounts: Mounts::new(spec).map_err(|_| CommandError::Nul("the path of a mount"))?,
            open_files: spec.open_files,
        })
    }
}

/// The paths under which execvp(3) looks for the program of the plain words.
fn candidates(spec: &Spec) -> Vec<String> {
    let Some(program) = spec.plain.first() else {
        return Vec::new();
    };
    if program.contains('/') {
        return vec![program.clone()];
    }
    let path = spec.env.iter().find(|(name, _)| name == "PATH");
    let path = path.map_or("", |(_, path)| path.as_str());
    let folders = path.split(':').filter(|folder| !folder.is_empty());
    folders
        .map(|folder| format!("{folder}/{program}"))
        .collect()
}

fn strings(
    texts: impl Iterator<Item = String>,
    what: &'static str,
) -> Result<Vec<CString>, CommandError> {
    let made: Result<Vec<CString>, NulError> = texts.map(CString::new).collect();
    made.map_err(|_| CommandError::Nul(what))
}

fn path(path: &Path, what: &'static str) -> Result<CString, CommandError> {
    let bytes = OsStr::as_bytes(path.as_os_str());
    CString::new(bytes).map_err(|_| CommandError::Nul(what))
}
