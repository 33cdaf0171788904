//! `ponder train publish`: a trained model in the number format that it is to be shared in.

use std::path::PathBuf;

use clap::ValueEnum;
use ponder_train::parameters::Parameters;
use ponder_train::publish::{Precision, publish_as};

use super::stage;

/// Which model, and how.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Where it is written.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How its matrices are stored.
    #[arg(long, value_name = "FORMAT", default_value = "bf16")]
    format: Format,
}

/// What `--format` can be.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// BF16.
    Bf16,
    /// FP8 e4m3 with a scale for each block of 128×128; what R1 keeps in BF16 stays so.
    Fp8,
}

/// Writes the model.
pub fn run(args: &Args, desk: &stage::Desk) -> anyhow::Result<()> {
    let precision = match args.format {
        Format::Bf16 => Precision::Bf16,
        Format::Fp8 => Precision::Fp8,
    };
    stage::copy_tokenizer(&args.model, &args.out)?;
    publish_as(&Parameters::load(&args.model)?, precision, &args.out)?;
    desk.terminal.note(&format!("the model is in {}", args.out.display()));
    Ok(())
}
