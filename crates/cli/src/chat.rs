//! `ponder chat`: a conversation in the terminal.

mod input;
mod remote;

use ponder_engine::EngineError;
use ponder_text::ChatTemplate;
use serde_json::{Value, json};

use crate::ask::{encode_messages, summary};
use crate::backend::{BackendArgs, at_least_one};
use crate::checkpoint::ModelArgs;
use crate::exit::{Usage, usage};
use crate::generation::GenerationArgs;
use crate::interrupt::Interrupt;
use crate::screen::Screen;
use crate::session::{Finish, Session, Task, check_context, engine};
use crate::terminal::Terminal;
use input::{Input, Line};
use remote::Endpoint;

/// Tokens of a conversation unless asked otherwise: R1's answers run to 32,768.
const CONTEXT: usize = 65_536;

const HELP: &str = "\
/reset         forget the conversation
/system TEXT   set the system prompt and start anew; without TEXT, remove it
/help          this list
/quit          leave; Ctrl-D does, too

A line that ends in \\ goes on in the next one, and a text between two lines of \"\"\" may have
any number. Ctrl-C stops the answer, not the program.";

/// Flags of `ponder chat`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Talk with a model on a server that speaks OpenAI's API, such as http://127.0.0.1:8000/v1.
    #[arg(long, value_name = "URL", conflicts_with = "model")]
    endpoint: Option<String>,
    /// The model's id there [default: the server's first one].
    #[arg(long, value_name = "NAME", requires = "endpoint")]
    endpoint_model: Option<String>,
    /// A system prompt. R1 is meant to be used without one.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// Tokens the conversation may take [default: 65536, or what the model accepts].
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    context: Option<usize>,
    #[command(flatten)]
    generation: GenerationArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Runs `ponder chat`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let messages = system_message(args.system.as_deref());
    if let Some(url) = &args.endpoint {
        let endpoint = Endpoint::open(url, args.endpoint_model.as_deref())?;
        terminal.note(&format!("talking with {} at {url}", endpoint.model()));
        let interrupt = Interrupt::install(false)?;
        let source = Source::Remote(endpoint);
        return Chat { args, terminal, source, interrupt, messages }.run();
    }
    let opened = args.model.open()?;
    let tokenizer = opened.tokenizer()?;
    let template = opened.needed_template()?;
    let accepted = opened.config.max_position_embeddings;
    let context = match args.context {
        Some(asked) if asked > accepted => {
            let what = format!("`--context {asked}`: the model accepts {accepted} tokens");
            return Err(usage(what, "ask for at most that many"));
        }
        asked => asked.unwrap_or(CONTEXT).min(accepted),
    };
    let ops = args.backend.open(false)?;
    let interrupt = Interrupt::install(false)?;
    let (model, _) = opened.load(terminal)?;
    let n_sampleable = tokenizer.vocab_size();
    let engine = engine(&model, ops.as_ref(), &args.backend, context, n_sampleable)?;
    let session = Session { opened: &opened, tokenizer: &tokenizer, engine };
    let source = Source::Local(Box::new(Local { template, context, session }));
    Chat { args, terminal, source, interrupt, messages }.run()
}

fn system_message(text: Option<&str>) -> Vec<Value> {
    text.map(|text| json!({"role": "system", "content": text})).into_iter().collect()
}

/// Who answers.
enum Source<'m> {
    Local(Box<Local<'m>>),
    Remote(Endpoint),
}

/// A model in this process.
struct Local<'m> {
    template: ChatTemplate,
    context: usize,
    session: Session<'m>,
}

struct Chat<'m> {
    args: &'m Args,
    terminal: &'m Terminal,
    source: Source<'m>,
    interrupt: Interrupt,
    messages: Vec<Value>,
}

impl Chat<'_> {
    fn run(&mut self) -> anyhow::Result<()> {
        let mut input = Input::open()?;
        self.terminal.note("/help lists commands, Ctrl-D leaves");
        loop {
            match input.read()? {
                Line::End => break,
                Line::Dropped => self.terminal.note("Ctrl-D leaves"),
                Line::Text(text) if text.is_empty() => {}
                Line::Text(text) if text.starts_with('/') => {
                    if self.command(&text) {
                        break;
                    }
                }
                Line::Text(text) => self.turn(text)?,
            }
        }
        input.save();
        Ok(())
    }

    /// Runs a command; whether it was the last.
    fn command(&mut self, line: &str) -> bool {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match name {
            "/quit" | "/exit" => return true,
            "/help" => println!("{HELP}"),
            "/reset" => {
                self.messages.retain(|message| message["role"] == "system");
                self.terminal.note("the conversation is forgotten");
            }
            "/system" => {
                self.messages = system_message(Some(rest.trim()).filter(|text| !text.is_empty()));
                self.terminal.note(match self.messages.is_empty() {
                    true => "no system prompt; a new conversation",
                    false => "the system prompt is set; a new conversation",
                });
            }
            _ => self.terminal.error(&format!("there is no {name}"), "/help lists commands"),
        }
        false
    }

    fn turn(&mut self, text: String) -> anyhow::Result<()> {
        self.messages.push(json!({"role": "user", "content": text}));
        let answer = match self.answer() {
            Ok(answer) => answer,
            // Bad input ends a turn; only what is wrong with the program or machine ends the chat.
            Err(error) => {
                let is_refused = matches!(error.downcast_ref(), Some(EngineError::Refused(_)));
                if !is_refused && !error.is::<Usage>() {
                    return Err(error);
                }
                let text = error.to_string();
                let (what, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
                let reset = "/reset starts a new conversation";
                self.terminal.error(what, if is_refused { reset } else { hint });
                None
            }
        };
        match answer {
            // Only the answer: earlier thinking is not part of what the model is given.
            Some(answer) => self.messages.push(json!({"role": "assistant", "content": answer})),
            None => drop(self.messages.pop()),
        }
        Ok(())
    }

    /// Answers the conversation so far; `None` if it was stopped before there was an answer.
    fn answer(&mut self) -> anyhow::Result<Option<String>> {
        let mut screen = Screen::new(self.terminal, false);
        let (answer, summary) = match &mut self.source {
            Source::Local(local) => {
                local.answer(self.args, &self.messages, &self.interrupt, &mut screen)?
            }
            Source::Remote(endpoint) => {
                let show = |part, text: &str| screen.show(part, text);
                let generation = &self.args.generation;
                let turn = endpoint.answer(&self.messages, generation, &self.interrupt, show)?;
                (turn.answer, turn.summary)
            }
        };
        screen.finish()?;
        self.terminal.note(&summary);
        Ok(answer)
    }
}

impl Local<'_> {
    fn answer(
        &mut self,
        args: &Args,
        messages: &[Value],
        interrupt: &Interrupt,
        screen: &mut Screen,
    ) -> anyhow::Result<(Option<String>, String)> {
        let prompt = encode_messages(self.session.tokenizer, &self.template, messages.to_vec())?;
        check_context(prompt.len(), self.context)?;
        let task = Task {
            prompt,
            is_raw: false,
            args: &args.generation,
            context: self.context,
            logprobs: None,
        };
        let outcome =
            self.session.generate(task, interrupt, |part, text| screen.show(part, text))?;
        let line = summary(&outcome);
        let is_cut = outcome.finish == Finish::Interrupted && outcome.answer.trim().is_empty();
        Ok(((!is_cut).then_some(outcome.answer), line))
    }
}
