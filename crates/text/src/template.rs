//! Chat templates: the Jinja that a checkpoint brings along, rendered byte for byte as
//! Hugging Face transformers renders it with Jinja2.
//!
//! A template comes from outside, so its work, its recursion and its output are limited.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value as JinjaValue};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, context};
use serde_json::{Map, Value};

use crate::error::TextError;
use crate::literals::scan_blocks;
use crate::python::{self, JsonStyle, PrintError};
use crate::tokenizer_file::{TokenizerConfig, template_text};

/// Longest template source; the longest published ones are below 20 KB.
const SOURCE_BYTES_MAX: usize = 256 << 10;
/// Most words and signs in one `{{ … }}`, since the compiler recurses into operator chains.
/// Published templates need about a hundred.
const BLOCK_TOKENS_MAX: usize = 4000;
/// Address space for that recursion; only what is used becomes memory.
const COMPILER_STACK_BYTES: usize = 128 << 20;
/// Work allowed besides what the size of the input explains: 1 for an instruction or 64 bytes.
const FUEL_MIN: u64 = 2_000_000;
/// Output allowed besides a few times the input.
const OUTPUT_BYTES_MIN: usize = 16 << 20;
/// Nested macros and loops; published templates need less than ten.
const RECURSION_LIMIT: usize = 100;

/// One conversation to render.
#[derive(Clone, Debug, Default)]
pub struct ChatInput {
    /// The messages: a list of objects with `role`, `content` and whatever the template reads.
    pub messages: Value,
    /// The tools offered, if any.
    pub tools: Option<Value>,
    /// Whether to end with the beginning of the assistant's turn.
    pub add_generation_prompt: bool,
    /// Other variables for the template, such as `thinking`. They are trusted like the template.
    pub variables: Map<String, Value>,
}

impl ChatInput {
    /// Reads `{"messages", "tools"?, "add_generation_prompt"?, …}`; other keys are variables.
    pub fn from_json(value: Value) -> Result<Self, TextError> {
        let bad = |reason: &str| {
            TextError::BadInput {
            reason: reason.to_owned(),
            hint: r#"expected {"messages": [{"role": …, "content": …}], "tools"?: […], "add_generation_prompt"?: true}"#.to_owned(),
        }
        };
        let Value::Object(mut variables) = value else {
            return Err(bad("the conversation is not a JSON object"));
        };
        let messages = variables.remove("messages").ok_or_else(|| bad("`messages` is missing"))?;
        let tools = variables.remove("tools").filter(|tools| !tools.is_null());
        let add_generation_prompt = match variables.remove("add_generation_prompt") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => flag,
            Some(_) => return Err(bad("`add_generation_prompt` is neither true nor false")),
        };
        let input = ChatInput { messages, tools, add_generation_prompt, variables };
        input.check()?;
        Ok(input)
    }

    fn check(&self) -> Result<(), TextError> {
        let is_list_of_objects =
            self.messages.as_array().is_some_and(|list| list.iter().all(Value::is_object));
        if is_list_of_objects {
            return Ok(());
        }
        Err(TextError::BadInput {
            reason: "`messages` is not a list of objects".to_owned(),
            hint: r#"expected [{"role": "user", "content": "…"}]"#.to_owned(),
        })
    }
}

/// A compiled chat template with the special tokens it prints.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    bos_token: String,
    eos_token: String,
    /// Unix time for `strftime_now`; the clock's when `None`.
    now_s: Option<i64>,
    literals: Vec<String>,
    source: String,
}

impl ChatTemplate {
    /// Reads the template of a checkpoint's folder: `chat_template.jinja`, else
    /// `chat_template.json`, else `chat_template` in `tokenizer_config.json`.
    pub fn from_dir(dir: &Path) -> Result<Self, TextError> {
        let read = |name: &str| match fs::read(dir.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(TextError::read(&dir.join(name), e)),
        };
        let origin = |name: &str| dir.join(name).display().to_string();
        let config = match read("tokenizer_config.json")? {
            Some(bytes) => TokenizerConfig::parse(&bytes, &origin("tokenizer_config.json"))?,
            None => TokenizerConfig::default(),
        };
        let mut source = config.chat_template;
        if let Some(bytes) = read("chat_template.json")? {
            let value: Value = serde_json::from_slice(&bytes)
                .map_err(|e| TextError::bad_file(&origin("chat_template.json"), e))?;
            source = template_text(&value["chat_template"]).or(source);
        }
        if let Some(bytes) = read("chat_template.jinja")? {
            let text = String::from_utf8(bytes)
                .map_err(|e| TextError::bad_file(&origin("chat_template.jinja"), e))?;
            source = Some(text);
        }
        let source = source.ok_or_else(|| TextError::NoTemplate { folder: dir.to_owned() })?;
        let (bos, eos) =
            (config.bos_token.unwrap_or_default(), config.eos_token.unwrap_or_default());
        Self::from_source(&source, &bos, &eos)
    }

    /// The template in the bytes of a tokenizer_config.json, for a model that is built into the
    /// program.
    pub fn from_config_bytes(config: &[u8]) -> Result<Self, TextError> {
        let config = TokenizerConfig::parse(config, "tokenizer_config.json")?;
        let folder = || "tokenizer_config.json".into();
        let source =
            config.chat_template.ok_or_else(|| TextError::NoTemplate { folder: folder() })?;
        let (bos, eos) =
            (config.bos_token.unwrap_or_default(), config.eos_token.unwrap_or_default());
        Self::from_source(&source, &bos, &eos)
    }

    /// Compiles a template; `bos_token` and `eos_token` are what those variables print.
    pub fn from_source(source: &str, bos_token: &str, eos_token: &str) -> Result<Self, TextError> {
        if source.len() > SOURCE_BYTES_MAX {
            let limit = format!("{SOURCE_BYTES_MAX} bytes of source");
            return Err(TextError::TemplateLimit { limit });
        }
        let blocks = scan_blocks(source);
        if blocks.n_tokens_max > BLOCK_TOKENS_MAX {
            let limit = format!("{BLOCK_TOKENS_MAX} words and signs in one block");
            return Err(TextError::TemplateLimit { limit });
        }
        // Jinja2 reads all line endings as one newline.
        let source = source.replace("\r\n", "\n").replace('\r', "\n");
        Ok(ChatTemplate {
            environment: compile(&source)?,
            bos_token: bos_token.to_owned(),
            eos_token: eos_token.to_owned(),
            now_s: None,
            literals: blocks.literals,
            source,
        })
    }

    /// Another template with the same special tokens and time.
    pub fn with_source(&self, source: &str) -> Result<Self, TextError> {
        let template = Self::from_source(source, &self.bos_token, &self.eos_token)?;
        Ok(ChatTemplate { now_s: self.now_s, ..template })
    }

    /// Fixes the time that `strftime_now` prints (seconds since 1970, UTC).
    pub fn with_time(mut self, now_s: i64) -> Self {
        self.now_s = Some(now_s);
        self
    }

    /// The rendered prompt. For encoding use [`crate::encode_chat`]: in this text, what a user
    /// wrote and what the template wrote cannot be told apart.
    pub fn render(&self, input: &ChatInput) -> Result<String, TextError> {
        input.check()?;
        let n_bytes_in = json_len(&input.messages) + input.tools.as_ref().map_or(0, json_len);
        let n_bytes_max = OUTPUT_BYTES_MIN + 4 * n_bytes_in;
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(FUEL_MIN + n_bytes_in as u64));
        let now_s = self.now_s.unwrap_or_else(clock_s);
        environment
            .add_function("strftime_now", move |format: &str| python::strftime(format, now_s));

        let variables = JinjaValue::from(Serde(&input.variables));
        let context = context! {
            messages => JinjaValue::from(Serde(&input.messages)),
            tools => input.tools.as_ref().map(|tools| JinjaValue::from(Serde(tools))),
            documents => (),
            add_generation_prompt => input.add_generation_prompt,
            bos_token => self.bos_token.as_str(),
            eos_token => self.eos_token.as_str(),
            ..variables
        };
        let mut output = LimitedOutput { bytes: Vec::new(), n_bytes_max };
        environment
            .get_template("chat")
            .and_then(|template| template.render_captured_to(context, &mut output))
            .map_err(|e| render_error(&e, n_bytes_max))?;
        Ok(String::from_utf8(output.bytes).expect("templates write strings"))
    }

    /// The template as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn literals(&self) -> &[String] {
        &self.literals
    }

    /// Every text that the template can print by itself.
    pub(crate) fn own_texts(&self) -> [&str; 3] {
        [&self.source, &self.bos_token, &self.eos_token]
    }
}

/// Compiles on a thread of its own, whose stack holds the recursion that the limits on source
/// allow.
fn compile(source: &str) -> Result<Environment<'static>, TextError> {
    let mut environment = environment();
    let source = source.to_owned();
    let compiled = std::thread::Builder::new().stack_size(COMPILER_STACK_BYTES).spawn(move || {
        let result = environment.add_template_owned("chat", source);
        result.map(|()| environment).map_err(|e| describe(&e))
    });
    let joined = compiled.map(std::thread::JoinHandle::join);
    match joined {
        Ok(Ok(Ok(environment))) => Ok(environment),
        Ok(Ok(Err(reason))) => Err(TextError::TemplateSyntax { reason }),
        Ok(Err(_)) => Err(TextError::TemplateSyntax { reason: "the compiler failed".to_owned() }),
        Err(e) => Err(TextError::TemplateFailed { reason: format!("no thread to compile: {e}") }),
    }
}

/// Jinja2 as transformers sets it up.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("only whitespace rules differ from the default"));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_recursion_limit(RECURSION_LIMIT);
    environment.set_unknown_method_callback(|state, value, method, args| {
        match (method, value.as_str(), args) {
            ("title", Some(text), []) => Ok(python::title(text).into()),
            _ => minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args),
        }
    });
    environment.add_filter("tojson", tojson);
    environment.add_filter("string", |value: JinjaValue| {
        python::to_str(&value, OUTPUT_BYTES_MIN).map_err(print_error)
    });
    environment.add_function("raise_exception", |message: String| -> Result<(), Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.set_formatter(|output: &mut Output, _: &mut State, value| {
        let text = python::to_str(value, OUTPUT_BYTES_MIN).map_err(print_error)?;
        output.write_str(&text).map_err(|_| Error::from(ErrorKind::WriteFailure))
    });
    environment
}

/// The `tojson` that transformers gives to templates: plain `json.dumps`, no HTML escapes.
fn tojson(value: JinjaValue, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let separators: Option<Vec<String>> = options.get("separators")?;
    let sort_keys: Option<bool> = options.get("sort_keys")?;
    let ensure_ascii: Option<bool> = options.get("ensure_ascii")?;
    options.assert_all_used()?;
    let unsupported = |what| Err(Error::new(ErrorKind::InvalidOperation, what));
    if ensure_ascii == Some(true) {
        return unsupported("tojson with ensure_ascii is not supported");
    }
    let [item_separator, key_separator] = match separators.map(<[String; 2]>::try_from) {
        Some(Ok(pair)) => pair,
        Some(Err(_)) => return unsupported("tojson wants two separators"),
        None if indent.is_some() => [",".to_owned(), ": ".to_owned()],
        None => [", ".to_owned(), ": ".to_owned()],
    };
    let style =
        JsonStyle { indent, item_separator, key_separator, sort_keys: sort_keys == Some(true) };
    python::to_json(&value, &style, OUTPUT_BYTES_MIN).map_err(print_error)
}

fn print_error(error: PrintError) -> Error {
    match error {
        PrintError::NotJson(what) => {
            Error::new(ErrorKind::BadSerialization, format!("{what} has no JSON form"))
        }
        PrintError::TooLarge => Error::from(ErrorKind::OutOfFuel),
    }
}

fn render_error(error: &Error, n_bytes_max: usize) -> TextError {
    let mut kinds = vec![error.kind()];
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        kinds.extend(inner.downcast_ref::<Error>().map(Error::kind));
        source = inner.source();
    }
    let reason = describe(error);
    if kinds.contains(&ErrorKind::OutOfFuel) {
        TextError::TemplateLimit { limit: "work (instructions and copied bytes)".to_owned() }
    } else if kinds.contains(&ErrorKind::WriteFailure) {
        TextError::TemplateLimit { limit: format!("{n_bytes_max} bytes of output") }
    } else if reason.contains("recursion limit exceeded") {
        TextError::TemplateLimit { limit: format!("{RECURSION_LIMIT} levels of recursion") }
    } else {
        TextError::TemplateFailed { reason }
    }
}

/// An error with those that caused it, in one line.
fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

fn clock_s() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    }
}

/// Bytes of all strings in `value`, and a few for everything else.
fn json_len(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(json_len).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(k, v)| k.len() + json_len(v) + 4).sum(),
        _ => 8,
    }
}

struct LimitedOutput {
    bytes: Vec<u8>,
    n_bytes_max: usize,
}

impl io::Write for LimitedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.n_bytes_max {
            return Err(io::Error::other("output limit"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
