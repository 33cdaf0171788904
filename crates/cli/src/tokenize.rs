//! `ponder tokenize`: text to ids and back.

use std::io::{BufWriter, Write};

use ponder_text::{ControlTokens, tokenize_lines};
use serde_json::json;

use crate::checkpoint::ModelArgs;
use crate::exit::usage;

/// Flags of `ponder tokenize`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Text to encode.
    #[arg(conflicts_with = "jsonl")]
    text: Option<String>,
    /// Token ids to decode, as 0,5,7.
    #[arg(long, value_name = "IDS", value_delimiter = ',', conflicts_with_all = ["text", "jsonl"])]
    ids: Vec<u32>,
    /// Read JSON Lines {"text"} or {"ids"} from standard input, write {"ids","text"}.
    #[arg(long)]
    jsonl: bool,
    /// Take control tokens that are spelled out in the text for control tokens.
    #[arg(long)]
    parse_special: bool,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `ponder tokenize`.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let tokenizer = args.model.tokenizer()?;
    let control = if args.parse_special { ControlTokens::Parse } else { ControlTokens::Plain };
    let mut out = BufWriter::new(std::io::stdout().lock());
    if args.jsonl {
        tokenize_lines(&tokenizer, std::io::stdin().lock(), &mut out, control)?;
        return Ok(());
    }
    let ids = match &args.text {
        Some(text) => tokenizer.encode(text, control)?,
        None if !args.ids.is_empty() => args.ids.clone(),
        None => {
            let hint = "give a text, --ids, or --jsonl to read JSON Lines from standard input";
            return Err(usage("there is nothing to tokenize", hint));
        }
    };
    let text = tokenizer.decode(&ids)?;
    if args.json {
        writeln!(out, "{}", json!({"ids": ids, "text": text}))?;
    } else if args.text.is_some() {
        for id in ids {
            writeln!(out, "{id:>8}  {:?}", tokenizer.decode(&[id])?)?;
        }
    } else {
        writeln!(out, "{text}")?;
    }
    out.flush()?;
    Ok(())
}
