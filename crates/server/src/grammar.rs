//! Answers that keep to a form: JSON of a schema, a regular expression, a grammar, tool calls.
//!
//! One grammar holds for everything after the thought. It is compiled when the request arrives,
//! within bounds of size, depth and work, and then says for each token which ones may come.

use std::sync::Arc;

use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::toktrie::{TokEnv, TokRxInfo, TokTrie, TokenizerEnv};
use llguidance::{Matcher, ParserFactory};
use ponder_engine::{TokenMask, TokenSet};
use ponder_text::{ControlTokens, Tokenizer};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::tools::{CallMarks, ToolChoice, Tools};

/// Bytes of a schema, grammar or regular expression.
const MAX_SCHEMA_BYTES: usize = 256 << 10;
const MAX_GRAMMAR_BYTES: usize = 64 << 10;
const MAX_REGEX_BYTES: usize = 16 << 10;
/// Values in a schema.
const MAX_SCHEMA_VALUES: usize = 10_000;
/// Nesting of a schema.
const MAX_SCHEMA_DEPTH: usize = 32;
/// Words to choose between.
const MAX_CHOICES: usize = 1000;

/// The form of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Any text.
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON of a schema.
    Schema(Value),
    /// A text that a regular expression matches whole.
    Regex(String),
    /// A text of a grammar in llguidance's Lark.
    Grammar(String),
    /// One of some texts.
    Choice(Vec<String>),
}

/// Compiles grammars for a tokenizer.
pub struct Grammars {
    factory: ParserFactory,
    marks: Option<CallMarks>,
    stop_ids: Vec<u32>,
}

impl Grammars {
    /// For a tokenizer; `None` if no token ends its answers, since then no answer could end.
    pub fn new(tokenizer: Arc<Tokenizer>, stop_ids: &[u32]) -> Option<Grammars> {
        let (first, others) = stop_ids.split_first()?;
        let environment: TokEnv = Arc::new(Environment::new(tokenizer.clone(), *first, others));
        let mut factory = ParserFactory::new_simple(&environment).ok()?;
        factory.quiet();
        *factory.limits_mut() = ParserLimits {
            verbose_errors: false,
            max_lexer_states: 50_000,
            ..ParserLimits::default()
        };
        let marks = CallMarks::of(&tokenizer);
        Some(Grammars { factory, marks, stop_ids: stop_ids.to_vec() })
    }

    /// What restricts an answer of this form with these tools; `None` if nothing does.
    pub fn compile(
        &self,
        format: &Format,
        tools: Option<&Tools>,
    ) -> Result<Option<GrammarMask>, ApiError> {
        let tools = tools.filter(|tools| tools.described().is_some());
        let grammar = match (format, tools) {
            (Format::Text, None) => return Ok(None),
            (format, None) => alone(format)?,
            (format, Some(tools)) => {
                let marks = self.marks.ok_or_else(|| {
                    ApiError::invalid("tools", "this model has no tokens to call tools with")
                })?;
                TopLevelGrammar::from_lark(with_tools(format, tools, marks)?)
            }
        };
        let field = if tools.is_some() { "tools" } else { "response_format" };
        let matcher = Matcher::new(self.factory.create_parser(grammar));
        if let Some(error) = matcher.get_error() {
            let reason: String = error.chars().take(500).collect();
            return Err(ApiError::invalid(
                field,
                format!("the grammar cannot be compiled: {reason}"),
            ));
        }
        Ok(Some(GrammarMask { matcher, stop_ids: self.stop_ids.clone() }))
    }
}

fn alone(format: &Format) -> Result<TopLevelGrammar, ApiError> {
    Ok(match format {
        Format::Text | Format::JsonObject => {
            TopLevelGrammar::from_json_schema(bounded(&json!({ "type": "object" }))?)
        }
        Format::Schema(schema) => TopLevelGrammar::from_json_schema(bounded(schema)?),
        Format::Regex(regex) => {
            bound("regular expression", regex.len(), MAX_REGEX_BYTES)?;
            TopLevelGrammar::from_regex(regex)
        }
        Format::Grammar(grammar) => {
            bound("grammar", grammar.len(), MAX_GRAMMAR_BYTES)?;
            TopLevelGrammar::from_lark(grammar.clone())
        }
        Format::Choice(choices) => {
            bound("list of choices", choices.len(), MAX_CHOICES)?;
            let words: Vec<String> =
                choices.iter().map(|choice| json!(choice).to_string()).collect();
            TopLevelGrammar::from_lark(format!("start: {}", words.join(" | ")))
        }
    })
}

/// Text or JSON, then calls, as the choice of tools has it.
fn with_tools(format: &Format, tools: &Tools, marks: CallMarks) -> Result<String, ApiError> {
    let content = match format {
        Format::Text => "content: /(.|\\n)*/".to_owned(),
        Format::JsonObject => format!("content: %json {}", bounded(&json!({ "type": "object" }))?),
        Format::Schema(schema) => format!("content: %json {}", bounded(schema)?),
        _ => {
            let message = "tools go together with JSON and text only";
            return Err(ApiError::invalid("response_format", message));
        }
    };
    let start = match (&tools.choice, format) {
        (ToolChoice::Required | ToolChoice::Named(_), _) => "start: calls",
        (_, Format::Text) => "start: content calls?",
        _ => "start: content | calls",
    };
    let offered = tools.list.iter().filter(|tool| match &tools.choice {
        ToolChoice::Named(name) => tool.name == *name,
        _ => true,
    });
    let CallMarks { calls_begin, calls_end, call_begin, call_end, separator } = marks;
    let more = if tools.is_parallel { " (\"\\n\" call)*" } else { "" };
    let mut lark =
        format!("{start}\n{content}\ncalls: <[{calls_begin}]> call{more} <[{calls_end}]>\n");
    let (mut names, mut rules) = (Vec::new(), String::new());
    for (index, tool) in offered.enumerate() {
        let parameters = bounded(&tool.parameters)?;
        names.push(format!("call_{index}"));
        rules.push_str(&format!(
            "call_{index}: <[{call_begin}]> \"function\" <[{separator}]> \"{}\\n```json\\n\" \
             args_{index} \"\\n```\" <[{call_end}]>\nargs_{index}: %json {}\n",
            tool.name, parameters
        ));
    }
    lark.push_str(&format!("call: {}\n{rules}", names.join(" | ")));
    Ok(lark)
}

fn bound(what: &str, found: usize, max: usize) -> Result<(), ApiError> {
    match found <= max {
        true => Ok(()),
        false => {
            let message = format!("the {what} has {found}, at most {max} are supported");
            Err(ApiError::invalid("response_format", message))
        }
    }
}

/// The schema, if it is within bounds. Space between its parts is bounded too: a small model could
/// go on with blanks for ever.
fn bounded(schema: &Value) -> Result<Value, ApiError> {
    fn count(value: &Value, depth: usize, n_values: &mut usize) -> bool {
        *n_values += 1;
        if depth > MAX_SCHEMA_DEPTH || *n_values > MAX_SCHEMA_VALUES {
            return false;
        }
        match value {
            Value::Array(items) => items.iter().all(|item| count(item, depth + 1, n_values)),
            Value::Object(fields) => fields.values().all(|item| count(item, depth + 1, n_values)),
            _ => true,
        }
    }
    if !count(schema, 0, &mut 0) || schema.to_string().len() > MAX_SCHEMA_BYTES {
        let message = format!(
            "the schema is larger than {MAX_SCHEMA_BYTES} bytes, {MAX_SCHEMA_VALUES} values or \
             {MAX_SCHEMA_DEPTH} levels"
        );
        return Err(ApiError::invalid("response_format", message));
    }
    let mut schema = schema.clone();
    if let Value::Object(fields) = &mut schema {
        fields.insert("x-guidance".to_owned(), json!({ "whitespace_pattern": "[ \\n]{1,40}" }));
    }
    Ok(schema)
}

/// Which tokens an answer may go on with.
pub struct GrammarMask {
    matcher: Matcher,
    stop_ids: Vec<u32>,
}

impl GrammarMask {
    /// An independent copy, for another answer of the same form.
    pub fn copy(&self) -> GrammarMask {
        GrammarMask { matcher: self.matcher.deep_clone(), stop_ids: self.stop_ids.clone() }
    }
}

impl TokenMask for GrammarMask {
    fn allow(&mut self, set: &mut TokenSet) -> Result<(), String> {
        let mask = self.matcher.compute_mask_or_eos().map_err(|error| error.to_string())?;
        let words = set.words_mut();
        let allowed = mask.as_slice();
        let n_words = words.len().min(allowed.len());
        words[..n_words].copy_from_slice(&allowed[..n_words]);
        Ok(())
    }

    fn accept(&mut self, id: u32) -> Result<(), String> {
        // The end of the answer is the engine's business.
        if self.stop_ids.contains(&id) {
            return Ok(());
        }
        self.matcher.consume_token(id).map_err(|error| error.to_string())
    }
}

/// The tokenizer as the compiler of grammars wants it.
struct Environment {
    tokenizer: Arc<Tokenizer>,
    trie: TokTrie,
}

impl Environment {
    fn new(tokenizer: Arc<Tokenizer>, eos: u32, other_eos: &[u32]) -> Environment {
        let n_ids = tokenizer.vocab_size() as u32;
        let word = |id: u32| {
            let bytes = tokenizer.token_bytes(id).unwrap_or_default();
            match tokenizer.is_control(id) {
                // No text reaches a control token: only a grammar of ours names one, by its id.
                true => [&[TokTrie::SPECIAL_TOKEN_MARKER], bytes].concat(),
                false => bytes.to_vec(),
            }
        };
        let words: Vec<Vec<u8>> = (0..n_ids).map(word).collect();
        let trie = TokTrie::from(&TokRxInfo::new(n_ids, eos), &words);
        let trie = trie.with_eos_tokens(&[&[eos], other_eos].concat());
        Environment { tokenizer, trie }
    }
}

impl TokenizerEnv for Environment {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<u32> {
        self.trie.tokenize_with_greedy_fallback(bytes, |text| {
            self.tokenizer.encode(text, ControlTokens::Plain).unwrap_or_default()
        })
    }
}
