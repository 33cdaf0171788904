//! What an operator may set.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracer;

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Keys, any of which opens the APIs; with none everybody may use them.
    pub api_keys: Vec<String>,
    /// Web pages that may call the APIs, as `https://example.org`; none by default.
    pub cors_origins: Vec<String>,
    /// Certificate chain and private key, PEM; without them there is no TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Bounds.
    pub limits: Limits,
    /// How the end goes.
    pub drain: Drain,
    /// Where spans go; without one there are none.
    pub tracer: Option<SdkTracer>,
}

/// Bounds on what a client can make the server do. Reaching one is an answer, not an accident.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Bytes of all bodies that are being read or parsed.
    pub bodies_bytes: usize,
    /// Connections at once; more wait in the system's queue.
    pub connections: usize,
    /// Answers to one prompt.
    pub n: usize,
    /// Prompts of one raw completion.
    pub prompts: usize,
    /// Requests a minute for each key.
    pub requests_per_minute: Option<u32>,
    /// Requests at once for each key.
    pub requests_at_once: Option<usize>,
    /// How long a request may wait to be admitted.
    pub queue_wait: Duration,
    /// How long an answer may take.
    pub answer: Duration,
    /// How long a request's head may take to arrive.
    pub head_read: Duration,
    /// How long its body may take.
    pub body_read: Duration,
    /// How long a client may take nothing of what it is sent.
    pub write_stall: Duration,
}

impl Limits {
    /// The limits without any option: `serving.md` of the specification, section 3.1.
    pub fn standard() -> Limits {
        Limits {
            body_bytes: 8 << 20,
            bodies_bytes: 64 << 20,
            connections: 4096,
            n: 8,
            prompts: 64,
            requests_per_minute: None,
            requests_at_once: None,
            queue_wait: Duration::from_secs(60),
            answer: Duration::from_secs(3600),
            head_read: Duration::from_secs(10),
            body_read: Duration::from_secs(30),
            write_stall: Duration::from_secs(60),
        }
    }
}

/// How a server ends that was asked to.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// How long it still takes requests, so that load balancers notice first.
    pub delay: Duration,
    /// How long running answers may take after that.
    pub limit: Duration,
}
