//! `ponder doctor`: what this machine has, what it gives, and what Ponder makes of it.

use ponder_kernels::cpu::Isa;
use serde::Serialize;

use crate::backend::BackendArgs;
use crate::limits;
use crate::machine::Machine;
use crate::terminal::Terminal;

/// Flags of `ponder doctor`.
#[derive(clap::Args)]
pub struct Args {
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    isas: Vec<IsaReport>,
    read_bandwidth: Bandwidth,
    used: Used,
    remarks: Vec<String>,
}

#[derive(Serialize)]
struct IsaReport {
    isa: &'static str,
    is_available: bool,
    /// Of one thread, and of all that are used.
    gflops_one_thread: Option<f64>,
    gflops: Option<f64>,
}

#[derive(Serialize)]
struct Bandwidth {
    one_thread_gb_per_s: f64,
    gb_per_s: f64,
}

#[derive(Serialize)]
struct Used {
    isa: &'static str,
    threads: usize,
    why: String,
}

/// Runs `ponder doctor`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let isa = args.backend.isa()?;
    let threads = args.backend.threads();
    terminal.note("measuring, some seconds …");
    let machine = Machine::detect();
    let available = Isa::available();
    let isas = Isa::ALL
        .into_iter()
        .map(|isa| {
            let is_available = available.contains(&isa);
            let gflops_one_thread = limits::product_rate(isa, 1);
            let gflops = limits::product_rate(isa, threads);
            IsaReport { isa: isa.name(), is_available, gflops_one_thread, gflops }
        })
        .collect();
    let read_bandwidth = Bandwidth {
        one_thread_gb_per_s: limits::read_bandwidth(1),
        gb_per_s: limits::read_bandwidth(threads),
    };
    let used = used(args, isa, threads, &machine);
    let remarks = remarks(&machine, &available, threads);
    let report = Report { machine, isas, read_bandwidth, used, remarks };
    crate::inspect::print(args.json, &report, || report.render())
}

fn used(args: &Args, isa: Option<Isa>, threads: usize, machine: &Machine) -> Used {
    let why_isa = match (args.backend.isa, isa) {
        (Some(_), _) => "--isa asks for it",
        (None, Some(_)) => "the widest this processor has of those Ponder has kernels for",
        (None, None) => "this processor has none that Ponder has fast kernels for",
    };
    let why_threads = match args.backend.threads {
        Some(_) => "--threads asks for them".to_owned(),
        None if machine.threads_available > machine.cores => format!(
            "one a core: the {} hardware threads share {} cores' arithmetic",
            machine.threads_available, machine.cores
        ),
        None => "one a core".to_owned(),
    };
    Used {
        isa: isa.map_or("reference", Isa::name),
        threads,
        why: format!("{why_isa}; {why_threads}"),
    }
}

fn remarks(machine: &Machine, available: &[Isa], threads: usize) -> Vec<String> {
    let mut remarks = Vec::new();
    if available.is_empty() {
        remarks.push("without AVX2 only the slow reference runs".to_owned());
    }
    if machine.huge_pages.as_deref() == Some("never") {
        remarks.push(
            "huge pages are off, which costs read bandwidth: as root, \
             `echo madvise > /sys/kernel/mm/transparent_hugepage/enabled`"
                .to_owned(),
        );
    }
    if machine.numa_nodes > 1 {
        remarks.push(format!(
            "{} memory nodes: weights are not placed by node yet; `numactl --interleave=all` \
             spreads them",
            machine.numa_nodes
        ));
    }
    if threads > machine.cores {
        let cores = machine.cores;
        remarks.push(format!("{threads} threads on {cores} cores wait for each other"));
    }
    remarks
}

impl Report {
    fn render(&self) -> String {
        let gb = |bytes: Option<u64>| match bytes {
            Some(bytes) => format!("{:.1} GB", bytes as f64 / 1e9),
            None => "unknown".to_owned(),
        };
        let machine = &self.machine;
        let mut text = format!(
            "processor    {}, {} cores, {} threads available\n\
             memory       {}, {} available; huge pages: {}; memory nodes: {}\n",
            machine.cpu.as_deref().unwrap_or("unknown"),
            machine.cores,
            machine.threads_available,
            gb(machine.usable_memory_bytes()),
            gb(machine.memory_available_bytes),
            machine.huge_pages.as_deref().unwrap_or("unknown"),
            machine.numa_nodes,
        );
        text.push_str(&format!(
            "reads        {:.1} GB/s with {} threads, {:.1} with one\n",
            self.read_bandwidth.gb_per_s,
            self.used.threads,
            self.read_bandwidth.one_thread_gb_per_s
        ));
        for isa in &self.isas {
            let rate = match (isa.gflops, isa.gflops_one_thread) {
                (Some(all), Some(one)) => format!(
                    "{all:.0} GFLOP/s of products with {} threads, {one:.0} with one",
                    self.used.threads
                ),
                _ => "not in this processor".to_owned(),
            };
            text.push_str(&format!("{:<12} {rate}\n", isa.isa));
        }
        let used = &self.used;
        let threads = used.threads;
        text.push_str(&format!("used         {}, {threads} threads: {}\n", used.isa, used.why));
        for remark in &self.remarks {
            text.push_str(&format!("remark       {remark}\n"));
        }
        text
    }
}
