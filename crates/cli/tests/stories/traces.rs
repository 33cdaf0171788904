//! An operator points the server at a collector of traces: each generation comes as a span within the
//! caller's trace, with its phases and counts, and nobody's words.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use prost::Message;
use serde_json::{Value, json};

use crate::server::Server;
use crate::support::{arg, command, thinking_model};

/// What a client posted: its head and its body.
type Post = (String, Vec<u8>);

/// A collector: where it listens, and what comes.
fn collector() -> (String, Receiver<Post>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, posts) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            loop {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
                let head = head.to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let Some(length) = length else { break };
                let mut body = vec![0; length.parse().unwrap()];
                reader.read_exact(&mut body).unwrap();
                let ok = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n\
                           content-length: 0\r\n\r\n";
                reader.get_mut().write_all(ok).unwrap();
                if sender.send((head, body)).is_err() {
                    return;
                }
            }
        }
    });
    (url, posts)
}

/// Waits for `n` spans; also everything that was posted, and the last resource.
fn receive(posts: &Receiver<Post>, n: usize) -> (Vec<Span>, Vec<u8>, HashMap<String, Value>) {
    let (mut spans, mut bytes, mut resource) = (Vec::new(), Vec::new(), HashMap::new());
    let deadline = Instant::now() + Duration::from_secs(20);
    while spans.len() < n {
        let left = deadline.saturating_duration_since(Instant::now());
        let (head, body) = posts.recv_timeout(left).expect("spans within 20 seconds");
        assert!(head.starts_with("post /v1/traces "), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        assert!(head.contains("authorization: basic abc"), "the operator's header: {head}");
        for of_resource in ExportTraceServiceRequest::decode(&body[..]).unwrap().resource_spans {
            resource = attributes(&of_resource.resource.unwrap().attributes);
            let scopes = of_resource.scope_spans.into_iter();
            spans.extend(scopes.flat_map(|scope| scope.spans));
        }
        bytes.extend(body);
    }
    (spans, bytes, resource)
}

fn attributes(pairs: &[KeyValue]) -> HashMap<String, Value> {
    let value = |any: &Any| match any {
        Any::StringValue(text) => json!(text),
        Any::IntValue(number) => json!(number),
        Any::DoubleValue(number) => json!(number),
        Any::ArrayValue(array) => json!(array.values.len()),
        other => panic!("{other:?}"),
    };
    let pairs = pairs.iter().map(|pair| {
        let any = pair.value.as_ref().and_then(|value| value.value.as_ref()).unwrap();
        (pair.key.clone(), value(any))
    });
    pairs.collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_collector_receives_each_generation_within_the_callers_trace() {
    let (model, (url, posts)) = (thinking_model(), collector());
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic abc"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    let server = Server::start_with(arg(model.path()), &["--name", "tiny"], &environment);
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let body = json!({
        "model": "tiny", "messages": [{"role": "user", "content": "my secret PLANTED word"}],
        "max_tokens": 12, "temperature": 0, "logit_bias": {"68": 100}, "seed": 7,
        "stop": ["PLANTED"], "thinking": {"type": "enabled", "budget_tokens": 3}, "user": "PLANTED",
    });
    let headers =
        format!("content-type: application/json\r\ntraceparent: 00-{trace}-{parent}-01\r\n");
    let answer = server.send("POST", "/v1/chat/completions", &headers, &body.to_string()).ok();
    let (spans, bytes, resource) = receive(&posts, 5);
    assert_eq!(resource["service.name"], "ponder");
    let root = spans.iter().find(|span| span.name == "chat tiny").unwrap();
    assert_eq!((hex(&root.trace_id), hex(&root.parent_span_id)), (trace.into(), parent.into()));
    assert_eq!(root.kind, SpanKind::Server as i32);
    let found = attributes(&root.attributes);
    for (name, wanted) in [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.request.model", json!("tiny")),
        ("gen_ai.request.max_tokens", json!(12)),
        ("gen_ai.request.temperature", json!(0.0)),
        ("gen_ai.request.seed", json!(7)),
        ("gen_ai.output.type", json!("text")),
        ("gen_ai.usage.input_tokens", answer["usage"]["prompt_tokens"].clone()),
        ("gen_ai.usage.output_tokens", json!(12)),
        ("gen_ai.usage.reasoning.output_tokens", json!(3)),
        ("gen_ai.response.finish_reasons", json!(1)),
        ("http.route", json!("/v1/chat/completions")),
    ] {
        assert_eq!(found.get(name), Some(&wanted), "{name} in {found:?}");
    }
    let mut phases: Vec<&Span> =
        spans.iter().filter(|s| s.parent_span_id == root.span_id).collect();
    phases.sort_by_key(|span| (span.start_time_unix_nano, span.end_time_unix_nano));
    let names: Vec<&str> = phases.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["queue", "prefill", "reasoning", "answer"]);
    assert_eq!(phases[0].start_time_unix_nano, root.start_time_unix_nano);
    assert!(phases.windows(2).all(|two| two[0].end_time_unix_nano == two[1].start_time_unix_nano));
    assert_eq!(phases[3].end_time_unix_nano, root.end_time_unix_nano);
    let text = String::from_utf8_lossy(&bytes);
    for secret in ["PLANTED", "secret", "bbb"] {
        assert!(!text.contains(secret), "{secret} is in the traces");
    }
}

#[test]
fn refusals_and_cuts_are_errors_and_the_last_spans_are_sent_at_the_end() {
    let (model, (url, posts)) = (thinking_model(), collector());
    let environment = [("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic abc")];
    let args = ["--otlp-endpoint", &url];
    let mut server = Server::start_with(arg(model.path()), &args, &environment);
    let raw =
        json!({"model": "default", "prompt": "x", "max_tokens": 2, "logit_bias": {"68": 100}});
    server.post("/v1/completions", &raw).ok();
    let too_long = json!({"model": "default", "prompt": "x", "max_tokens": 5000});
    assert_eq!(server.post("/v1/completions", &too_long).status, 400);
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    let (spans, ..) = receive(&posts, 5);
    let roots: Vec<&Span> =
        spans.iter().filter(|span| span.name.starts_with("text_completion")).collect();
    let statuses = roots.iter().map(|span| span.status.as_ref().map_or(0, |status| status.code));
    let statuses: Vec<i32> = statuses.collect();
    assert_eq!(statuses, [StatusCode::Unset as i32, StatusCode::Error as i32]);
    assert_eq!(attributes(&roots[1].attributes)["error.type"], "refused");
}

#[test]
fn a_protocol_that_is_not_spoken_is_refused() {
    let model = thinking_model();
    let mut command = command(&["serve", "--model", arg(model.path()), "--port", "0"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
    let output = command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("`grpc` is not spoken") && stderr.contains("\nhint: "), "{stderr}");
}
