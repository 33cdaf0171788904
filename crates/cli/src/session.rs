//! A loaded model with its tokenizer, generating one text at a time.

use std::ops::ControlFlow;
use std::time::Instant;

use ponder_engine::{
    Engine, EngineError, EngineOptions, Event, FinishReason, Refusal, Request, Runner, Stop,
    TokenEvent,
};
use ponder_kernels::{Ops, PAGE_TOKENS};
use ponder_model::Model;
use ponder_text::{OutputText, Part, Tokenizer};

use crate::backend::BackendArgs;
use crate::checkpoint::Opened;
use crate::generation::GenerationArgs;
use crate::interrupt::Interrupt;

/// Memory for logits of prompts that are scored.
const LOGITS_BYTES: usize = 64 << 20;

/// The engine for one request at a time. `n_positions` bounds prompt and completion together.
pub fn engine<'m>(
    model: &'m Model,
    ops: &'m dyn Ops,
    backend: &BackendArgs,
    n_positions: usize,
    n_sampleable: usize,
) -> Result<Engine<Runner<'m>>, EngineError> {
    let vocab_size = model.config().vocab_size;
    let options = EngineOptions {
        max_sequences: 1,
        max_queue: 1,
        max_batch_tokens: backend.chunk,
        prefill_tokens_beside_decodes: backend.chunk,
        max_logit_rows: (LOGITS_BYTES / (vocab_size * size_of::<f32>())).clamp(1, backend.chunk),
        n_sampleable,
    };
    Engine::new(Runner::new(model, ops, n_positions.div_ceil(PAGE_TOKENS)), options)
}

/// What generates, and for whom.
pub struct Session<'m> {
    /// The checkpoint.
    pub opened: &'m Opened,
    /// Its tokenizer.
    pub tokenizer: &'m Tokenizer,
    /// The engine.
    pub engine: Engine<Runner<'m>>,
}

/// One text to generate.
pub struct Task<'a> {
    /// Token ids to continue.
    pub prompt: Vec<u32>,
    /// Whether they are plain text, which has no thinking.
    pub is_raw: bool,
    /// How to go on.
    pub args: &'a GenerationArgs,
    /// Positions that prompt and completion may take.
    pub context: usize,
    /// Log-probabilities of every token, with this many candidates.
    pub logprobs: Option<usize>,
}

/// What was generated.
pub struct Outcome {
    /// The thinking, as written.
    pub reasoning: String,
    /// The answer, as written.
    pub answer: String,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Those that were computed for an earlier prompt.
    pub cached_tokens: usize,
    /// Tokens of thinking.
    pub reasoning_tokens: usize,
    /// All tokens generated.
    pub tokens: Vec<TokenEvent>,
    /// The seed that repeats it.
    pub seed: u64,
    /// Seconds until the prompt was read.
    pub prefill_s: f64,
    /// Seconds of writing.
    pub decode_s: f64,
}

/// Why a text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, or a stop string did.
    Stop,
    /// `--max-tokens`, or the context, was reached.
    Length,
    /// The user pressed Ctrl-C.
    Interrupted,
}

impl Finish {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Finish::Stop => "stop",
            Finish::Length => "length",
            Finish::Interrupted => "interrupted",
        }
    }
}

/// Refuses a prompt that leaves no room in the context: before weights are loaded for it.
pub fn check_context(n_prompt: usize, context: usize) -> Result<(), EngineError> {
    let total = n_prompt + 1;
    if total <= context {
        return Ok(());
    }
    let refusal = Refusal::ContextExceeded { context, total, prompt: n_prompt, max_tokens: 1 };
    Err(refusal.into())
}

impl Session<'_> {
    /// Generates; `new_text` sees it as it comes, and an error of its breaks off.
    pub fn generate(
        &mut self,
        task: Task<'_>,
        interrupt: &Interrupt,
        mut new_text: impl FnMut(Part, &str) -> std::io::Result<()>,
    ) -> anyhow::Result<Outcome> {
        let request = self.request(&task)?;
        let seed = request.sampling.seed;
        let stop_ids = request.stop.ids.clone();
        let mut text = OutputText::new(self.tokenizer, &task.prompt, task.is_raw, &task.args.stop);
        let (mut reasoning, mut answer) = (String::new(), String::new());
        let mut failed: Option<anyhow::Error> = None;
        let mut written = Ok(());
        let mut show = |part, text: &str| {
            match part {
                Part::Thinking => reasoning.push_str(text),
                Part::Answer => answer.push_str(text),
            }
            if written.is_ok() {
                written = new_text(part, text);
            }
            written.is_ok()
        };
        let start = Instant::now();
        let mut prefilled = None;
        interrupt.watch();
        let generation = self.engine.generate(request, |event| {
            let mut goes_on = !interrupt.is_stopped();
            match event {
                Event::Prefilled { .. } => prefilled = Some(Instant::now()),
                Event::Token { token, .. } if !stop_ids.contains(&token.id) => {
                    let pushed = text.push(self.tokenizer, token.id, &mut |part, text| {
                        goes_on &= show(part, text);
                    });
                    if let Err(error) = pushed {
                        failed = Some(error.into());
                    }
                    goes_on &= failed.is_none() && text.stopped_by().is_none();
                }
                _ => {}
            }
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let is_interrupted = interrupt.unwatch();
        text.finish(&mut |part, text| {
            show(part, text);
        });
        let generation = generation?;
        failed.map_or(Ok(()), Err)?;
        written?;
        let end = Instant::now();
        let prefilled = prefilled.unwrap_or(end);
        Ok(Outcome {
            finish: match generation.reason {
                _ if text.stopped_by().is_some() => Finish::Stop,
                FinishReason::Cancelled if is_interrupted => Finish::Interrupted,
                FinishReason::Length => Finish::Length,
                _ => Finish::Stop,
            },
            reasoning,
            answer,
            prompt_tokens: generation.usage.prompt_tokens,
            cached_tokens: generation.usage.cached_tokens,
            reasoning_tokens: text.reasoning_tokens(),
            tokens: generation.tokens,
            seed,
            prefill_s: (prefilled - start).as_secs_f64(),
            decode_s: (end - prefilled).as_secs_f64(),
        })
    }

    fn request(&self, task: &Task<'_>) -> anyhow::Result<Request> {
        let max_tokens = task.args.max_tokens(task.prompt.len(), task.context);
        let sampling = task.args.sampling(&self.opened.generation);
        let ids = self.opened.stop_ids(Some(self.tokenizer));
        let stop = Stop { ids, ..Stop::default() };
        let mut request = Request::generate(task.prompt.clone(), max_tokens, sampling, stop);
        request.logprobs = task.logprobs;
        if !task.is_raw {
            request.thinking = task.args.thinking(self.tokenizer, &task.prompt, max_tokens)?;
        }
        Ok(request)
    }
}
