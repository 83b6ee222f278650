//! This machine's CPUs, memory and load, for `status`.

use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::{Value, json};
use sysinfo::System;

/// How many CPUs the daemon may use: found in many small files, so not at every look.
static CPUS: LazyLock<Option<usize>> = LazyLock::new(|| {
    let found = std::thread::available_parallelism();
    found.ok().map(Into::into)
});
/// Made once, for the same reason.
static SYSTEM: LazyLock<Mutex<Option<System>>> = LazyLock::new(|| Mutex::new(System::new().ok()));

/// Looks at the machine: CPUs, load averages over 1, 5 and 15 minutes, memory in bytes. What
/// cannot be seen is null.
#[must_use]
pub fn look() -> Value {
    let load = System::load_average()
        .map(|load| [load.one, load.five, load.fifteen])
        .ok();
    let mut system = SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
    let memory = system.as_mut().map(|system| {
        system.refresh_memory();
        (system.total_memory(), system.available_memory())
    });
    json!({
        "host": System::host_name().ok(),
        "kernel": System::kernel_version().ok(),
        "cpus": *CPUS,
        "load": load,
        "memory_total": memory.map(|(total, _)| total),
        "memory_available": memory.map(|(_, available)| available),
    })
}
