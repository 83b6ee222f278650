//! Who may do what: one table, verb × caller. The caller is who the kernel says (SO_PEERCRED).

use proto::api::{ApiError, Request};

/// A caller's relation to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The user the daemon runs as, or root.
    Owner,
    /// Anybody else.
    Stranger,
}

/// The caller of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The effective user id when it connected.
    pub uid: u32,
    /// What it is to this daemon.
    pub role: Role,
}

impl Caller {
    /// The caller with that user id, to a daemon that runs as `daemon_uid`.
    #[must_use]
    pub fn new(uid: u32, daemon_uid: u32) -> Caller {
        let role = if uid == daemon_uid || uid == 0 {
            Role::Owner
        } else {
            Role::Stranger
        };
        Caller { uid, role }
    }

    /// Whose jobs the caller sees; none for everybody's.
    #[must_use]
    pub fn sees(&self) -> Option<u32> {
        match self.role {
            Role::Owner => None,
            Role::Stranger => Some(self.uid),
        }
    }
}

/// Whether the caller may make the request.
///
/// # Errors
/// `NotAllowed`, with who may.
pub fn check(caller: Caller, request: &Request) -> Result<(), ApiError> {
    match (request, caller.role) {
        (Request::GetInfo(_) | Request::GetInterfaceDescription(_), _) | (_, Role::Owner) => Ok(()),
        (_, Role::Stranger) => Err(ApiError::NotAllowed {
            reason: "this daemon serves the user it runs as".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::api::{GetInfo, Show, Shutdown, Status};

    #[test]
    fn the_owner_and_root_may_all_and_a_stranger_may_only_ask_who_is_there() {
        let requests = [
            (Request::GetInfo(GetInfo {}), true),
            (Request::Status(Status {}), false),
            (Request::Show(Show { name: "x".into() }), false),
            (Request::Shutdown(Shutdown {}), false),
        ];
        for (request, stranger) in requests {
            assert!(check(Caller::new(1000, 1000), &request).is_ok());
            assert!(check(Caller::new(0, 1000), &request).is_ok());
            assert_eq!(
                check(Caller::new(1001, 1000), &request).is_ok(),
                stranger,
                "{request:?}"
            );
        }
    }
}
