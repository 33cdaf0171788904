//! What orchestrators and dashboards ask.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::gate::json_response;
use crate::app::App;

/// A step of the engine that takes longer than this is stuck: the largest models on the slowest
/// machines take seconds.
const STUCK: Duration = Duration::from_secs(120);

/// The process runs.
pub async fn live() -> Response {
    json_response(StatusCode::OK, &json!({ "status": "ok" }))
}

/// The engine runs and answers.
pub async fn health(State(app): State<Arc<App>>) -> Response {
    match app.board.is_stopped() || app.board.silence() > STUCK {
        false => json_response(StatusCode::OK, &json!({ "status": "ok" })),
        true => unavailable("the engine does not run"),
    }
}

/// New requests are taken.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.board.is_leaving() {
        return unavailable("the server is going down");
    }
    if app.board.is_stopped() || app.board.silence() > STUCK {
        return unavailable("the engine does not run");
    }
    let value = json!({ "object": "health.response", "message": "ready", "status": "ready" });
    json_response(StatusCode::OK, &value)
}

fn unavailable(message: &str) -> Response {
    let error = json!({ "code": 503, "message": message, "type": "unavailable_error" });
    json_response(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": error }))
}

/// Counts and times for Prometheus.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut response = Response::new(Body::from(app.metrics.text(&app.board.stats())));
    let kind =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
