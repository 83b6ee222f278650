//! The name of a tree is the SHA-256 of what is in it and of nothing else: neither times nor
//! owners nor the order in which it was read.
//!
//! It is taken of the line `jobd snapshot 1`, and for each file and link, sorted by the bytes of
//! its path: one byte for its kind (`f` file, `x` executable file, `l` link), the length of the
//! path as eight bytes (most significant first), the path, and the SHA-256 of the file's content
//! or of the link's text.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

const FIRST_LINE: &[u8] = b"jobd snapshot 1\n";

/// One file or link as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Relative to the tree.
    pub path: PathBuf,
    /// What it is.
    pub kind: LeafKind,
    /// Of its content.
    pub content: [u8; 32],
    /// Bytes of a file; 0 for a link.
    pub bytes: u64,
}

/// What a leaf is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafKind {
    /// A file.
    File,
    /// A file that its owner may execute.
    Executable,
    /// A link.
    Link,
}

/// The digest of some bytes.
pub fn of(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The digest of a tree, as 64 hexadecimal digits.
pub fn tree(leaves: &[Leaf]) -> String {
    let mut sorted: Vec<&Leaf> = leaves.iter().collect();
    sorted.sort_by(|one, other| {
        let (one, other) = (one.path.as_os_str(), other.path.as_os_str());
        one.as_bytes().cmp(other.as_bytes())
    });
    let mut hash = Sha256::new();
    hash.update(FIRST_LINE);
    for leaf in sorted {
        let path = leaf.path.as_os_str().as_bytes();
        hash.update(match leaf.kind {
            LeafKind::File => b"f",
            LeafKind::Executable => b"x",
            LeafKind::Link => b"l",
        });
        hash.update((path.len() as u64).to_be_bytes());
        hash.update(path);
        hash.update(leaf.content);
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn leaf(path: &str, kind: LeafKind, content: &[u8]) -> Leaf {
        Leaf {
            path: path.into(),
            kind,
            content: of(content),
            bytes: content.len() as u64,
        }
    }

    #[test]
    fn an_empty_tree_has_the_digest_of_the_first_line() {
        assert_eq!(tree(&[]), hex(&of(FIRST_LINE)));
    }

    #[test]
    fn path_kind_and_content_count() {
        let one = leaf("a", LeafKind::File, b"x");
        let others = [
            leaf("b", LeafKind::File, b"x"),
            leaf("a", LeafKind::Executable, b"x"),
            leaf("a", LeafKind::Link, b"x"),
            leaf("a", LeafKind::File, b"y"),
        ];
        for other in others {
            assert_ne!(tree(std::slice::from_ref(&one)), tree(&[other]));
        }
    }

    fn leaves() -> impl Strategy<Value = Vec<Leaf>> {
        let kinds = [LeafKind::File, LeafKind::Executable, LeafKind::Link];
        let kind = prop::sample::select(kinds.to_vec());
        let content = (kind, prop::collection::vec(any::<u8>(), 0..4));
        prop::collection::btree_map("[a-c/.]{1,4}", content, 0..8).prop_map(
            |map: BTreeMap<String, (LeafKind, Vec<u8>)>| {
                let make = |(path, (kind, content)): (String, (LeafKind, Vec<u8>))| {
                    leaf(&path, kind, &content)
                };
                map.into_iter().map(make).collect()
            },
        )
    }

    proptest! {
        #[test]
        fn the_order_does_not_count(
            (leaves, shuffled) in leaves().prop_flat_map(|leaves| {
                (Just(leaves.clone()), Just(leaves).prop_shuffle())
            })
        ) {
            prop_assert_eq!(tree(&leaves), tree(&shuffled));
        }

        #[test]
        fn different_trees_have_different_digests(one in leaves(), other in leaves()) {
            prop_assert_eq!(one == other, tree(&one) == tree(&other));
        }
    }
}
