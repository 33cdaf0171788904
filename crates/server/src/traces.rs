//! Spans by OpenTelemetry's conventions for generative models: one for each generation, with its
//! phases inside. They hold counts, settings and times, and never a text.

use std::time::{Duration, Instant, SystemTime};

use axum::extract::MatchedPath;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, Span};
use ponder_engine::{Event, FinishReason, Usage};

use crate::collected::total_usage;
use crate::generate::Generate;
use crate::grammar::Format;

/// Where a request came from.
pub struct Caller {
    /// A pattern of ours, not the path.
    route: String,
    /// The span that its `traceparent` names.
    parent: Context,
}

impl Caller {
    /// What a request's head says.
    pub fn of(parts: &Parts) -> Caller {
        let route = parts.extensions.get::<MatchedPath>();
        Caller {
            route: route.map_or_else(String::new, |path| path.as_str().to_owned()),
            parent: TraceContextPropagator::new().extract(&Headers(&parts.headers)),
        }
    }

    fn operation(&self) -> &'static str {
        let is_raw = self.route.ends_with("/completions") && !self.route.contains("chat");
        if is_raw { "text_completion" } else { "chat" }
    }
}

struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// The span of a generation. It ends when this is dropped.
pub struct GenerationSpan {
    tracer: SdkTracer,
    span: Span,
    /// When it began, on both clocks.
    began: (Instant, SystemTime),
    /// Answers to each prompt.
    n: usize,
    phases: Phases,
    /// How each answer ended, and what it took.
    ends: Vec<(End, Usage)>,
}

/// When each phase of the first answer ended.
#[derive(Default)]
struct Phases {
    queue: Option<Instant>,
    prefill: Option<Instant>,
    reasoning: Option<Instant>,
    /// Of the whole generation.
    last: Option<Instant>,
}

enum End {
    /// As answers do.
    Whole(&'static str),
    /// Otherwise, with the kind of error.
    Cut(&'static str),
}

impl GenerationSpan {
    /// Begins now.
    pub fn begin(tracer: &SdkTracer, asked: &Generate, caller: &Caller, model: &str) -> Self {
        let began = (Instant::now(), SystemTime::now());
        let builder = tracer
            .span_builder(format!("{} {model}", caller.operation()))
            .with_kind(SpanKind::Server)
            .with_start_time(began.1)
            .with_attributes(settings(asked, caller, model));
        GenerationSpan {
            span: tracer.build_with_context(builder, &caller.parent),
            tracer: tracer.clone(),
            began,
            n: asked.n,
            phases: Phases::default(),
            ends: Vec::new(),
        }
    }

    /// Takes notice of what happened at a time to an answer that had waited for so long, and that
    /// the server may have ended because a stop string came.
    pub fn note(&mut self, at: Instant, event: &Event, waited: Duration, is_stopped: bool) {
        let phases = &mut self.phases;
        phases.last = Some(at);
        match event {
            Event::Prefilled { .. } => {
                // The engine's clock counts whole milliseconds, which may be more than there were.
                phases.queue.get_or_insert((self.began.0 + waited).min(at));
                phases.prefill.get_or_insert(at);
            }
            Event::Token { token, .. } if token.is_reasoning && self.ends.is_empty() => {
                phases.reasoning = Some(at);
            }
            Event::Finished { reason, usage, .. } => {
                self.ends.push((End::of(reason, is_stopped), *usage));
            }
            Event::Token { .. } | Event::PromptToken { .. } | Event::Next { .. } => {}
        }
    }

    fn time(&self, at: Instant) -> SystemTime {
        self.began.1 + at.saturating_duration_since(self.began.0)
    }

    /// Adds the phases as spans inside.
    fn add_phases(&self, end: Instant) {
        let inside = Context::new().with_remote_span_context(self.span.span_context().clone());
        let Phases { queue, prefill, reasoning, .. } = self.phases;
        let mut from = self.began.0;
        let answer = prefill.map(|_| end);
        let phases =
            [("queue", queue), ("prefill", prefill), ("reasoning", reasoning), ("answer", answer)];
        for (name, to) in phases {
            let Some(to) = to else { continue };
            let builder = self.tracer.span_builder(name).with_start_time(self.time(from));
            self.tracer.build_with_context(builder, &inside).end_with_timestamp(self.time(to));
            from = to;
        }
    }
}

impl Drop for GenerationSpan {
    fn drop(&mut self) {
        if !self.span.is_recording() {
            return;
        }
        let end = self.phases.last.unwrap_or_else(Instant::now);
        self.add_phases(end);
        let usage = total_usage(self.ends.iter().map(|(_, usage)| usage), self.n);
        self.span.set_attributes([
            count("gen_ai.usage.input_tokens", usage.prompt_tokens),
            count("gen_ai.usage.output_tokens", usage.completion_tokens),
            count("gen_ai.usage.cache_read.input_tokens", usage.cached_tokens),
            count("gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens),
        ]);
        let whole = self.ends.iter().filter_map(|(end, _)| match end {
            End::Whole(reason) => Some(StringValue::from(*reason)),
            End::Cut(_) => None,
        });
        let reasons = Value::Array(Array::String(whole.collect()));
        self.span.set_attribute(KeyValue::new("gen_ai.response.finish_reasons", reasons));
        let cut = self.ends.iter().find_map(|(end, _)| match end {
            End::Whole(_) => None,
            End::Cut(kind) => Some(*kind),
        });
        // Without an end it was never accepted, or its client has left.
        let unfinished = || match self.phases.last {
            None => "refused",
            Some(_) => "cancelled",
        };
        let error = cut.or_else(|| self.ends.is_empty().then(unfinished));
        if let Some(kind) = error {
            self.span.set_attribute(KeyValue::new("error.type", kind));
            self.span.set_status(Status::error(kind));
        }
        self.span.end_with_timestamp(self.time(end));
    }
}

impl End {
    fn of(reason: &FinishReason, is_stopped: bool) -> End {
        match reason {
            FinishReason::Stop => End::Whole("stop"),
            FinishReason::Length => End::Whole("length"),
            FinishReason::Cancelled if is_stopped => End::Whole("stop"),
            FinishReason::Cancelled => End::Cut("cancelled"),
            FinishReason::Deadline | FinishReason::QueueTimeout => End::Cut("timeout"),
            FinishReason::Failed(_) => End::Cut("failed"),
        }
    }
}

/// What was asked for, without its texts: stop strings, too, are a user's.
fn settings(asked: &Generate, caller: &Caller, model: &str) -> Vec<KeyValue> {
    let mut settings = vec![
        KeyValue::new("gen_ai.operation.name", caller.operation()),
        KeyValue::new("gen_ai.provider.name", "ponder"),
        KeyValue::new("gen_ai.request.model", model.to_owned()),
        KeyValue::new("gen_ai.response.model", model.to_owned()),
        KeyValue::new("http.route", caller.route.clone()),
    ];
    let is_json = matches!(asked.format, Format::JsonObject | Format::Schema(_));
    settings.push(KeyValue::new("gen_ai.output.type", if is_json { "json" } else { "text" }));
    let sampling = &asked.sampling;
    for (name, value) in [
        ("gen_ai.request.temperature", sampling.temperature),
        ("gen_ai.request.top_p", sampling.top_p),
        ("gen_ai.request.presence_penalty", sampling.presence_penalty),
        ("gen_ai.request.frequency_penalty", sampling.frequency_penalty),
    ] {
        settings.extend(value.map(|value| KeyValue::new(name, f64::from(value))));
    }
    let n = (asked.n > 1).then_some(asked.n);
    for (name, value) in [
        ("gen_ai.request.max_tokens", asked.max_tokens),
        ("gen_ai.request.top_k", sampling.top_k),
        ("gen_ai.request.choice.count", n),
    ] {
        settings.extend(value.map(|value| count(name, value)));
    }
    settings.extend(sampling.seed.map(|seed| KeyValue::new("gen_ai.request.seed", seed as i64)));
    settings
}

fn count(name: &'static str, value: usize) -> KeyValue {
    KeyValue::new(name, value as i64)
}
