//! `ponder template`: a conversation as the model is given it.

use std::io::Write;
use std::path::PathBuf;

use ponder_text::{ChatInput, ChatTemplate};
use serde_json::Value;

use crate::checkpoint::ModelArgs;
use crate::exit::usage;

/// Flags of `ponder template`. The conversation comes on standard input.
#[derive(clap::Args)]
#[command(after_help = "Standard input: {\"messages\": [{\"role\", \"content\"}], \"tools\"?, \
                        \"add_generation_prompt\"?}. Standard output: the rendered text, byte for byte.")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Use this template instead of the model's.
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
}

/// Runs `ponder template`.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let template = match &args.template {
        Some(path) => {
            let source = std::fs::read_to_string(path).map_err(|e| {
                usage(format!("{}: {e}", path.display()), "`--template` takes a Jinja file")
            })?;
            let [bos, eos] = special_tokens(&args.model)?;
            ChatTemplate::from_source(&source, &bos, &eos)?
        }
        None => args.model.template()?,
    };
    let value: Value = serde_json::from_reader(std::io::stdin().lock()).map_err(|e| {
        let hint = r#"expected {"messages": [{"role": "user", "content": "…"}]}"#;
        usage(format!("standard input: {e}"), hint)
    })?;
    let text = template.render(&ChatInput::from_json(value)?)?;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// What `bos_token` and `eos_token` print in a template of its own; nothing without a model.
fn special_tokens(model: &ModelArgs) -> anyhow::Result<[String; 2]> {
    if model.model.is_none() {
        return Ok([String::new(), String::new()]);
    }
    let tokenizer = model.tokenizer()?;
    let text = |id: Option<u32>| match id {
        Some(id) => tokenizer.decode(&[id]),
        None => Ok(String::new()),
    };
    Ok([text(tokenizer.bos_id())?, text(tokenizer.eos_id())?])
}
