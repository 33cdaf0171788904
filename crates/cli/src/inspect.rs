//! `ponder inspect`: what is in a checkpoint, or in a model known by name.

use std::io::Write;
use std::path::Path;

use ponder_model::inspect::InspectReport;
use serde::Serialize;

use crate::hub;

/// Flags of `ponder inspect`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of a checkpoint, OWNER/NAME of a pulled one, a config.json, or the name of a known
    /// model (deepseek-r1).
    #[arg(value_name = "MODEL")]
    model: String,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `ponder inspect`.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let report = match hub::pulled(&args.model).filter(|_| !Path::new(&args.model).exists()) {
        Some(folder) => {
            let report = InspectReport::of(&folder.to_string_lossy())?;
            InspectReport { model: args.model.clone(), ..report }
        }
        None => InspectReport::of(&args.model)?,
    };
    print(args.json, &report, || report.render())
}

/// Writes a report: as one line of JSON, or as text.
pub fn print<T: Serialize>(
    as_json: bool,
    report: &T,
    render: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        serde_json::to_writer(&mut out, report)?;
        writeln!(out)?;
    } else {
        out.write_all(render().as_bytes())?;
    }
    out.flush()?;
    Ok(())
}
