//! `ponder ask`: one question, one answer.

use std::io::{Read, Write};

use ponder_engine::TokenEvent;
use ponder_text::extract_boxed;
use ponder_text::{ChatInput, ChatTemplate, ControlTokens, TextError, Tokenizer, encode_chat};
use serde_json::{Value, json};

use crate::backend::BackendArgs;
use crate::checkpoint::{ModelArgs, Opened};
use crate::exit::{Interrupted, usage};
use crate::generation::GenerationArgs;
use crate::interrupt::Interrupt;
use crate::screen::Screen;
use crate::session::{Finish, Outcome, Session, Task, check_context, engine};
use crate::terminal::Terminal;

/// Flags of `ponder ask`.
#[derive(clap::Args)]
pub struct Args {
    /// The question; `-`, or nothing, reads it from standard input.
    text: Option<String>,
    #[command(flatten)]
    model: ModelArgs,
    /// Continue the text as it stands, without a chat template: for base models.
    #[arg(long)]
    raw: bool,
    /// A system prompt. R1 is meant to be used without one.
    #[arg(long, value_name = "TEXT", conflicts_with = "raw")]
    system: Option<String>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
    /// With --json: ids and log-probabilities of the written tokens, with the K best beside each.
    #[arg(long, value_name = "K", requires = "json")]
    logprobs: Option<usize>,
    #[command(flatten)]
    generation: GenerationArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Runs `ponder ask`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let opened = args.model.open()?;
    let tokenizer = opened.tokenizer()?;
    let prompt = prompt(args, &opened, &tokenizer, terminal)?;
    let context = opened.config.max_position_embeddings;
    check_context(prompt.len(), context)?;
    // What can be refused without the weights is refused before they are read.
    if args.raw && args.generation.think_budget.is_some() {
        let hint = "leave one of them out: raw text has no thinking apart from it";
        return Err(usage("`--think-budget` and `--raw` are both given", hint));
    }
    if !args.raw {
        args.generation.thinking(&tokenizer, &prompt, context)?;
    }
    let ops = args.backend.open(false)?;
    let interrupt = Interrupt::install(true)?;
    let (model, load_s) = opened.load(terminal)?;
    let n_positions = prompt.len() + args.generation.max_tokens(prompt.len(), context);
    let n_sampleable = tokenizer.vocab_size();
    let engine = engine(&model, ops.as_ref(), &args.backend, n_positions, n_sampleable)?;
    let mut session = Session { opened: &opened, tokenizer: &tokenizer, engine };
    let task =
        Task { prompt, is_raw: args.raw, args: &args.generation, context, logprobs: args.logprobs };
    let mut screen = Screen::new(terminal, args.raw);
    let outcome = session.generate(task, &interrupt, |part, text| {
        if args.json { Ok(()) } else { screen.show(part, text) }
    })?;
    screen.finish()?;
    if args.json {
        writeln!(std::io::stdout(), "{}", report(args, &outcome, &tokenizer, load_s)?)?;
    } else {
        terminal.note(&summary(&outcome));
    }
    if outcome.finish == Finish::Interrupted { Err(Interrupted.into()) } else { Ok(()) }
}

fn prompt(
    args: &Args,
    opened: &Opened,
    tokenizer: &Tokenizer,
    terminal: &Terminal,
) -> anyhow::Result<Vec<u32>> {
    let missing = || usage("no question was given", "`ponder ask \"why is the sky blue?\"`");
    let text = match args.text.as_deref() {
        None if terminal.stdin => return Err(missing()),
        None | Some("-") => read_stdin()?,
        Some(text) => text.to_owned(),
    };
    if args.raw {
        let mut ids: Vec<u32> = tokenizer.bos_prefix().into_iter().collect();
        ids.extend(tokenizer.encode(&text, ControlTokens::Plain)?);
        if ids.is_empty() {
            return Err(usage(
                "there is nothing to continue: the text is empty and the model has no BOS",
                "give some text",
            ));
        }
        return Ok(ids);
    }
    if text.trim().is_empty() {
        return Err(missing());
    }
    let system = args.system.iter().map(|text| json!({"role": "system", "content": text}));
    let messages = system.chain([json!({"role": "user", "content": text})]).collect();
    let template = opened.needed_template()?;
    Ok(encode_messages(tokenizer, &template, messages)?)
}

fn read_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|e| usage(format!("standard input: {e}"), "the question must be UTF-8 text"))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// A conversation up to where the assistant begins to write.
pub fn encode_messages(
    tokenizer: &Tokenizer,
    template: &ChatTemplate,
    messages: Vec<Value>,
) -> Result<Vec<u32>, TextError> {
    let input = ChatInput {
        messages: messages.into(),
        add_generation_prompt: true,
        ..ChatInput::default()
    };
    encode_chat(tokenizer, template, &input)
}

fn report(
    args: &Args,
    outcome: &Outcome,
    tokenizer: &Tokenizer,
    load_s: f64,
) -> Result<Value, TextError> {
    let (reasoning, answer) = match args.raw {
        true => (outcome.reasoning.as_str(), outcome.answer.as_str()),
        false => (outcome.reasoning.trim(), outcome.answer.trim()),
    };
    let mut report = json!({
        "reasoning": reasoning,
        "answer": answer,
        "boxed": extract_boxed(answer),
        "finish_reason": outcome.finish.name(),
        "usage": {
            "prompt_tokens": outcome.prompt_tokens,
            "reasoning_tokens": outcome.reasoning_tokens,
            "completion_tokens": outcome.tokens.len(),
        },
        "timing": {
            "load_s": load_s,
            "prefill_s": outcome.prefill_s,
            "decode_s": outcome.decode_s,
        },
        "seed": outcome.seed,
    });
    if args.logprobs.is_some() {
        let tokens = outcome.tokens.iter().map(|token| token_json(token, tokenizer));
        report["tokens"] = tokens.collect::<Result<Vec<_>, _>>()?.into();
    }
    Ok(report)
}

fn token_json(token: &TokenEvent, tokenizer: &Tokenizer) -> Result<Value, TextError> {
    let top: Vec<Value> =
        token.top.iter().map(|top| json!({"id": top.id, "logprob": top.logprob})).collect();
    Ok(json!({
        "id": token.id,
        "text": tokenizer.decode(&[token.id])?,
        "logprob": token.logprob,
        "top": top,
    }))
}

/// One line about what it took.
pub fn summary(outcome: &Outcome) -> String {
    let n_tokens = outcome.tokens.len();
    let mut line = format!("{n_tokens} tokens");
    if outcome.reasoning_tokens > 0 {
        line.push_str(&format!(", {} of them thinking", outcome.reasoning_tokens));
    }
    if n_tokens > 1 && outcome.decode_s > 0.0 {
        let rate = (n_tokens - 1) as f64 / outcome.decode_s;
        line.push_str(&format!(", {rate:.1} tok/s"));
    }
    let reused = match outcome.cached_tokens {
        0 => String::new(),
        n => format!(" ({n} of them reused)"),
    };
    let (prompt, seconds) = (outcome.prompt_tokens, outcome.prefill_s);
    line.push_str(&format!("; prompt of {prompt}{reused} read in {seconds:.2} s"));
    match outcome.finish {
        Finish::Stop => line,
        Finish::Length => line + "; the limit of tokens was reached",
        Finish::Interrupted => line + "; interrupted",
    }
}
