//! The same call for each of several jobs: one refusal does not keep the others from it.

use proto::api::Method;

use crate::client::{Client, ClientError};
use crate::ending::Ending;
use crate::error::Error;
use crate::output::print::say;

/// Calls for each name; tells the refusals and returns the replies.
///
/// # Errors
/// Why the daemon cannot be asked any longer.
pub fn call<M: Method>(
    client: &mut Client,
    names: Vec<String>,
    method: impl Fn(String) -> M,
) -> Result<(Vec<M::Reply>, Ending), Error> {
    let mut replies = Vec::new();
    let mut ending = Ending::Done;
    for name in names {
        match client.call(&method(name)) {
            Ok(reply) => replies.push(reply),
            Err(ClientError::Api(refusal)) => {
                say(&refusal.to_string());
                ending = Ending::OwnError;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((replies, ending))
}
