//! Whether a link stays in its tree. Pure: the kernel is not asked, since it would look at the
//! user's disk, where the links of the snapshot may one day lead elsewhere.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// Links that may be passed on the way, as in Linux.
const HOPS_MAX: usize = 40;

/// Every link of a tree: its path and what it says, both relative.
pub type Links<'a> = HashMap<&'a Path, &'a Path>;

/// Follows the link at `path` and says what is wrong with it; none if nothing is. A link to what
/// is not there is fine, as it is for git.
pub fn fault(path: &Path, links: &Links<'_>) -> Option<&'static str> {
    let mut ahead: VecDeque<Component<'_>> = path.components().collect();
    let mut here: Vec<&OsStr> = Vec::new();
    let mut hops = 0;
    while let Some(component) = ahead.pop_front() {
        match component {
            Component::Normal(name) => here.push(name),
            Component::CurDir => {}
            Component::ParentDir if here.pop().is_some() => {}
            Component::ParentDir => return Some("it leads out of the code"),
            Component::RootDir | Component::Prefix(_) => return Some("it is absolute"),
        }
        let place: PathBuf = here.iter().collect();
        if let Some(target) = links.get(place.as_path()) {
            hops += 1;
            if hops > HOPS_MAX {
                return Some("it leads round in a circle");
            }
            here.pop();
            for component in target.components().rev() {
                ahead.push_front(component);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, links: &[(&str, &str)]) -> Option<&'static str> {
        let links = links
            .iter()
            .map(|(from, to)| (Path::new(*from), Path::new(*to)));
        fault(Path::new(path), &links.collect())
    }

    #[test]
    fn links_that_stay_are_fine() {
        assert_eq!(check("a", &[("a", "b/../c")]), None);
        assert_eq!(check("x/y", &[("x/y", "..")]), None);
        assert_eq!(check("x/y", &[("x/y", "../z/./w")]), None);
        assert_eq!(check("a", &[("a", "b/x"), ("b", "c/d"), ("c", ".")]), None);
    }

    #[test]
    fn links_that_leave_are_not() {
        let out = Some("it leads out of the code");
        assert_eq!(check("a", &[("a", "..")]), out);
        assert_eq!(check("x/y", &[("x/y", "../../z")]), out);
        assert_eq!(check("a", &[("a", "/etc/passwd")]), Some("it is absolute"));
        assert_eq!(
            check("a", &[("a", "b"), ("b", "/etc")]),
            Some("it is absolute")
        );
        // By its letters `p/q/c` stays; by way of `p/q/b`, which is the root, it does not.
        assert_eq!(
            check("p/q/c", &[("p/q/b", "../.."), ("p/q/c", "b/../x")]),
            out
        );
    }

    #[test]
    fn circles_end() {
        let circle = Some("it leads round in a circle");
        assert_eq!(check("a", &[("a", "a")]), circle);
        assert_eq!(check("a", &[("a", "b"), ("b", "a")]), circle);
        assert_eq!(check("a", &[("a", "b/x"), ("b", "a/y")]), circle);
    }
}
