//! The line of steps that may begin as soon as another ends: a socket whose messages are taken by
//! the shims, one each, when their own step is over. What a message holds lets one step go.
//!
//! It is the kernel's queue, so whoever takes a step out, shim or daemon, is the only one, and
//! they go in order. Whoever is not in it any more was let go.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use proto::record::Place;

use crate::core::JobId;
use crate::sys::passing;

/// The line, from the daemon's side.
pub struct Line {
    tail: OwnedFd,
    head: OwnedFd,
    /// Steps in the socket, but for those whose going has not been heard of.
    standing: VecDeque<JobId>,
    /// Steps that come after them as soon as they are ready.
    coming: VecDeque<JobId>,
}

impl Line {
    /// An empty one.
    ///
    /// # Errors
    /// What socketpair(2) says.
    pub fn new() -> Result<Line, Errno> {
        let (tail, head) = passing::pair()?;
        Ok(Line {
            tail,
            head,
            standing: VecDeque::new(),
            coming: VecDeque::new(),
        })
    }

    /// The end where the shims take them out.
    pub fn head(&self) -> BorrowedFd<'_> {
        self.head.as_fd()
    }

    /// A step comes last.
    pub fn line_up(&mut self, id: JobId) {
        self.coming.push_back(id);
    }

    /// Lets those stand in it that are next and ready, which have a gate.
    pub fn fill<'a>(&mut self, gate: impl Fn(JobId) -> Option<BorrowedFd<'a>>) {
        while let Some((id, gate)) = self.coming.front().and_then(|id| Some((*id, gate(*id)?))) {
            let number: Place = id;
            if let Err(error) = passing::send(&self.tail, &number.to_ne_bytes(), &[gate]) {
                tracing::debug!(%error, "the line is full");
                return;
            }
            self.coming.pop_front();
            self.standing.push_back(id);
        }
    }

    /// A step was let go by another's end.
    pub fn went(&mut self, id: JobId) {
        self.standing.retain(|standing| *standing != id);
    }

    /// Takes a step out, and answers those who were let go meanwhile, maybe itself among them.
    pub fn leave(&mut self, id: JobId) -> Vec<JobId> {
        let gone = if self.standing.contains(&id) {
            self.recall()
        } else {
            Vec::new()
        };
        self.coming.retain(|coming| *coming != id);
        gone
    }

    /// Takes all out and answers those who were let go meanwhile. The others are still to come.
    pub fn recall(&mut self) -> Vec<JobId> {
        let mut back = VecDeque::new();
        while let Ok(message) = passing::receive_now(&self.head, size_of::<Place>()) {
            let Ok(number) = message.bytes.try_into() else {
                break;
            };
            back.push_back(Place::from_ne_bytes(number));
        }
        let standing = std::mem::take(&mut self.standing);
        let gone = standing.into_iter().filter(|id| !back.contains(id));
        let gone = gone.collect();
        back.append(&mut self.coming);
        self.coming = back;
        gone
    }

    /// The same, and nobody is to come.
    pub fn disband(&mut self) -> Vec<JobId> {
        let gone = self.recall();
        self.coming.clear();
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::gate::Gate;

    /// A line with these steps, the first so many of them ready.
    fn line(ids: &[JobId], ready: usize, gate: &Gate) -> Line {
        let mut line = Line::new().unwrap();
        for id in ids {
            line.line_up(*id);
        }
        let are_ready = &ids[..ready];
        line.fill(|id| are_ready.contains(&id).then(|| gate.as_fd()));
        line
    }

    /// As a shim does it.
    fn take(line: &Line) -> Option<JobId> {
        let message = passing::receive_now(line.head(), size_of::<Place>()).ok()?;
        assert_eq!(message.descriptors.len(), 1);
        Some(Place::from_ne_bytes(message.bytes.try_into().unwrap()))
    }

    #[test]
    fn they_are_taken_in_order_and_only_while_they_are_ready() {
        let gate = Gate::new().unwrap();
        let mut line = line(&[5, 3, 4], 2, &gate);
        assert_eq!(
            (take(&line), take(&line), take(&line)),
            (Some(5), Some(3), None)
        );
        line.fill(|_| Some(gate.as_fd()));
        assert_eq!((take(&line), take(&line)), (Some(4), None));
    }

    #[test]
    fn who_is_called_back_was_let_go_or_comes_again() {
        let gate = Gate::new().unwrap();
        let mut line = line(&[1, 2, 3, 4], 3, &gate);
        assert_eq!(take(&line), Some(1));
        assert_eq!(line.recall(), [1]);
        assert_eq!(take(&line), None);
        line.fill(|_| Some(gate.as_fd()));
        assert_eq!(
            (take(&line), take(&line), take(&line)),
            (Some(2), Some(3), Some(4))
        );
    }

    #[test]
    fn who_leaves_is_not_taken_and_the_others_keep_their_order() {
        let gate = Gate::new().unwrap();
        let mut line = line(&[1, 2, 3, 4], 4, &gate);
        assert_eq!(take(&line), Some(1));
        assert_eq!(line.leave(2), [1]);
        assert!(line.leave(9).is_empty());
        line.fill(|_| Some(gate.as_fd()));
        assert_eq!(take(&line), Some(3));
        assert_eq!(line.leave(3), [3], "it is too late");
        line.fill(|_| Some(gate.as_fd()));
        assert_eq!((take(&line), take(&line)), (Some(4), None));
    }

    #[test]
    fn a_disbanded_line_lets_nobody_go() {
        let gate = Gate::new().unwrap();
        let mut line = line(&[1, 2, 3], 2, &gate);
        assert!(line.disband().is_empty());
        line.fill(|_| Some(gate.as_fd()));
        assert_eq!(take(&line), None);
    }
}
