//! Whether a daemon comes back when the machine does, and jobs outlive a logout.

use std::path::Path;

use nix::unistd::{Uid, User, geteuid};
use proto::finding::Finding;

const CHECK: &str = "start-at-boot";
/// There while systemd is the init (sd_booted(3)).
const SYSTEMD: &str = "/run/systemd/system";
/// One file for each user who lingers (loginctl(1)).
const LINGER: &str = "/var/lib/systemd/linger";
/// What enabling the system units makes.
const ENABLED: [&str; 2] = [
    "/etc/systemd/system/sockets.target.wants/jobd.socket",
    "/etc/systemd/system/multi-user.target.wants/jobd.service",
];

/// Who starts a daemon here.
enum Starter {
    NoSystemd,
    System { enabled: bool },
    User { name: String, lingers: bool },
}

pub(super) fn check() -> Vec<Finding> {
    vec![judge(&look(geteuid()))]
}

fn look(uid: Uid) -> Starter {
    if !Path::new(SYSTEMD).is_dir() {
        return Starter::NoSystemd;
    }
    if uid.is_root() {
        let enabled = ENABLED.iter().any(|link| Path::new(link).is_symlink());
        return Starter::System { enabled };
    }
    let user = User::from_uid(uid).ok().flatten();
    let name = user.map_or_else(|| uid.to_string(), |user| user.name);
    let lingers = Path::new(LINGER).join(&name).exists();
    Starter::User { name, lingers }
}

fn judge(starter: &Starter) -> Finding {
    const WAIT: &str = "after a reboot, jobs that wait go on only when somebody starts a daemon";
    match starter {
        Starter::NoSystemd => Finding::weaker(
            CHECK,
            "systemd does not run here: nothing starts the daemon at boot",
            WAIT,
            "let the machine's init run `jobd`; or call jobctl, which starts it",
        ),
        Starter::System { enabled: true } => Finding::ok(CHECK, "the system's unit is enabled"),
        Starter::System { enabled: false } => Finding::weaker(
            CHECK,
            "the system's unit is not enabled: nothing starts the daemon at boot",
            WAIT,
            "systemctl enable --now jobd.socket jobd.service (units in systemd/)",
        ),
        Starter::User {
            name,
            lingers: true,
        } => Finding::ok(CHECK, format!("{name} lingers")),
        Starter::User {
            name,
            lingers: false,
        } => Finding::weaker(
            CHECK,
            format!("{name} does not linger"),
            "the user manager ends at the last logout, and with it the daemon and jobs that run \
             in it; nothing starts the daemon at boot",
            "loginctl enable-linger",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level;

    #[test]
    fn only_who_comes_back_is_well() {
        let user = |lingers| Starter::User {
            name: "ann".into(),
            lingers,
        };
        for (starter, level) in [
            (Starter::NoSystemd, Level::Weaker),
            (Starter::System { enabled: true }, Level::Ok),
            (Starter::System { enabled: false }, Level::Weaker),
            (user(true), Level::Ok),
            (user(false), Level::Weaker),
        ] {
            assert_eq!(judge(&starter).level, level);
        }
        assert_eq!(judge(&user(false)).advice, "loginctl enable-linger");
    }
}
