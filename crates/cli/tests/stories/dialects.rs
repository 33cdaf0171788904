//! A user's answers keep to a form, call tools, and come in Anthropic's and OpenAI's newer words.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::Server;
use crate::support::{arg, edit_json, thinking_model};

/// A model whose context holds descriptions of tools.
fn model() -> TempDir {
    let model = thinking_model();
    edit_json(&model.path().join("config.json"), |config| {
        config["max_position_embeddings"] = 4096.into();
    });
    model
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {"colour": {"enum": ["red", "green"]}, "n": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["colour", "n"],
        "additionalProperties": false,
    })
}

#[track_caller]
fn check_answer(text: &str) {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in {text:?}"));
    assert!(["red", "green"].contains(&value["colour"].as_str().unwrap()), "{text}");
    assert!((1..=9).contains(&value["n"].as_u64().unwrap()), "{text}");
}

/// The words of thinking are `b`s by bias; the form holds for the answer only.
fn chat(more: Value) -> Value {
    let mut body = json!({
        "model": "default", "messages": [{"role": "user", "content": "x"}], "seed": 3,
        "logit_bias": {"68": 50}, "thinking": {"type": "enabled", "budget_tokens": 3},
        "max_tokens": 600,
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[test]
fn answers_keep_to_a_form_and_thinking_does_not() {
    let model = model();
    let server = Server::start(arg(model.path()), &[]);
    let path = "/v1/chat/completions";
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema()}});
    let answer = server.post(path, &chat(json!({"response_format": format, "n": 3}))).ok();
    for choice in answer["choices"].as_array().unwrap() {
        assert_eq!(choice["message"]["reasoning_content"], "bbb");
        assert_eq!(choice["finish_reason"], "stop");
        check_answer(choice["message"]["content"].as_str().unwrap());
    }
    let cases = [
        (json!({"structured_outputs": {"regex": "[0-9]{3}-[0-9]{2}"}}), 6),
        (json!({"structured_outputs": {"choice": ["blue!", "pink?"]}}), 5),
        (json!({"guided_regex": "(a|c){4}"}), 4),
    ];
    for (more, n_chars) in cases {
        let answer = server.post(path, &chat(more.clone())).ok();
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
        assert_eq!(text.chars().count(), n_chars, "{more}: {text}");
        assert!(!text.contains('b') || text == "blue!", "{more}: {text}");
    }
    for (more, param) in [
        (json!({"structured_outputs": {"regex": "(("}}), "response_format"),
        (json!({"response_format": {"type": "json_schema"}}), "response_format.json_schema"),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "moon"}}}}),
            "response_format",
        ),
        (json!({"guided_regex": "a", "guided_choice": ["b"]}), "response_format"),
    ] {
        let answer = server.post(path, &chat(more.clone()));
        assert_eq!(
            (answer.status, &answer.json()["error"]["param"]),
            (400, &json!(param)),
            "{more}"
        );
    }
}

#[test]
fn tools_are_called_and_their_results_understood() {
    let model = model();
    let server = Server::start(arg(model.path()), &[]);
    let path = "/v1/chat/completions";
    let tools = json!([
        {"type": "function", "function": {"name": "paint", "description": "Paints.", "parameters": schema()}},
        {"type": "function", "function": {"name": "wash", "parameters": schema()}},
    ]);
    let named = json!({"type": "function", "function": {"name": "wash"}});
    for (choice, reason) in [(json!("required"), "tool_calls"), (named, "stop")] {
        let asked = json!({"tools": tools, "tool_choice": choice, "parallel_tool_calls": false});
        let answer = server.post(path, &chat(asked)).ok();
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], reason, "{choice}");
        assert_eq!(
            (&choice["message"]["content"], &choice["message"]["reasoning_content"]),
            (&json!(null), &json!("bbb"))
        );
        let calls = choice["message"]["tool_calls"].as_array().unwrap();
        assert_eq!(calls.len(), 1);
        check_answer(calls[0]["function"]["arguments"].as_str().unwrap());
    }
    let asked = chat(json!({"tools": tools, "tool_choice": "required", "stream": true}));
    let events = server.post(path, &asked).events();
    let deltas: Vec<&Value> =
        events.iter().map(|e| &e["choices"][0]["delta"]["tool_calls"][0]).collect();
    let first = deltas.iter().find(|delta| delta["id"].is_string()).unwrap();
    assert_eq!((&first["index"], &first["function"]["arguments"]), (&json!(0), &json!("")));
    let of_first = deltas.iter().filter(|delta| delta["index"] == 0);
    check_answer(&of_first.filter_map(|d| d["function"]["arguments"].as_str()).collect::<String>());

    let call = json!({"id": "call_1", "type": "function", "function": {"name": "wash", "arguments": "{}"}});
    let turns = json!([
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "<｜tool▁calls▁begin｜>"},
    ]);
    let answer =
        server.post(path, &chat(json!({"messages": turns, "tools": tools, "max_tokens": 20}))).ok();
    assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().starts_with("bbb"));
    for more in [
        json!({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}),
        json!({"tools": tools, "tool_choice": {"type": "function", "function": {"name": "fly"}}}),
        json!({"tool_choice": "required"}),
        json!({"tools": [tools[0], tools[0]]}),
    ] {
        assert_eq!(server.post(path, &chat(more.clone())).status, 400, "{more}");
    }
}

#[test]
fn messages_speak_in_blocks() {
    let model = model();
    let server = Server::start(arg(model.path()), &[]);
    let asked = |more: Value| {
        let mut body = json!({
            "model": "default", "max_tokens": 60, "temperature": 0,
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}],
            "thinking": {"type": "enabled", "budget_tokens": 5},
        });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    let answer = server.post("/v1/messages", &asked(json!({}))).ok();
    assert_eq!(
        (&answer["type"], &answer["content"][0]["type"]),
        (&json!("message"), &json!("thinking"))
    );
    let streamed = server.post("/v1/messages", &asked(json!({"stream": true})));
    assert!(streamed.body.starts_with("event: message_start\n"), "{}", streamed.body);
    let events = streamed.events();
    let all = |field: &str| -> String {
        events.iter().filter_map(|event| event["delta"][field].as_str()).collect()
    };
    assert_eq!(json!(all("thinking")), answer["content"][0]["thinking"]);
    assert_eq!(json!(all("text")), answer["content"][1]["text"]);
    assert!(!all("signature").is_empty());
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..2], ["message_start", "content_block_start"]);
    assert_eq!(kinds[kinds.len() - 3..], ["content_block_stop", "message_delta", "message_stop"]);
    let count = server.post("/v1/messages/count_tokens", &asked(json!({}))).ok();
    let usage = &answer["usage"];
    let read = usage["input_tokens"].as_u64().unwrap()
        + usage["cache_read_input_tokens"].as_u64().unwrap();
    assert_eq!(count["input_tokens"], read);
    for (more, status, kind) in [
        (json!({"max_tokens": null}), 400, "invalid_request_error"),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 60}}),
            400,
            "invalid_request_error",
        ),
        (json!({"model": "claude"}), 404, "not_found_error"),
        (json!({"container": "x"}), 400, "invalid_request_error"),
    ] {
        let answer = server.post("/v1/messages", &asked(more.clone()));
        assert_eq!(
            (answer.status, &answer.json()["error"]["type"]),
            (status, &json!(kind)),
            "{more}"
        );
        assert_eq!(answer.json()["type"], "error");
    }
}

#[test]
fn responses_number_their_events() {
    let model = model();
    let server = Server::start(arg(model.path()), &[]);
    let asked = json!({
        "model": "default", "input": "x", "max_output_tokens": 40, "temperature": 0,
        "reasoning": {"effort": "low"}, "stream": true,
    });
    let events = server.post("/v1/responses", &asked).events();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], index);
    }
    let last = events.last().unwrap();
    let mut whole = asked.clone();
    whole["stream"] = json!(false);
    let answer = server.post("/v1/responses", &whole).ok();
    assert_eq!(last["type"], format!("response.{}", answer["status"].as_str().unwrap()));
    for item in 0..2 {
        assert_eq!(
            last["response"]["output"][item]["content"][0]["text"],
            answer["output"][item]["content"][0]["text"]
        );
    }
    let all = |kind: &str| -> String {
        events
            .iter()
            .filter(|event| event["type"] == kind)
            .filter_map(|e| e["delta"].as_str())
            .collect()
    };
    assert_eq!(
        json!(all("response.reasoning_text.delta")),
        answer["output"][0]["content"][0]["text"]
    );
    assert_eq!(json!(all("response.output_text.delta")), answer["output"][1]["content"][0]["text"]);
    let stored = server.post(
        "/v1/responses",
        &json!({"model": "default", "input": "x", "previous_response_id": "resp_1"}),
    );
    assert_eq!(stored.json()["error"]["param"], "previous_response_id");
}
