//! `POST /v1/completions`: raw text or token ids continued, with `echo` and `logprobs` as
//! lm-evaluation-harness reads them.

mod scores;

use std::sync::Arc;

use ponder_text::ControlTokens;
use serde_json::{Value, json};

use crate::collected::{Collected, total_usage};
use crate::dialect::openai_chat::usage;
use crate::dialect::{asked, formats};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::generate::Generate;
use crate::http::sse::{Sse, StreamWriter};
use crate::options::Limits;
use crate::output::{Delta, Finish, Output, TokenLog};
use crate::served::Served;
use scores::Scores;

/// What OpenAI writes when a request names no limit.
const MAX_TOKENS: usize = 16;
/// Candidates beside each token.
const MAX_LOGPROBS: u64 = 20;

/// A completion to run.
pub struct Completions {
    /// What to generate.
    pub asked: Generate,
    /// How to answer.
    pub style: Style,
    /// Whether to stream.
    pub is_stream: bool,
}

/// How a completion is written.
pub struct Style {
    id: String,
    created_s: u64,
    model: String,
    n: usize,
    /// The text of each prompt, where it is part of the answer.
    echo: Option<Vec<String>>,
    /// The prompts' first tokens, which nothing precedes that could predict them.
    firsts: Vec<u32>,
    has_logprobs: bool,
    has_usage_chunk: bool,
}

/// Fields that do not change an answer here.
const WITHOUT_EFFECT: [&str; 5] =
    ["user", "metadata", "prompt_cache_key", "safety_identifier", "service_tier"];

impl Completions {
    /// Reads a request.
    pub fn read(
        mut fields: Fields,
        served: &Served,
        limits: &Limits,
    ) -> Result<Completions, ApiError> {
        let prompts = prompts(&mut fields, served, limits.prompts)?;
        let n = fields.integer("n", 1..=limits.n as u64)?.unwrap_or(1) as usize;
        if let Some(best_of) = fields.integer("best_of", 1..=limits.n as u64)?
            && best_of != n as u64
        {
            return Err(fields.wrong("best_of", "the same number as `n`"));
        }
        let echo = fields.boolean("echo")?.unwrap_or(false);
        let max_tokens = fields.integer("max_tokens", 0..=asked::MAX_TOKENS)?;
        let max_tokens = max_tokens.map_or(MAX_TOKENS, |tokens| tokens as usize);
        if max_tokens == 0 && !echo {
            return Err(fields.wrong("max_tokens", "at least 1, unless `echo` is true"));
        }
        let logprobs = fields.integer("logprobs", 0..=MAX_LOGPROBS)?.map(|k| k as usize);
        let sampling = asked::sampling(&mut fields, served)?;
        let stop = asked::stop(&mut fields)?;
        let is_stream = fields.boolean("stream")?.unwrap_or(false);
        let has_usage_chunk = match fields.object("stream_options")? {
            None => false,
            Some(mut options) => {
                let include = options.boolean("include_usage")?.unwrap_or(false);
                options.only("continuous_usage_stats", &[json!(false)])?;
                options.finish()?;
                include
            }
        };
        let format = formats::read(&mut fields)?;
        fields.only("suffix", &[json!("")])?;
        fields.without_effect(&WITHOUT_EFFECT);
        fields.finish()?;
        let mut asked = Generate::new(Vec::new());
        asked.is_raw = true;
        asked.n = n;
        asked.max_tokens = Some(max_tokens);
        (asked.sampling, asked.stop, asked.logprobs) = (sampling, stop, logprobs);
        asked.format = format;
        // Without tokens to generate there is nothing else to ask the engine for.
        let scores = echo && (logprobs.is_some() || max_tokens == 0);
        asked.prompt_logprobs = scores.then_some(logprobs.unwrap_or(0));
        let style = Style {
            id: crate::app::fresh_id("cmpl-"),
            created_s: crate::app::unix_s(),
            model: served.name.clone(),
            n,
            echo: echo.then(|| prompts.iter().map(|prompt| prompt.text.clone()).collect()),
            firsts: prompts.iter().map(|prompt| prompt.ids[0]).collect(),
            has_logprobs: logprobs.is_some(),
            has_usage_chunk,
        };
        asked.prompts = prompts.into_iter().map(|prompt| prompt.ids).collect();
        Ok(Completions { asked, style, is_stream })
    }
}

struct Prompt {
    ids: Vec<u32>,
    /// Its text for `echo`.
    text: String,
}

/// `prompt`: a string, a list of strings, token ids, or a list of lists of token ids.
fn prompts(fields: &mut Fields, served: &Served, max: usize) -> Result<Vec<Prompt>, ApiError> {
    let adds_bos = fields.boolean("add_special_tokens")?.unwrap_or(true);
    let control = match fields.boolean("parse_special")?.unwrap_or(false) {
        true => ControlTokens::Parse,
        false => ControlTokens::Plain,
    };
    let value = fields.value("prompt");
    let value = fields.required("prompt", value)?;
    let items = match value {
        Value::Array(items) if items.iter().all(|item| !item.is_number()) => items,
        one => vec![one],
    };
    if items.is_empty() || items.len() > max {
        return Err(fields.wrong("prompt", &format!("1 to {max} prompts")));
    }
    let mut prompts = Vec::with_capacity(items.len());
    for item in items {
        let prompt = match item {
            Value::String(text) => {
                let bos = served.tokenizer.bos_prefix().filter(|_| adds_bos);
                let mut ids: Vec<u32> = bos.into_iter().collect();
                ids.extend(served.tokenizer.encode(&text, control)?);
                Prompt { ids, text }
            }
            Value::Array(ids) => {
                let id = |id: &Value| id.as_u64().and_then(|id| u32::try_from(id).ok());
                let ids: Option<Vec<u32>> = ids.iter().map(id).collect();
                let ids = ids.ok_or_else(|| fields.wrong("prompt", "text or token ids"))?;
                Prompt { text: served.tokenizer.decode(&ids)?, ids }
            }
            _ => return Err(fields.wrong("prompt", "text or token ids")),
        };
        if prompt.ids.is_empty() {
            return Err(fields.wrong("prompt", "at least one token: there is nothing to continue"));
        }
        prompts.push(prompt);
    }
    Ok(prompts)
}

fn finish_reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopText(_) => "stop",
        _ => "length",
    }
}

impl Style {
    fn frame(&self, choices: Vec<Value>) -> Value {
        json!({
            "id": self.id,
            "object": "text_completion",
            "created": self.created_s,
            "model": self.model,
            "choices": choices,
        })
    }

    fn echo(&self, choice: usize) -> &str {
        self.echo.as_ref().map_or("", |texts| texts[choice / self.n].as_str())
    }

    /// The prompt's first token, where the prompt is scored.
    fn first(&self, choice: usize) -> TokenLog {
        let id = self.firsts[choice / self.n];
        TokenLog { id, logprob: None, top: Vec::new(), experts: Vec::new() }
    }

    /// The whole answer.
    pub fn answer(&self, choices: &[Collected], served: &Served) -> Value {
        let ends = choices.iter().filter_map(|choice| choice.end.as_ref().map(|(_, usage)| usage));
        let total = total_usage(ends, self.n);
        let choices = choices.iter().enumerate().map(|(index, choice)| {
            let logprobs = self.has_logprobs.then(|| {
                let mut scores = Scores::new(0);
                if self.echo.is_some() {
                    scores.push(&self.first(index), served);
                    choice.prompt.iter().for_each(|token| scores.push(token, served));
                }
                choice.text.tokens.iter().for_each(|token| scores.push(token, served));
                scores.into_json().0
            });
            json!({
                "text": format!("{}{}", self.echo(index), choice.text.text),
                "index": index,
                "logprobs": logprobs,
                "finish_reason": finish_reason(choice.finish()),
            })
        });
        let mut answer = self.frame(choices.collect());
        answer["usage"] = usage(&total);
        answer
    }
}

/// Writes a completion as a stream of chunks.
pub struct CompletionsWriter {
    style: Style,
    served: Arc<Served>,
    /// Tokens of each prompt that were scored and not yet written.
    prompts: Vec<Vec<TokenLog>>,
    has_begun: Vec<bool>,
    /// Where the next token's text begins in each choice.
    offsets: Vec<usize>,
    ends: Vec<Option<ponder_engine::Usage>>,
}

impl CompletionsWriter {
    /// For the choices of one request.
    pub fn new(style: Style, served: Arc<Served>) -> CompletionsWriter {
        let n_choices = style.firsts.len() * style.n;
        CompletionsWriter {
            prompts: (0..n_choices).map(|choice| vec![style.first(choice)]).collect(),
            has_begun: vec![false; n_choices],
            offsets: vec![0; n_choices],
            ends: vec![None; n_choices],
            style,
            served,
        }
    }

    /// A chunk; a choice's first one brings the echoed prompt.
    fn chunk(&mut self, choice: usize, delta: Delta, reason: Option<&str>) -> Value {
        let mut text = delta.text;
        let mut tokens = delta.tokens;
        if !std::mem::replace(&mut self.has_begun[choice], true) && self.style.echo.is_some() {
            text.insert_str(0, self.style.echo(choice));
            tokens.splice(0..0, std::mem::take(&mut self.prompts[choice]));
        }
        let logprobs = (self.style.has_logprobs && !tokens.is_empty()).then(|| {
            let mut scores = Scores::new(self.offsets[choice]);
            tokens.iter().for_each(|token| scores.push(token, &self.served));
            let (value, offset) = scores.into_json();
            self.offsets[choice] = offset;
            value
        });
        self.style.frame(vec![json!({
            "text": text, "index": choice, "logprobs": logprobs, "finish_reason": reason,
        })])
    }

    fn total(&self) -> ponder_engine::Usage {
        total_usage(self.ends.iter().flatten(), self.style.n)
    }
}

impl StreamWriter for CompletionsWriter {
    fn start(&mut self, _: &mut Sse) {}

    fn output(&mut self, choice: usize, output: Output, sse: &mut Sse) {
        match output {
            Output::Prompt(token) => self.prompts[choice].push(token),
            Output::Reasoning(delta) | Output::Text(delta) => {
                let chunk = self.chunk(choice, delta, None);
                sse.data(&chunk);
            }
            Output::CallBegin { .. } | Output::CallArguments { .. } => {}
            Output::Finished { finish, usage: counts } => {
                self.ends[choice] = Some(counts);
                if let Some(error) = finish.error() {
                    sse.data(&error.openai());
                }
                let reason = finish_reason(&finish);
                let mut chunk = self.chunk(choice, Delta::default(), Some(reason));
                if !self.style.has_usage_chunk && self.ends.iter().all(Option::is_some) {
                    chunk["usage"] = usage(&self.total());
                }
                sse.data(&chunk);
            }
        }
    }

    fn end(&mut self, sse: &mut Sse) {
        if self.style.has_usage_chunk {
            let mut chunk = self.style.frame(Vec::new());
            chunk["usage"] = usage(&self.total());
            sse.data(&chunk);
        }
        sse.done();
    }

    fn error(&mut self, error: &ApiError, sse: &mut Sse) {
        sse.data(&error.openai());
        sse.done();
    }
}
