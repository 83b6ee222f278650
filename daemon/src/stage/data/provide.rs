//! One door for all data.

use std::io;

use proto::stage::{InputOrder, InputReport, OutputOrder, OutputReport, StageOrder};

use crate::stage::meter::Meter;

/// Why data is not where it should be.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Something failed.
    #[error("move data: {0}")]
    Io(#[from] io::Error),
}

/// Everything that moves data for one stage.
pub struct Data<'a> {
    _order: &'a StageOrder,
    _meter: &'a Meter,
    notes: Vec<String>,
}

impl<'a> Data<'a> {
    /// Makes it ready.
    ///
    /// # Errors
    /// When the cache cannot be made.
    pub fn new(order: &'a StageOrder, meter: &'a Meter) -> Result<Data<'a>, DataError> {
        Ok(Data {
            _order: order,
            _meter: meter,
            notes: Vec::new(),
        })
    }

    /// Makes an input ready, as its mode says.
    ///
    /// # Errors
    /// See [`DataError`].
    pub fn provide(&mut self, _name: &str, _input: &InputOrder) -> Result<InputReport, DataError> {
        Err(io::Error::from(io::ErrorKind::Unsupported).into())
    }

    /// Makes the place that an output is written to; answers what it is called in the command.
    ///
    /// # Errors
    /// See [`DataError`].
    pub fn make_output(&mut self, _name: &str, _output: &OutputOrder) -> Result<String, DataError> {
        Err(io::Error::from(io::ErrorKind::Unsupported).into())
    }

    /// Brings an output to where its `path` says.
    ///
    /// # Errors
    /// See [`DataError`].
    pub fn publish(
        &mut self,
        _name: &str,
        _output: &OutputOrder,
    ) -> Result<OutputReport, DataError> {
        Err(io::Error::from(io::ErrorKind::Unsupported).into())
    }

    /// What the user should know.
    #[must_use]
    pub fn into_notes(self) -> Vec<String> {
        self.notes
    }
}
