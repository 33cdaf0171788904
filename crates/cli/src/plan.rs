//! `ponder plan`: will a model fit, and how fast can it be.

use std::path::Path;

use ponder_kernels::cpu::Isa;
use ponder_model::config::Config;
use ponder_model::count::WeightFormat;
use ponder_model::known::known_config;
use ponder_model::plan::{Machine as Speeds, PlanRequest, plan};

use crate::backend::at_least_one;
use crate::exit::usage;
use crate::limits;
use crate::machine::Machine;
use crate::terminal::Terminal;

/// Of a machine's memory, what weights and cache may take; the rest is for the system, for
/// activations and for the file cache.
const USABLE_SHARE: f64 = 0.9;

/// Flags of `ponder plan`.
#[derive(clap::Args)]
#[command(
    after_help = "Without --memory, --bandwidth and --rate the plan is for this machine, whose \
                        bandwidth and rate are measured. With any of them it is for the machine they describe."
)]
pub struct Args {
    /// Name of a known model (deepseek-r1), a config.json, or a checkpoint's folder.
    #[arg(value_name = "MODEL")]
    model: String,
    /// Memory of the machine, as 768GB or 24GiB.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
    /// The share of it that weights and cache may take.
    #[arg(long, value_name = "SHARE", default_value_t = USABLE_SHARE, value_parser = share)]
    usable: f64,
    /// What all cores together read from memory, in GB/s.
    #[arg(long, value_name = "GB/S", value_parser = positive)]
    bandwidth: Option<f64>,
    /// What the machine multiplies, in TFLOP/s of bf16.
    #[arg(long, value_name = "TFLOP/S", value_parser = positive)]
    rate: Option<f64>,
    /// Tokens a sequence holds.
    #[arg(long, value_name = "N", default_value_t = 4096)]
    context: usize,
    /// Sequences decoded together.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    streams: usize,
    /// Tokens of the prompt whose speed is predicted.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = at_least_one)]
    prompt: usize,
    /// One number format only: f32, bf16, fp8, four_bit_experts, four_bit.
    #[arg(long, value_name = "NAME", value_parser = format)]
    format: Option<WeightFormat>,
    /// Count the multi-token-prediction layers, too.
    #[arg(long)]
    mtp: bool,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `ponder plan`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let config = any_config(&args.model)?;
    let is_this_machine = args.memory.is_none() && args.bandwidth.is_none() && args.rate.is_none();
    let (memory_bytes, machine) = if is_this_machine {
        this_machine(terminal)
    } else {
        let speeds = Speeds {
            read_bytes_per_s: args.bandwidth.map(|gigabytes| gigabytes * 1e9),
            flops_per_s: args.rate.map(|teraflops| teraflops * 1e12),
        };
        (args.memory, speeds)
    };
    let report = plan(
        &config,
        &PlanRequest {
            memory_bytes,
            usable_share: args.usable,
            context: args.context,
            streams: args.streams,
            prompt: args.prompt,
            machine,
            format: args.format,
            with_mtp: args.mtp,
        },
    );
    crate::inspect::print(args.json, &report, || {
        let text = report.render();
        if is_this_machine { format!("{}{text}", measured(&report.machine)) } else { text }
    })
}

/// What was measured, for people.
fn measured(speeds: &Speeds) -> String {
    let scaled = |value: Option<f64>, scale: f64, unit: &str| match value {
        Some(value) => format!("{:.1} {unit}", value / scale),
        None => format!("unknown {unit}"),
    };
    format!(
        "This machine, as measured now\n  reads     {}\n  products  {}\n\n",
        scaled(speeds.read_bytes_per_s, 1e9, "GB/s"),
        scaled(speeds.flops_per_s, 1e9, "GFLOP/s")
    )
}

/// The config of a known model, a file, a folder or a pulled model.
pub fn any_config(model: &str) -> anyhow::Result<Config> {
    let path = Path::new(model);
    if path.is_dir() {
        return Ok(Config::from_dir(path)?);
    }
    if path.is_file() {
        let text = std::fs::read_to_string(path)
            .map_err(|e| usage(format!("{model}: {e}"), "give a config.json or its folder"))?;
        return Ok(Config::from_json(&text, path)?);
    }
    match crate::hub::pulled(model) {
        Some(folder) => Ok(Config::from_dir(&folder)?),
        None => Ok(known_config(model)?),
    }
}

/// Memory of this machine, and its speeds as measured just now.
fn this_machine(terminal: &Terminal) -> (Option<u64>, Speeds) {
    terminal.note("measuring this machine …");
    let machine = Machine::detect();
    let speeds = Speeds {
        read_bytes_per_s: Some(limits::read_bandwidth(machine.cores) * 1e9),
        flops_per_s: Isa::available()
            .last()
            .and_then(|isa| limits::product_rate(*isa, machine.cores))
            .map(|gigaflops| gigaflops * 1e9),
    };
    (machine.usable_memory_bytes(), speeds)
}

/// `768GB`, `24 GiB`, or a number of bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "mb" => 1e6,
        "gb" | "g" => 1e9,
        "tb" | "t" => 1e12,
        "mib" => f64::from(1 << 20),
        "gib" => f64::from(1 << 30),
        "tib" => (1u64 << 40) as f64,
        _ => return Err("is no size: write 768GB or 24GiB".into()),
    };
    let number: f64 = number.parse().map_err(|_| "is no size: write 768GB or 24GiB")?;
    let bytes = number * factor;
    if (1.0..1e18).contains(&bytes) { Ok(bytes as u64) } else { Err("is out of range".into()) }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("must be a number above 0".into()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err("must be a number above 0, at most 1".into()),
    }
}

fn format(text: &str) -> Result<WeightFormat, String> {
    WeightFormat::from_name(text)
        .ok_or_else(|| "is none of f32, bf16, fp8, four_bit_experts, four_bit".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let cases = [
            ("768GB", Ok(768_000_000_000)),
            ("24 GiB", Ok(24 << 30)),
            ("1.5tb", Ok(1_500_000_000_000)),
            ("100", Ok(100)),
        ];
        for (text, want) in cases {
            assert_eq!(bytes(text), want, "{text}");
        }
        for bad in ["", "GB", "12 parsecs", "-1GB", "0", "1e30"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
