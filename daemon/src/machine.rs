//! This machine's CPUs, memory and load, for `status`.

use serde_json::{Value, json};
use sysinfo::System;

/// Looks at the machine: CPUs, load averages over 1, 5 and 15 minutes, memory in bytes. What
/// cannot be seen is null.
#[must_use]
pub fn look() -> Value {
    let load = System::load_average()
        .map(|load| [load.one, load.five, load.fifteen])
        .ok();
    let memory = System::new().ok().map(|mut system| {
        system.refresh_memory();
        (system.total_memory(), system.available_memory())
    });
    json!({
        "host": System::host_name().ok(),
        "kernel": System::kernel_version().ok(),
        "cpus": std::thread::available_parallelism().ok(),
        "load": load,
        "memory_total": memory.map(|(total, _)| total),
        "memory_available": memory.map(|(_, available)| available),
    })
}
