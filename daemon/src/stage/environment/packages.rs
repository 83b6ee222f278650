//! What pip is asked for, where a conda file is to become a virtual environment. Pure.
//!
//! The rule: the pip part is taken as it is. A package of conda is asked of pip by the same name
//! and version (`numpy=1.21` becomes `numpy==1.21.*`), except those that are called otherwise there
//! ([`RENAMED`]). What is no package of Python ([`ABSENT`]) is left out, and the user is told;
//! `python` chooses the interpreter, and `pip` is there anyway.

use super::version::Bounds;

/// What a conda file comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Packages {
    /// The interpreter, where the file asks for one.
    pub(super) python: Option<Bounds>,
    /// Lines of a requirements file.
    pub(super) requirements: Vec<String>,
    /// What only conda has.
    pub(super) conda_only: Vec<String>,
}

/// Packages of conda whose name on PyPI differs.
const RENAMED: &[(&str, &str)] = &[
    ("dask-core", "dask"),
    ("matplotlib-base", "matplotlib"),
    ("msgpack-python", "msgpack"),
    ("opencv", "opencv-python-headless"),
    ("py-opencv", "opencv-python-headless"),
    ("py-xgboost", "xgboost"),
    ("pytables", "tables"),
    ("pytorch", "torch"),
    ("pytorch-cpu", "torch"),
    ("pytorch-gpu", "torch"),
    ("python-graphviz", "graphviz"),
    ("ruamel_yaml", "ruamel.yaml"),
    ("seaborn-base", "seaborn"),
    ("tensorflow-cpu", "tensorflow"),
    ("tensorflow-gpu", "tensorflow"),
];

/// Packages of conda that are no packages of Python: compilers, libraries, programs.
const ABSENT: &[&str] = &[
    "blas",
    "bzip2",
    "ca-certificates",
    "cpuonly",
    "cudatoolkit",
    "cudnn",
    "curl",
    "ffmpeg",
    "gcc",
    "git",
    "graphviz",
    "gxx",
    "jpeg",
    "make",
    "mkl",
    "mpich",
    "nccl",
    "ncurses",
    "nodejs",
    "openblas",
    "openjdk",
    "openmpi",
    "openssl",
    "pytorch-cuda",
    "pytorch-mutex",
    "r-base",
    "readline",
    "sqlite",
    "tk",
    "unixodbc",
    "wget",
    "xz",
    "zlib",
];

/// And families of them.
const ABSENT_PREFIXES: &[&str] = &[
    "_", "cuda-", "gcc_", "gxx_", "libblas", "libcu", "libffi", "libgcc", "libgomp", "libopen",
    "libpng", "libstd", "libtiff", "r-",
];

impl Packages {
    /// From the two parts of a conda file.
    pub(super) fn new(dependencies: &[String], pip: Vec<String>) -> Packages {
        let mut packages = Packages::default();
        for spec in dependencies {
            packages.add(spec);
        }
        packages.requirements.extend(pip);
        packages
    }

    fn add(&mut self, spec: &str) {
        let (name, version) = split(spec);
        let requirement = requirement(version);
        match name.as_str() {
            "pip" => {}
            "python" => self.python = requirement.as_deref().and_then(Bounds::parse),
            name if is_absent(name) => self.conda_only.push(spec.trim().into()),
            name => {
                let renamed = RENAMED.iter().find(|(conda, _)| *conda == name);
                let name = renamed.map_or(name, |(_, pip)| pip);
                let line = format!("{name}{}", requirement.unwrap_or_default());
                self.requirements.push(line);
            }
        }
    }
}

fn is_absent(name: &str) -> bool {
    ABSENT.contains(&name)
        || ABSENT_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// `CHANNEL::NAME` and the rest, which is about its version.
fn split(spec: &str) -> (String, &str) {
    let spec = spec.rsplit("::").next().unwrap_or(spec).trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = spec.find(|c| !is_name(c)).unwrap_or(spec.len());
    let (name, rest) = spec.split_at(end);
    (name.to_ascii_lowercase(), rest)
}

/// What conda means by a version, in pip's words; nothing for any version. A build and what else
/// pip has no words for (`|`, brackets) is dropped.
fn requirement(rest: &str) -> Option<String> {
    let exact = rest.starts_with(' ');
    let rest = rest.trim();
    if rest.is_empty() || rest == "*" || rest.contains(['|', '[']) {
        return None;
    }
    if let Some(version) = rest.strip_prefix("==") {
        return first(version).map(|version| format!("=={version}"));
    }
    if let Some(version) = rest.strip_prefix('=') {
        return first(version).map(|version| format!("=={}.*", version.trim_end_matches(".*")));
    }
    if rest.starts_with(['<', '>', '~', '!']) {
        return Some(rest.split_whitespace().collect());
    }
    let version = first(rest).filter(|_| exact)?;
    Some(format!("=={version}"))
}

/// A version without the build that may follow it.
fn first(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let version = text.split(['=', ' ']).next().unwrap_or(text);
    (!version.is_empty() && version != "*").then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(spec: &str) -> Packages {
        Packages::new(&[spec.into()], Vec::new())
    }

    #[test]
    fn a_package_of_conda_becomes_one_of_pip() {
        for (spec, requirement) in [
            ("numpy", "numpy"),
            ("numpy=1.21", "numpy==1.21.*"),
            ("numpy=1.21.*", "numpy==1.21.*"),
            ("numpy=1.21.2=py38_0", "numpy==1.21.2.*"),
            ("numpy==1.21.2", "numpy==1.21.2"),
            ("numpy 1.21.2", "numpy==1.21.2"),
            ("numpy 1.21.* py38_0", "numpy==1.21.*"),
            ("numpy >=1.2, <2", "numpy>=1.2,<2"),
            ("pandas>=1.1,<1.2", "pandas>=1.1,<1.2"),
            ("scipy~=1.10.0", "scipy~=1.10.0"),
            ("conda-forge::Scikit-Learn=1.5", "scikit-learn==1.5.*"),
            ("pytorch=1.13", "torch==1.13.*"),
            ("numpy=*", "numpy"),
            ("numpy=1.2|1.3", "numpy"),
        ] {
            assert_eq!(of(spec).requirements, [requirement], "{spec}");
        }
    }

    #[test]
    fn what_is_no_package_of_python_is_left_out_and_told() {
        for spec in ["cudatoolkit=11.3", "libgcc-ng", "r-base", "_openmp_mutex"] {
            let packages = of(spec);
            assert_eq!(packages.conda_only, [spec]);
            assert!(packages.requirements.is_empty());
        }
        assert_eq!(of("pip=20.2"), Packages::default());
        assert_eq!(of("python=3.8").python, Bounds::parse("==3.8.*"));
        assert_eq!(of("python"), Packages::default());
    }

    #[test]
    fn the_pip_part_is_taken_as_it_is() {
        let pip = vec!["inference-schema[numpy-support]==1.3.0".to_owned()];
        let packages = Packages::new(&["numpy".into()], pip);
        let expected = ["numpy", "inference-schema[numpy-support]==1.3.0"];
        assert_eq!(packages.requirements, expected);
    }
}
