//! What the machine has, read from the system: cores, memory, huge pages, NUMA nodes.

use std::collections::BTreeSet;
use std::fs;

use serde::Serialize;

/// The machine as the system describes it. What it does not say is `None`.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: Option<String>,
    /// Threads that this process may use.
    pub threads_available: usize,
    /// Cores behind them: threads of one core share its arithmetic.
    pub cores: usize,
    /// Memory in all.
    pub memory_bytes: Option<u64>,
    /// Memory that new programs can have, file cache included.
    pub memory_available_bytes: Option<u64>,
    /// A limit below that, set for the container or service.
    pub memory_limit_bytes: Option<u64>,
    /// When memory comes in 2 MiB pages: `always`, `madvise` or `never`.
    pub huge_pages: Option<String>,
    /// Memory nodes.
    pub numa_nodes: usize,
}

impl Machine {
    /// Asks the system.
    pub fn detect() -> Machine {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Machine {
            cpu: cpu_name(),
            threads_available: threads,
            cores: cores().map_or(threads, |cores| cores.clamp(1, threads)),
            memory_bytes: meminfo("MemTotal:"),
            memory_available_bytes: meminfo("MemAvailable:"),
            memory_limit_bytes: memory_limit(),
            huge_pages: huge_pages(),
            numa_nodes: numa_nodes(),
        }
    }

    /// Memory that a model can have here.
    pub fn usable_memory_bytes(&self) -> Option<u64> {
        match (self.memory_bytes, self.memory_limit_bytes) {
            (Some(memory), Some(limit)) => Some(memory.min(limit)),
            (memory, limit) => memory.or(limit),
        }
    }
}

/// The most memory this process has held so far.
pub fn peak_rss_bytes() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

fn meminfo(key: &str) -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/meminfo").ok()?, key)
}

/// The value of a line like `MemTotal:  24563212 kB`.
fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    let value: u64 = line[key.len()..].split_whitespace().next()?.parse().ok()?;
    Some(value * 1024)
}

fn cpu_name() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Cores of the processors this process may run on.
fn cores() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut siblings = BTreeSet::new();
    for cpu in ids(allowed.trim()) {
        let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
        siblings.insert(fs::read_to_string(path).ok()?);
    }
    Some(siblings.len())
}

/// The numbers in a list like `0-3,8,10-11`.
fn ids(list: &str) -> Vec<usize> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<usize>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

/// The limit of this process's control group, if it has one.
fn memory_limit() -> Option<u64> {
    let paths = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = paths.iter().find_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    // Version 1 writes "no limit" as a number near 2^63.
    limit.filter(|limit| *limit < 1 << 60)
}

fn huge_pages() -> Option<String> {
    let text = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").ok()?;
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

fn numa_nodes() -> usize {
    let online = fs::read_to_string("/sys/devices/system/node/online");
    online.map_or(1, |list| ids(list.trim()).len().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_ids_are_read() {
        for (list, want) in [("0", vec![0]), ("0-2,5", vec![0, 1, 2, 5]), ("", vec![])] {
            assert_eq!(ids(list), want, "{list}");
        }
    }

    #[test]
    fn sizes_are_read() {
        let text = "MemTotal:       24563212 kB\nMemFree: 1 kB\n";
        assert_eq!(kilobytes(text, "MemTotal:"), Some(24_563_212 * 1024));
        assert_eq!(kilobytes(text, "MemAvailable:"), None);
    }
}
