//! Environments by the real `jobd-stage`: the order on its standard input, the report from its
//! descriptor 3. The packages are real, from PyPI; the containers are podman's; conda is played by
//! a script, since no conda can be had from the registries that a test may use.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends with the place and the reason"
)]

mod conda;
mod container;
mod harness;
mod podman;
mod uv;
mod venv;
