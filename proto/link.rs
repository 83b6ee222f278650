//! For the build scripts of the programs: what a program is linked with, where the linker has it.
//! A program that loads no shared library starts sooner and has less memory to copy when it
//! forks. Where there is no static library, nothing is lost but the time.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The libraries of libc that rustc links for glibc.
const LIBC: [&str; 6] = [
    "libc.a",
    "libm.a",
    "libdl.a",
    "librt.a",
    "libutil.a",
    "libpthread.a",
];
/// The shared unwinder that rustc links for glibc, and the static one.
const UNWINDER: (&str, &str) = ("libgcc_s.a", "libgcc_eh.a");

/// Where Debian, Fedora and Arch have musl.
const MUSL: [&str; 3] = [
    "/usr/lib/x86_64-linux-musl",
    "/usr/x86_64-linux-musl/lib64",
    "/usr/lib/musl/lib",
];
/// For who would rather have glibc.
const NO_MUSL: &str = "JOBD_NO_MUSL";
/// What stands before and behind a program. Where they come last on the command line, as here,
/// most linkers have passed the library that the first of them calls.
const MUSL_START: [&str; 3] = ["crt1.o", "crti.o", "crtn.o"];
const OF_START: &str = "-Wl,-u,__libc_start_main";
/// What the unwinder calls without asking for it: with glibc it is there.
const OF_UNWINDER: &str = "-Wl,-u,pthread_once,-u,pthread_mutex_lock,-u,pthread_mutex_unlock,\
    -u,pthread_key_create,-u,pthread_getspecific,-u,pthread_setspecific";
/// What Rust calls by the names that glibc has for it where files may be large: those of musl may
/// always be, and since 1.2.4 it has the other names for old programs only.
const OF_LARGE_FILES: [&str; 30] = [
    "creat",
    "fallocate",
    "fstat",
    "fstatat",
    "fstatfs",
    "fstatvfs",
    "ftruncate",
    "getrlimit",
    "lockf",
    "lseek",
    "lstat",
    "mkostemp",
    "mkstemp",
    "mmap",
    "open",
    "openat",
    "posix_fadvise",
    "posix_fallocate",
    "pread",
    "preadv",
    "prlimit",
    "pwrite",
    "pwritev",
    "readdir",
    "sendfile",
    "setrlimit",
    "stat",
    "statfs",
    "statvfs",
    "truncate",
];

/// A program to link.
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// What the linker is to make of it.
    pub form: &'static [&'static str],
    /// Whether musl may stand in for glibc.
    pub may_have_musl: bool,
}

/// Has cargo run the build script again when how a program is linked may have changed.
pub fn watch() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../proto/link.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
}

/// Whether the unwinder can be linked in: the shared library that is left is then libc's.
pub fn has_static_unwinder() -> bool {
    is_glibc() && find(UNWINDER.1).is_some()
}

/// Links everything into a program of this package that asks libc for nothing that libc would
/// load a library for, such as names of users and hosts. `-C target-feature=+crt-static` would do
/// the same, but is for all of a build or nothing.
///
/// A program at fixed addresses `may_have_musl` in the place of glibc: before a program begins,
/// glibc asks the processor some eighty times what it is, and each `cpuid` of a virtual machine
/// is answered by its host: half a millisecond. musl does not ask. It has glibc's layout of all
/// that jobctl and Rust's standard library pass on x86-64; what else they need of glibc, the
/// program has to bring. Answers whether it has musl.
pub fn link_statically(program: &Program) -> bool {
    if !is_glibc() {
        return false;
    }
    let musl = program.may_have_musl.then(find_musl).flatten();
    let found = |library: &str| Some(musl?.join(library)).filter(|own| own.exists());
    let Some(folder) = static_libraries(|library| found(library).or_else(|| find(library))) else {
        return false;
    };
    let form = program.form.iter();
    let mut arguments: Vec<String> = form.map(|&argument| argument.into()).collect();
    arguments.push(format!("-L{}", folder.display()));
    arguments.extend(musl.into_iter().flat_map(of_musl));
    for argument in arguments {
        println!("cargo::rustc-link-arg-bin={}={argument}", program.name);
    }
    musl.is_some()
}

/// What the linker is told beside where musl is.
fn of_musl(musl: &Path) -> Vec<String> {
    let fixed = ["-nostartfiles", OF_START, OF_UNWINDER].map(str::to_owned);
    let start = MUSL_START.map(|object| musl.join(object).display().to_string());
    let names = OF_LARGE_FILES.map(|name| format!("-Wl,-u,{name},--defsym={name}64={name}"));
    fixed.into_iter().chain(start).chain(names).collect()
}

/// musl, where it is found and `JOBD_NO_MUSL` is not set. When it is taken away the program is
/// linked anew; that it has come is seen at the next change.
fn find_musl() -> Option<&'static Path> {
    println!("cargo::rerun-if-env-changed={NO_MUSL}");
    if env::var_os(NO_MUSL).is_some() {
        return None;
    }
    let is_there = |musl: &Path| musl.join(LIBC[0]).exists() && musl.join(MUSL_START[0]).exists();
    let musl = MUSL.map(Path::new).into_iter();
    let is_x86_64 = is("CARGO_CFG_TARGET_ARCH", "x86_64");
    let found = musl.filter(|_| is_x86_64).find(|path| is_there(path))?;
    println!("cargo::rerun-if-changed={}", found.join(LIBC[0]).display());
    Some(found)
}

/// A folder in which the linker finds the static libraries when it looks for the shared ones.
fn static_libraries(find: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let folder = Path::new(&env::var_os("OUT_DIR")?).join("static");
    if folder.exists() {
        fs::remove_dir_all(&folder).ok()?;
    }
    fs::create_dir(&folder).ok()?;
    for (name, library) in LIBC.map(|name| (name, name)).into_iter().chain([UNWINDER]) {
        symlink(find(library)?, folder.join(name)).ok()?;
    }
    Some(folder)
}

fn is_glibc() -> bool {
    // Another machine's libraries may be elsewhere.
    is("CARGO_CFG_TARGET_ENV", "gnu") && env::var("HOST") == env::var("TARGET")
}

fn is(variable: &str, value: &str) -> bool {
    env::var(variable).is_ok_and(|found| found == value)
}

/// The linker answers what it does not find without a folder.
fn find(library: &str) -> Option<PathBuf> {
    let linker = env::var("RUSTC_LINKER").unwrap_or_else(|_| "cc".into());
    let mut asked = Command::new(linker);
    asked.arg(format!("-print-file-name={library}"));
    let path = String::from_utf8(asked.output().ok()?.stdout).ok()?;
    let path = PathBuf::from(path.trim_end());
    path.is_absolute().then_some(path)
}
