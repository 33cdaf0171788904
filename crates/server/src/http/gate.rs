//! What every request passes: its id, the origin it comes from, its key.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{HOST, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::error::{ApiError, Kind};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids of clients are replaced.
const MAX_ID_BYTES: usize = 64;

/// The id of a request, for its answer and its log line.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Routes that need no key: probes, which say nothing about anybody.
const OPEN: [&str; 4] = ["/health", "/live", "/ready", "/v1/health/ready"];

/// Passes a request on, or answers it.
pub async fn pass(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "none".to_owned());
    let origin = request.headers().get(ORIGIN).cloned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let checked = check(&app, &mut request, &method, origin.as_ref());
    let mut response = match checked {
        Err(error) => error_response(&error, &path, &id),
        Ok(Some(preflight)) => preflight,
        Ok(None) => next.run(request).await,
    };
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if let Some(origin) = origin.filter(|origin| is_allowed_origin(&app, origin)) {
        headers.insert("access-control-allow-origin", origin);
        headers.insert("access-control-expose-headers", HeaderValue::from_static("*"));
        headers.insert("vary", HeaderValue::from_static("origin"));
    }
    let status = response.status().as_u16();
    app.metrics.answered(&route, known_method(&method), status);
    tracing::info!(
        id,
        method = known_method(&method),
        route,
        status,
        ms = start.elapsed().as_millis() as u64,
        "request"
    );
    response
}

fn check(
    app: &App,
    request: &mut Request,
    method: &Method,
    origin: Option<&HeaderValue>,
) -> Result<Option<Response>, ApiError> {
    check_host(app, request.headers(), request.uri())?;
    if let Some(origin) = origin {
        let is_own = is_own_origin(origin, request.headers());
        if !is_own && !is_allowed_origin(app, origin) {
            let message = "web pages of other origins may not call this server (see --cors-origin)";
            return Err(ApiError::new(Kind::Forbidden, message));
        }
        if method == Method::OPTIONS && !is_own {
            return Ok(Some(preflight()));
        }
    }
    let path = request.uri().path();
    if !OPEN.contains(&path) && !crate::web::is_open(path) {
        let tenant = app.access.authenticate(request.headers())?;
        request.extensions_mut().insert(tenant);
    }
    Ok(None)
}

/// A server on loopback answers to its own names only: a page that makes its host name resolve to
/// this machine does not reach it (DNS rebinding).
fn check_host(app: &App, headers: &HeaderMap, uri: &Uri) -> Result<(), ApiError> {
    if !app.options.listen.ip().is_loopback() {
        return Ok(());
    }
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).or(uri.host());
    let Some(host) = host else { return Ok(()) };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    match name == "localhost" || name == "[::1]" || name == "::1" || name.starts_with("127.") {
        true => Ok(()),
        false => Err(ApiError::new(Kind::Forbidden, "this server answers to localhost only")),
    }
}

fn is_own_origin(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let origin = origin.as_bytes();
    let rest = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
    !host.is_empty() && rest == Some(host)
}

fn is_allowed_origin(app: &App, origin: &HeaderValue) -> bool {
    app.options.cors_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
}

fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert("access-control-allow-methods", HeaderValue::from_static("GET, POST"));
    // The clients of OpenAI and Anthropic send many of their own; the star leaves out one only.
    let allowed = HeaderValue::from_static("*, authorization");
    headers.insert("access-control-allow-headers", allowed);
    headers.insert("access-control-max-age", HeaderValue::from_static("600"));
    response
}

/// The client's id if it is short and plain, else one of ours.
fn request_id(headers: &HeaderMap) -> String {
    let is_plain = |id: &&str| {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
        !id.is_empty() && id.len() <= MAX_ID_BYTES && id.bytes().all(is_part)
    };
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(is_plain);
    given.map_or_else(|| crate::app::fresh_id("req_"), str::to_owned)
}

fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// An error in the shape of the dialect that the path belongs to.
pub fn error_response(error: &ApiError, path: &str, id: &str) -> Response {
    let is_anthropic = path.contains("/v1/messages");
    let value = if is_anthropic { error.anthropic(id) } else { error.openai() };
    let mut response = json_response(error.status(), &value);
    // Anthropic's clients know this status and wait longer for it.
    if is_anthropic && error.kind == Kind::Overloaded {
        *response.status_mut() = axum::http::StatusCode::from_u16(529).expect("three digits");
    }
    let headers = response.headers_mut();
    if let Some(seconds) = error.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if error.kind == Kind::Unauthenticated {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// A JSON answer.
pub fn json_response(status: axum::http::StatusCode, value: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/json");
    headers.insert(axum::http::header::CONTENT_TYPE, kind);
    response
}
