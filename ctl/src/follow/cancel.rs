//! The cancel that a Ctrl-C asks for: sent beside the watch, its answer not waited for.

use std::os::fd::{AsFd, BorrowedFd};

use proto::api::{Cancel, Canceling};

use crate::client::{Client, ClientError};
use crate::endpoint::Endpoint;

/// A cancel on its way.
#[derive(Debug)]
pub struct Canceler {
    client: Client,
}

impl Canceler {
    /// Asks for the end of a job.
    ///
    /// # Errors
    /// Why the daemon could not be asked.
    pub fn ask(endpoint: &Endpoint, name: &str) -> Result<Canceler, ClientError> {
        let mut client = endpoint.connect()?;
        let cancel = Cancel {
            name: name.to_owned(),
            force: None,
        };
        client.send(&cancel, false)?;
        Ok(Canceler { client })
    }

    /// Reads the answer, once the descriptor can be read; says whether it was all.
    ///
    /// # Errors
    /// What the daemon says.
    pub fn read(&mut self) -> Result<bool, ClientError> {
        self.client.fill()?;
        Ok(self.client.buffered::<Canceling>()?.is_some())
    }
}

impl AsFd for Canceler {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.client.as_fd()
    }
}
