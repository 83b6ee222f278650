//! The way of orders to the exec thread: a queue with an eventfd that wakes its poll.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::Order;
use crate::sys::cpu::Helper;

/// Where orders are put.
#[derive(Debug, Clone)]
pub struct Orders {
    shared: Arc<Shared>,
}

/// Where the exec thread takes them.
#[derive(Debug)]
pub struct Inbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<VecDeque<Order>>,
    wake: EventFd,
    /// The exec thread, where it has to be kept off the processor of the sender.
    taker: OnceLock<Helper>,
}

/// Makes the queue. Its length is bounded by the live jobs, each of which has one step under way,
/// and the few that are made ready ahead.
///
/// # Errors
/// When the kernel gives no eventfd.
pub fn channel() -> nix::Result<(Orders, Inbox)> {
    let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
    let shared = Arc::new(Shared {
        queue: Mutex::default(),
        wake,
        taker: OnceLock::new(),
    });
    Ok((
        Orders {
            shared: Arc::clone(&shared),
        },
        Inbox { shared },
    ))
}

impl Orders {
    /// Puts an order.
    pub fn send(&self, order: Order) {
        if let Some(taker) = self.shared.taker.get() {
            match order {
                // The sender goes on to the commit.
                Order::MakeAhead(_) => taker.keep_off(),
                // It has come from there.
                _ => taker.come_back(),
            }
        }
        self.shared
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(order);
        if let Err(error) = self.shared.wake.write(1) {
            // Only EAGAIN can come, when 2^64 wake-ups are pending: then it is awake.
            tracing::debug!(%error, "wake the exec thread");
        }
    }
}

impl Inbox {
    /// To be told by the thread that takes the orders.
    pub fn begin(&self) {
        if let Some(helper) = Helper::current() {
            self.shared.taker.get_or_init(|| helper);
        }
    }

    /// What becomes readable when there are orders.
    pub fn wake(&self) -> &EventFd {
        &self.shared.wake
    }

    /// Takes the next order.
    pub fn take(&self) -> Option<Order> {
        let order = self
            .shared
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        if let Some(taker) = self.shared.taker.get()
            && matches!(order, Some(Order::MakeAhead(_)))
        {
            taker.come_back();
        }
        order
    }
}
