//! `data archive` and `data restore`: hides a version or a name, and shows it again.

use proto::api::{ArchiveData, RestoreData};

use crate::args::AssetArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Hides it.
pub fn archive(endpoint: &Endpoint, args: AssetArgs) -> Result<Ending, Error> {
    let (name, version) = args.name_and_version();
    let call = ArchiveData { name, version };
    endpoint.connect_or_start()?.call(&call)?;
    Ok(Ending::Done)
}

/// Shows it again.
pub fn restore(endpoint: &Endpoint, args: AssetArgs) -> Result<Ending, Error> {
    let (name, version) = args.name_and_version();
    let call = RestoreData { name, version };
    endpoint.connect_or_start()?.call(&call)?;
    Ok(Ending::Done)
}
