//! Environments by the real `jobd-stage`: the order on its standard input, the report from its
//! descriptor 3. The packages are real, from PyPI; the containers are podman's and docker's; conda
//! is the last that PyPI has, and where a test must hold a build, a script that plays micromamba.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends with the place and the reason"
)]

mod conda;
mod conda_itself;
mod container;
mod docker;
mod engine;
mod engines;
mod harness;
mod podman;
mod real_conda;
mod uv;
mod venv;
