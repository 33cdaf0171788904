//! A user serves a model: chat completions stream with the thinking apart, hanging up frees the
//! engine, wrong requests are refused by name, SIGTERM lets answers finish.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Answer, Server};
use crate::support::{arg, thinking_model};

/// Makes the model write `b` for ever, in thinking and answer.
fn chat(more: Value) -> Value {
    let mut body = json!({
        "model": "deepseek-reasoner",
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 0, "logit_bias": {"68": 100}, "max_tokens": 12,
        "thinking": {"type": "enabled", "budget_tokens": 3},
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[test]
fn chat_completions_keep_thinking_apart_whole_and_streamed() {
    let model = thinking_model();
    let server = Server::start(arg(model.path()), &["--name", "tiny"]);
    for part in ["tiny", "weights", "cache", "tok/s"] {
        assert!(server.said.contains(part), "{part} is not in:\n{}", server.said);
    }
    let answer = server.post("/v1/chat/completions", &chat(json!({}))).ok();
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["reasoning_content"], "bbb");
    assert_eq!(choice["message"]["content"], "bbbbbbbb");
    assert_eq!(choice["finish_reason"], "length");
    let usage = &answer["usage"];
    assert_eq!(usage["completion_tokens"], 12);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 3);
    assert_eq!(usage["total_tokens"], 12 + usage["prompt_tokens"].as_u64().unwrap());
    assert_eq!(answer["model"], "tiny");

    let asked = chat(json!({"stream": true, "stream_options": {"include_usage": true}, "n": 2}));
    let streamed = server.post("/v1/chat/completions", &asked);
    assert!(streamed.head.contains("text/event-stream"), "{}", streamed.head);
    assert!(streamed.body.ends_with("data: [DONE]\n\n"));
    let events = streamed.events();
    assert_eq!(events[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    for choice in 0..2 {
        let all = |field: &str| -> String {
            let of_choice = events.iter().flat_map(|event| event["choices"].as_array().unwrap());
            of_choice
                .filter(|c| c["index"] == choice)
                .filter_map(|c| c["delta"][field].as_str())
                .collect()
        };
        assert_eq!((all("reasoning_content"), all("content")), ("bbb".into(), "bbbbbbbb".into()));
    }
    let last = events.last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]["completion_tokens"]), (&json!([]), &json!(24)));
    assert!(events[..events.len() - 1].iter().all(|event| event["usage"].is_null()));
}

#[test]
fn stop_strings_seeds_and_logprobs_do_what_they_say() {
    let model = thinking_model();
    let server = Server::start(arg(model.path()), &[]);
    let path = "/v1/chat/completions";
    let stopped = server.post(path, &chat(json!({"stop": "bbbbb"}))).ok();
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
    assert_eq!(stopped["choices"][0]["message"]["content"], "");
    assert_eq!(stopped["choices"][0]["message"]["reasoning_content"], "bbb", "not in thinking");
    assert_eq!(stopped["usage"]["completion_tokens"], 3 + 1 + 5);

    let random = json!({"temperature": 1, "logit_bias": {}, "seed": 7, "top_p": 1, "n": 2});
    let [one, two] = [0, 1].map(|_| server.post(path, &chat(random.clone())).ok());
    assert_eq!(one["choices"], two["choices"]);
    assert_ne!(one["choices"][0]["message"], one["choices"][1]["message"]);

    let asked = chat(json!({"logprobs": true, "top_logprobs": 2}));
    let answer = server.post(path, &asked).ok();
    let content = answer["choices"][0]["logprobs"]["content"].as_array().unwrap().clone();
    assert_eq!(content.len(), 8);
    for entry in &content {
        assert_eq!((&entry["token"], &entry["bytes"]), (&json!("b"), &json!([98])));
        assert!(entry["logprob"].as_f64().unwrap() < 0.0);
        assert_eq!(entry["top_logprobs"].as_array().unwrap().len(), 2);
    }
    let reasoning = &answer["choices"][0]["logprobs"]["reasoning_content"];
    assert_eq!(reasoning.as_array().unwrap().len(), 3);
    let hidden = server.post(path, &chat(json!({"logprobs": true, "include_reasoning": false})));
    let hidden = hidden.ok();
    assert!(hidden["choices"][0]["message"].get("reasoning_content").is_none());
    assert!(hidden["choices"][0]["logprobs"].get("reasoning_content").is_none());
}

#[test]
fn wrong_requests_are_refused_by_the_field() {
    let model = thinking_model();
    let server = Server::start(arg(model.path()), &[]);
    let cases = [
        (json!({"temperature": 3}), 400, "temperature"),
        (json!({"n": 1_000_000}), 400, "n"),
        (json!({"n": -1}), 400, "n"),
        (json!({"max_tokens": "8"}), 400, "max_tokens"),
        (json!({"max_tokens": 100_000}), 400, "messages"),
        (json!({"messages": []}), 400, "messages"),
        (json!({"messages": [{"role": "king", "content": "x"}]}), 400, "messages[0].role"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
            400,
            "messages[0].content[0].type",
        ),
        (json!({"best_of": 3}), 400, "best_of"),
        (json!({"stop": vec!["a"; 17]}), 400, "stop"),
        (json!({"logit_bias": {"99999": 1}}), 400, "logit_bias"),
        (json!({"top_logprobs": 3}), 400, "top_logprobs"),
        (json!({"model": "gpt-4"}), 404, "model"),
    ];
    for (more, status, param) in cases {
        let answer = server.post("/v1/chat/completions", &chat(more.clone()));
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["param"]), (status, &json!(param)), "{more}: {error}");
        assert!(error["message"].as_str().unwrap().len() > 10 && error["type"].is_string());
    }
    let overflow = server.post("/v1/chat/completions", &chat(json!({"max_tokens": 511})));
    assert_eq!(overflow.json()["error"]["code"], "context_length_exceeded");
    assert_eq!(overflow.json()["error"]["n_ctx"], 512);
    for (method, path, status) in [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/nowhere", 404),
        ("GET", "/v1/models/x", 404),
    ] {
        let answer = server.send(method, path, "", "");
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.json()["error"]["message"].is_string());
    }
    // Earlier thinking: dropped under /v1, an error where DeepSeek's own API makes it one.
    let turns = json!({"messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "y", "reasoning_content": "z"},
        {"role": "user", "content": "x"},
    ]});
    assert_eq!(server.post("/v1/chat/completions", &chat(turns.clone())).status, 200);
    let strict = server.post("/chat/completions", &chat(turns));
    assert_eq!(
        (strict.status, &strict.json()["error"]["param"]),
        (400, &json!("messages[1].reasoning_content"))
    );
}

#[test]
fn a_prefix_is_continued() {
    let model = thinking_model();
    let server = Server::start(arg(model.path()), &[]);
    let messages = json!({"messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "It is", "prefix": true},
    ]});
    let answer = server.post("/beta/chat/completions", &chat(messages)).ok();
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], "bbbbbbbbbbbb", "all of it is answer");
    assert!(message["reasoning_content"].is_null());
}

#[test]
fn models_health_and_metrics_answer() {
    let model = thinking_model();
    let server = Server::start(arg(model.path()), &["--name", "org/tiny"]);
    let models = server.get("/v1/models").ok();
    assert_eq!(models["data"][0]["id"], "org/tiny");
    assert!(models["data"][0]["max_model_len"].as_u64().unwrap() > 0);
    assert_eq!(server.get("/v1/models/org/tiny").ok()["object"], "model");
    for path in ["/health", "/live", "/ready"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    assert_eq!(server.metric("vllm:num_requests_running"), 0.0);
    assert!(server.get("/metrics").body.ends_with("# EOF\n"));
}

#[test]
fn hanging_up_frees_the_engine() {
    let model = thinking_model();
    let server = Server::start(arg(model.path()), &["--sequences", "8"]);
    let endless = chat(json!({"stream": true, "max_tokens": 480, "ignore_eos": true}));
    let whole = chat(json!({"max_tokens": 480, "ignore_eos": true}));
    for body in [endless, whole] {
        let request = server.request("POST", "/v1/chat/completions", "", &body.to_string());
        let streams: Vec<_> = (0..20).map(|_| server.connect(&request)).collect();
        drop(streams);
    }
    let start = Instant::now();
    loop {
        let left =
            server.metric("vllm:num_requests_running") + server.metric("vllm:num_requests_waiting");
        if left == 0.0 && server.metric("vllm:kv_cache_usage_perc") == 0.0 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(2), "{left} requests are left");
    }
    assert_eq!(server.post("/v1/chat/completions", &chat(json!({}))).status, 200);
}

#[test]
fn a_server_that_is_told_to_end_finishes_what_it_has() {
    let model = thinking_model();
    let mut server = Server::start(arg(model.path()), &[]);
    let body = chat(json!({"stream": true, "max_tokens": 400, "ignore_eos": true}));
    let request = server.request("POST", "/v1/chat/completions", "", &body.to_string());
    let mut stream = BufReader::new(server.connect(&request));
    let mut line = String::new();
    while !line.contains("reasoning_content") {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0);
    }
    server.signal("-TERM");
    let rest = Answer::read(stream.into_inner());
    let text = format!("{line}{}{}", rest.head, rest.body);
    assert!(text.contains("[DONE]") && text.contains("\"length\""), "{text}");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn keys_open_the_apis_and_nothing_else_does() {
    let model = thinking_model();
    let args = ["--requests-at-once", "4"];
    let server = Server::start_with(arg(model.path()), &args, &[("PONDER_API_KEY", "secret")]);
    let path = "/v1/chat/completions";
    let body = chat(json!({})).to_string();
    for (headers, status) in [
        ("", 401),
        ("authorization: Bearer wrong\r\n", 401),
        ("authorization: secret\r\n", 401),
        ("authorization: Bearer secret\r\n", 200),
        ("x-api-key: secret\r\n", 200),
        ("x-api-key: secret\r\norigin: https://evil.example\r\n", 403),
    ] {
        assert_eq!(server.send("POST", path, headers, &body).status, status, "{headers}");
    }
    for path in ["/metrics", "/v1/models", "/nowhere"] {
        assert_eq!(server.get(path).status, 401, "{path}");
    }
    assert_eq!(server.get("/health").status, 200);
    let rebound = b"GET /health HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    assert_eq!(Answer::read(server.connect(rebound)).status, 403);
}

#[test]
fn raw_completions_score_as_evaluation_harnesses_read_them() {
    let model = thinking_model();
    let server = Server::start(arg(model.path()), &[]);
    let path = "/v1/completions";
    let ids = json!([[0, 40, 41, 42, 43], [0, 50, 51]]);
    let asked = json!({
        "model": "default", "prompt": ids, "temperature": 0, "max_tokens": 1, "logprobs": 1,
        "seed": 1234, "echo": true,
    });
    let answer = server.post(path, &asked).ok();
    for (index, n_prompt) in [(0, 5), (1, 3)] {
        let choice = &answer["choices"][index];
        assert_eq!(choice["index"], index);
        let list = |name: &str| choice["logprobs"][name].as_array().unwrap().clone();
        let (logprobs, top) = (list("token_logprobs"), list("top_logprobs"));
        for list in [&list("tokens"), &logprobs, &top, &list("text_offset")] {
            assert_eq!(list.len(), n_prompt + 1, "{choice}");
        }
        assert!(logprobs[0].is_null() && top[0].is_null());
        let mut n_greedy = 0;
        for (own, top) in logprobs[1..].iter().zip(&top[1..]) {
            let best = top.as_object().unwrap().values().filter_map(Value::as_f64);
            let best = best.fold(f64::NEG_INFINITY, f64::max);
            assert!(own.as_f64().unwrap() <= best);
            n_greedy += usize::from(own.as_f64().unwrap() == best);
        }
        assert!(n_greedy >= 1, "the generated token is the best one: {choice}");
    }
    // The same numbers without a batch, and without anything generated.
    let alone = json!({"model": "default", "prompt": [0, 50, 51], "temperature": 0,
        "max_tokens": 0, "logprobs": 1, "echo": true});
    let alone = server.post(path, &alone).ok()["choices"][0]["logprobs"]["token_logprobs"].clone();
    let batched = answer["choices"][1]["logprobs"]["token_logprobs"].as_array().unwrap();
    assert_eq!(alone.as_array().unwrap()[..], batched[..3]);

    let text = json!({"model": "default", "prompt": "ab", "echo": true, "max_tokens": 3,
        "logit_bias": {"68": 100}, "temperature": 0, "stream": true});
    let events = server.post(path, &text).events();
    let written = events.iter().filter_map(|event| event["choices"][0]["text"].as_str());
    assert_eq!(written.collect::<String>(), "abbbb");
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 3);
    for (prompt, status) in [
        (json!(""), 200),
        (json!([]), 400),
        (json!([[]]), 400),
        (json!(7), 400),
        (json!([1, "a"]), 400),
        (json!([99999]), 400),
        (json!(vec!["x"; 65]), 400),
    ] {
        let answer = server.post(path, &json!({"model": "default", "prompt": prompt}));
        assert_eq!(answer.status, status, "{prompt}");
    }
    let ids = server.post("/tokenize", &json!({"prompt": "<think>ab"})).ok();
    assert_eq!(ids["count"], ids["tokens"].as_array().unwrap().len());
    assert!(!ids["tokens"].as_array().unwrap().contains(&json!(490)), "text, not a control token");
    let back = server.post("/detokenize", &json!({"tokens": ids["tokens"]})).ok();
    assert!(back["prompt"].as_str().unwrap().ends_with("<think>ab"));
    assert!(server.get("/tokenizer_info").ok()["eos_token"].is_string());
}
