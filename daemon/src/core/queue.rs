//! The order in which waiting jobs get what they wait for: by priority, and within a priority
//! in the order in which they were submitted. A job that is tried again keeps its place.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use proto::job::limits::Priority;

use super::job::JobId;

/// Jobs that wait for the same thing.
#[derive(Debug, Default, Clone)]
pub struct Queue {
    waiting: BTreeSet<(Reverse<Priority>, JobId)>,
}

impl Queue {
    /// Adds a job; adding it twice changes nothing.
    pub fn insert(&mut self, priority: Priority, id: JobId) {
        self.waiting.insert((Reverse(priority), id));
    }

    /// Takes a job out, wherever it stands.
    pub fn remove(&mut self, priority: Priority, id: JobId) {
        self.waiting.remove(&(Reverse(priority), id));
    }

    /// The job that is next.
    #[must_use]
    pub fn first(&self) -> Option<JobId> {
        self.waiting.first().map(|(_, id)| *id)
    }

    /// The jobs in their order.
    pub fn iter(&self) -> impl Iterator<Item = JobId> {
        self.waiting.iter().map(|(_, id)| *id)
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_first_then_the_order_of_submission() {
        let mut queue = Queue::default();
        for (priority, id) in [
            (Priority::Low, 1),
            (Priority::Medium, 2),
            (Priority::High, 3),
            (Priority::Medium, 4),
            (Priority::High, 5),
        ] {
            queue.insert(priority, id);
        }
        queue.remove(Priority::High, 5);
        let mut order = Vec::new();
        while let Some(id) = queue.first() {
            order.push(id);
            for priority in [Priority::Low, Priority::Medium, Priority::High] {
                queue.remove(priority, id);
            }
        }
        assert_eq!(order, [3, 2, 4, 1]);
    }
}
