//! Server-sent events: a task writes what a generation brings, in the words of a dialect.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Frame;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::error::ApiError;
use crate::generation::Generation;
use crate::output::Output;

/// Proxies cut connections that are silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Pieces that may wait for a slow reader; what comes meanwhile is joined into larger ones.
const MAX_WAITING: usize = 4;

/// How a dialect writes a stream.
pub trait StreamWriter: Send + 'static {
    /// Before anything is generated.
    fn start(&mut self, sse: &mut Sse);
    /// Something new in a choice.
    fn output(&mut self, choice: usize, output: Output, sse: &mut Sse);
    /// After the last choice has ended.
    fn end(&mut self, sse: &mut Sse);
    /// Instead of that, when it cannot go on.
    fn error(&mut self, error: &ApiError, sse: &mut Sse);
}

/// Events on their way.
#[derive(Default)]
pub struct Sse {
    text: String,
}

impl Sse {
    /// An event without a name.
    pub fn data(&mut self, value: &Value) {
        self.text.push_str("data: ");
        self.text.push_str(&value.to_string());
        self.text.push_str("\n\n");
    }

    /// An event with its name, which is the value's `type`.
    pub fn typed(&mut self, value: &Value) {
        self.text.push_str("event: ");
        self.text.push_str(value["type"].as_str().unwrap_or_default());
        self.text.push('\n');
        self.data(value);
    }

    /// The mark that ends OpenAI's streams.
    pub fn done(&mut self) {
        self.text.push_str("data: [DONE]\n\n");
    }

    fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.text))
    }
}

/// A response that streams a generation. When the client leaves, the generation is dropped, which
/// cancels it. `hold` lives as long as the stream.
pub fn respond(
    generation: Generation,
    writer: impl StreamWriter,
    hold: impl Send + 'static,
) -> Response {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    tokio::spawn(async move {
        write(generation, writer, sender).await;
        drop(hold);
    });
    let mut response = Response::new(Body::new(Receiver(receiver)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // nginx would collect the events otherwise.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

async fn write(mut generation: Generation, mut writer: impl StreamWriter, to: mpsc::Sender<Bytes>) {
    let mut sse = Sse::default();
    writer.start(&mut sse);
    loop {
        if !sse.text.is_empty() && to.send(sse.take()).await.is_err() {
            return;
        }
        tokio::select! {
            biased;
            () = to.closed() => return,
            outputs = generation.next() => match outputs {
                Some(Ok(outputs)) => {
                    for (choice, output) in outputs {
                        writer.output(choice, output, &mut sse);
                    }
                }
                Some(Err(error)) => {
                    writer.error(&error, &mut sse);
                    break;
                }
                None => {
                    writer.end(&mut sse);
                    break;
                }
            },
            () = tokio::time::sleep(KEEP_ALIVE) => sse.text.push_str(": keep-alive\n\n"),
        }
    }
    // If the client has gone, it does not miss the end.
    let _ = to.send(sse.take()).await;
}

/// A body of what a channel brings.
struct Receiver(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Receiver {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
