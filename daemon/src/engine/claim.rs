//! Names and spool keys of jobs that are being admitted: each is given once, be it in the store or
//! still on the way to it.

use std::hash::BuildHasher;

use proto::api::ApiError;

use super::handle::Candidate;
use super::name;
use super::run::{Engine, unavailable};
use crate::core::NewJob;

impl Engine {
    /// Gives every job a name that is free; none when the spool's file was admitted before.
    pub(super) fn claim(&mut self, jobs: Vec<Candidate>) -> Result<Option<Vec<NewJob>>, ApiError> {
        let mut claimed = Vec::new();
        for candidate in jobs {
            if let Some(key) = &candidate.spool_key
                && (self.store.has_spool_key(key).map_err(unavailable)?
                    || !self.claimed.insert(key.clone()))
            {
                return Ok(None);
            }
            let name = self.claim_name(candidate.name.as_deref())?;
            claimed.push(NewJob {
                name,
                uid: candidate.uid,
                priority: candidate.priority,
                prepares: candidate.prepares,
                finalizes: candidate.finalizes,
                limit_secs: candidate.limit_secs,
                spool_key: candidate.spool_key,
                definition: candidate.definition,
            });
        }
        Ok(Some(claimed))
    }

    fn claim_name(&mut self, wanted: Option<&str>) -> Result<String, ApiError> {
        if let Some(name) = wanted {
            let taken = self.store.has_name(name).map_err(unavailable)?;
            if taken || !self.claimed.insert(name.to_owned()) {
                return Err(ApiError::NameTaken {
                    name: name.to_owned(),
                });
            }
            return Ok(name.to_owned());
        }
        loop {
            self.tickets += 1;
            let name = name::generate(self.random.hash_one(self.tickets));
            let taken = self.store.has_name(&name).map_err(unavailable)?;
            if !taken && self.claimed.insert(name.clone()) {
                return Ok(name);
            }
        }
    }
}
