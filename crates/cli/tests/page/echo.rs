//! A model that thinks and answers whatever it was asked, word for word, and a server for it.

use std::path::Path;
use std::time::Duration;

use ponder_engine::{Engine, EngineError, EngineOptions, LanguageModel};
use ponder_kernels::{PAGE_TOKENS, Routing, Span};
use ponder_server::{
    Drain, ExpertCounts, Limits, SamplingDefaults, ServedModel, Server, ServerOptions,
};
use ponder_tensor::{Arena, Tensor};
use ponder_text::{ChatTemplate, ControlTokens, Tokenizer};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../text/tests/fixtures");
const N_PAGES: usize = 2048;
/// As many layers and experts as R1's, which it says it consists of.
const EXPERT_LAYERS: usize = 58;
const N_EXPERTS: u32 = 256;
const EXPERTS_PER_TOKEN: usize = 8;
/// How long each step takes, so that answers can be watched and stopped.
const STEP: Duration = Duration::from_millis(4);

/// Its cache holds the tokens themselves.
struct Echo {
    cells: Vec<u32>,
    vocab_size: usize,
    user: u32,
    assistant: u32,
    /// `<think>` and a line's end; `</think>` and two of them; the end of the answer.
    open: Vec<u32>,
    close: Vec<u32>,
    end: u32,
}

impl Echo {
    fn new(tokenizer: &Tokenizer) -> Echo {
        let control = |mark: &str| tokenizer.control_id(mark).unwrap();
        let plain = |text: &str| tokenizer.encode(text, ControlTokens::Plain).unwrap();
        Echo {
            cells: vec![0; N_PAGES * PAGE_TOKENS],
            vocab_size: tokenizer.vocab_size(),
            user: control("<｜User｜>"),
            assistant: control("<｜Assistant｜>"),
            open: [vec![control("<think>")], plain("\n")].concat(),
            close: [vec![control("</think>")], plain("\n\n")].concat(),
            end: tokenizer.eos_id().unwrap(),
        }
    }

    /// What follows a text: the next token of the question, first as thought, then as answer.
    fn next(&self, tokens: &[u32]) -> u32 {
        let last = |id: u32| tokens.iter().rposition(|token| *token == id);
        let (Some(user), Some(assistant)) = (last(self.user), last(self.assistant)) else {
            return self.end;
        };
        if assistant < user {
            return self.end;
        }
        let question = &tokens[user + 1..assistant];
        let script = [&self.open[..], question, &self.close, question].concat();
        script.get(tokens.len() - assistant - 1).copied().unwrap_or(self.end)
    }
}

impl LanguageModel for Echo {
    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn max_positions(&self) -> usize {
        N_PAGES * PAGE_TOKENS
    }

    fn n_pages(&self) -> usize {
        N_PAGES
    }

    fn hidden(&mut self, token_ids: Vec<u32>, spans: Vec<Span>) -> Result<Tensor, EngineError> {
        std::thread::sleep(STEP);
        let mut next = vec![0.0; token_ids.len()];
        for span in spans {
            let cell = |position: usize| {
                span.pages[position / PAGE_TOKENS].0 as usize * PAGE_TOKENS + position % PAGE_TOKENS
            };
            for row in span.rows.clone() {
                self.cells[cell(span.position(row))] = token_ids[row];
            }
            let last = span.rows.end - 1;
            let tokens: Vec<u32> = (0..=span.position(last)).map(|p| self.cells[cell(p)]).collect();
            next[last] = self.next(&tokens) as f32;
        }
        Ok(Arena::new().tensor(next.len(), 1, |out| out.copy_from_slice(&next)))
    }

    /// The experts of a token follow from its id and the layer.
    fn watched_hidden(
        &mut self,
        token_ids: Vec<u32>,
        spans: Vec<Span>,
    ) -> Result<(Tensor, Vec<Routing>), EngineError> {
        let routing = |layer: usize| {
            let place = |id: &u32, nth: usize| (id * 37 + (layer + 31 * nth) as u32) % N_EXPERTS;
            let experts = token_ids
                .iter()
                .flat_map(|id| (0..EXPERTS_PER_TOKEN).map(move |nth| place(id, nth)));
            let experts: Vec<u32> = experts.collect();
            Routing {
                num_experts_per_tok: EXPERTS_PER_TOKEN,
                weights: vec![0.125; experts.len()],
                experts,
            }
        };
        let routings = (0..EXPERT_LAYERS).map(routing).collect();
        Ok((self.hidden(token_ids, spans)?, routings))
    }

    fn logits(&mut self, hidden: &Tensor, rows: &[usize]) -> Tensor {
        let n = self.vocab_size;
        Arena::new().tensor(rows.len(), n, |out| {
            out.fill(0.0);
            for (index, row) in rows.iter().enumerate() {
                out[index * n + hidden.row(*row)[0] as usize] = 100.0;
            }
        })
    }
}

/// Starts a server on a thread of its own; it ends with the process. Where it listens.
pub fn start() -> String {
    let options = ServerOptions {
        tracer: None,
        listen: "127.0.0.1:0".parse().unwrap(),
        api_keys: Vec::new(),
        cors_origins: Vec::new(),
        tls: None,
        limits: Limits::standard(),
        drain: Drain { delay: Duration::ZERO, limit: Duration::ZERO },
    };
    let server = Server::bind(options).unwrap();
    let url = server.url().unwrap();
    std::thread::spawn(move || {
        let tokenizer = Tokenizer::from_dir(Path::new(FIXTURES)).unwrap();
        let template = std::fs::read_to_string(Path::new(FIXTURES).join("r1.jinja")).unwrap();
        let marks = ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>");
        let model = Echo::new(&tokenizer);
        let options = EngineOptions {
            max_sequences: 8,
            max_queue: 8,
            max_batch_tokens: 512,
            prefill_tokens_beside_decodes: 256,
            max_logit_rows: 8,
            n_sampleable: tokenizer.vocab_size(),
        };
        let served = ServedModel {
            name: "echo".into(),
            stop_ids: vec![model.end],
            template: Some(ChatTemplate::from_source(&template, marks.0, marks.1).unwrap()),
            tokenizer,
            defaults: SamplingDefaults { temperature: 0.0, top_p: 1.0, top_k: None },
            context: N_PAGES * PAGE_TOKENS,
            experts: Some(ExpertCounts {
                layers: (3..3 + EXPERT_LAYERS).collect(),
                routed: N_EXPERTS as usize,
                chosen: EXPERTS_PER_TOKEN,
                shared: 1,
                parameters: 671_026_419_200,
                active_parameters: 37_551_677_440,
            }),
        };
        server.run(&mut Engine::new(model, options).unwrap(), served).unwrap();
    });
    url
}
