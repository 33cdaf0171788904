//! Against a small server of our own, which fails as servers do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::protocol::Protocol;

/// Answers each request by what `answer` makes of its number and body.
fn serve<R>(answer: impl Fn(usize, &Value) -> String + Sync, work: impl FnOnce(&str) -> R) -> R {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (number, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (answer, number) = (&answer, &number);
                scope.spawn(move || talk(stream.unwrap(), answer, number));
            }
        });
        let result = work(&format!("http://{address}"));
        is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(address));
        result
    })
}

fn talk(
    stream: TcpStream,
    answer: &(impl Fn(usize, &Value) -> String + Sync),
    number: &AtomicUsize,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let text = answer(number.fetch_add(1, Ordering::SeqCst), &body);
    // Whoever hangs up early is not served.
    let _ = (&stream).write_all(text.as_bytes());
}

fn response(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn completion(body: &Value) -> String {
    let prompt = body["messages"][0]["content"].as_str().unwrap();
    let text = format!("<think>so</think>{prompt} with {}", body["seed"]);
    let reply = json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]});
    response("200 OK", "Content-Type: application/json\r\n", &reply.to_string())
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        url: url.to_owned(),
        model: "m".into(),
        key: Some("secret".into()),
        concurrency: 4,
        tries: 3,
        is_streamed: true,
        sampling: Protocol::R1.sampling(1, 0),
    }
}

fn jobs(prompts: &[String]) -> Vec<Job<'_>> {
    prompts
        .iter()
        .enumerate()
        .map(|(i, prompt)| Job { question: prompt, prompt, sample: 0, seed: i as u64 })
        .collect()
}

/// All results, by question.
fn draw(endpoint: &mut Endpoint, jobs: &[Job<'_>]) -> Vec<(String, Result<String, String>)> {
    let found = Mutex::new(Vec::new());
    endpoint
        .generate(jobs, &mut |job, reply| {
            found.lock().unwrap().push((job.question.to_owned(), reply.map(|reply| reply.answer)));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    let mut found = found.into_inner().unwrap();
    found.sort();
    found
}

#[test]
fn every_job_is_answered_once_whatever_fails_in_between() {
    let prompts: Vec<String> = (0..20).map(|i| format!("q{i:02}")).collect();
    // Every third request is refused for now.
    let answer = |number: usize, body: &Value| match number % 3 {
        1 => response("429 Too Many Requests", "Retry-After: 0\r\n", "{}"),
        _ => completion(body),
    };
    let found =
        serve(answer, |url| draw(&mut Endpoint { tries: 20, ..endpoint(url) }, &jobs(&prompts)));
    assert_eq!(found.len(), 20);
    for (i, (question, answer)) in found.iter().enumerate() {
        assert_eq!(answer.as_deref(), Ok(format!("{question} with {i}").as_str()));
    }
}

#[test]
fn what_does_not_come_is_a_failure_with_its_reason() {
    let prompts = ["a".to_owned()];
    let bad = |_: usize, _: &Value| response("400 Bad Request", "", "too long");
    let found = serve(bad, |url| draw(&mut endpoint(url), &jobs(&prompts)));
    assert_eq!(found[0].1, Err("status 400: too long".into()));

    let torn = |_: usize, _: &Value| {
        let body = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n";
        response("200 OK", "Content-Type: text/event-stream\r\n", body)
    };
    let found =
        serve(torn, |url| draw(&mut Endpoint { tries: 1, ..endpoint(url) }, &jobs(&prompts)));
    let error = found[0].1.as_ref().unwrap_err();
    assert!(error.contains("without a finish_reason (1 tries)"), "{error}");
}

#[test]
fn a_refused_key_ends_the_run() {
    let prompts = ["a".to_owned()];
    let denied = |_: usize, _: &Value| response("401 Unauthorized", "", "no such key");
    let error = serve(denied, |url| {
        endpoint(url)
            .generate(&jobs(&prompts), &mut |_, _| Ok(ControlFlow::Continue(())))
            .unwrap_err()
    });
    assert!(error.to_string().contains("no such key") && !error.to_string().contains("secret"));
}

#[test]
fn the_only_model_is_found() {
    let models = |_: usize, _: &Value| response("200 OK", "", r#"{"data":[{"id":"deepseek-r1"}]}"#);
    let name = serve(models, |url| only_model(url, None).unwrap());
    assert_eq!(name, "deepseek-r1");
}

#[test]
fn addresses_are_completed() {
    let cases = [
        ("http://h:8000", "http://h:8000/v1/chat/completions"),
        ("http://h/v1/", "http://h/v1/chat/completions"),
        ("https://h/api/v3", "https://h/api/v3/chat/completions"),
        ("https://h/x/chat/completions", "https://h/x/chat/completions"),
    ];
    for (url, want) in cases {
        assert_eq!(completions_url(url), want);
    }
}
