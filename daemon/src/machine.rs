//! This machine's CPU, memory and load, for `status`.

use serde_json::{Value, json};
use sysinfo::System;

/// Looks at the machine: CPUs, load averages over 1, 5 and 15 minutes, memory in bytes.
#[must_use]
pub fn look() -> Value {
    let load = System::load_average();
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (total, available) = memory();
    json!({
        "host": System::host_name(),
        "kernel": System::kernel_version(),
        "cpus": cpus,
        "load": [load.one, load.five, load.fifteen],
        "memory_total": total,
        "memory_available": available,
    })
}
