//! A page of a list: no longer than asked for, and no larger than a frame takes.

use proto::frame::FRAME_BYTES_MAX;
use serde::Serialize;

/// Bytes of a page at most: it must fit into a frame.
const PAGE_BYTES: usize = FRAME_BYTES_MAX / 2;

/// The room that a page has left.
#[derive(Debug)]
pub(super) struct Page {
    left: usize,
    bytes: usize,
    is_empty: bool,
}

impl Page {
    /// An empty one for so many entries.
    pub(super) fn new(entries: usize) -> Page {
        Page {
            left: entries,
            bytes: PAGE_BYTES,
            is_empty: true,
        }
    }

    /// Whether the next entry has its place on this page; the first one has always.
    pub(super) fn takes(&mut self, entry: &impl Serialize) -> bool {
        let bytes = serde_json::to_vec(entry).map_or(0, |bytes| bytes.len());
        let takes = self.left > 0 && (bytes <= self.bytes || self.is_empty);
        if takes {
            self.left -= 1;
            self.bytes = self.bytes.saturating_sub(bytes);
        } else {
            // What comes later must not overtake it.
            self.left = 0;
        }
        self.is_empty = false;
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_it_is_full() {
        let mut page = Page::new(2);
        let taken = [(); 3].map(|()| page.takes(&"x"));
        assert_eq!(taken, [true, true, false]);
        let large = "x".repeat(2 * PAGE_BYTES);
        let mut page = Page::new(9);
        assert!(page.takes(&large), "else it could never be had");
        assert!(!page.takes(&"x".repeat(9)) && !page.takes(&""));
        let mut page = Page::new(9);
        assert!(page.takes(&"x") && !page.takes(&large) && !page.takes(&"x"));
    }
}
