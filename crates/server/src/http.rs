//! HTTP: routes, and what every request passes on its way.

pub mod accept;
mod body;
mod chat;
mod completions;
pub mod gate;
mod messages;
mod models;
mod openapi;
mod page;
mod probes;
mod responses;
pub mod sse;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};

use crate::access::{Admission, Tenant};
use crate::app::App;
use crate::error::{ApiError, Kind};
use crate::fields::Fields;
use crate::traces::Caller;

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat::openai))
        .route("/chat/completions", post(chat::deepseek))
        .route("/beta/chat/completions", post(chat::deepseek))
        .route("/v1/completions", post(completions::answer))
        .route("/completions", post(completions::answer))
        .route("/beta/completions", post(completions::answer))
        .route("/v1/responses", post(responses::answer))
        .route("/v1/messages", post(messages::answer))
        .route("/v1/messages/count_tokens", post(messages::count))
        .route("/anthropic/v1/messages", post(messages::answer))
        .route("/anthropic/v1/messages/count_tokens", post(messages::count))
        .route("/tokenize", post(tokens::tokenize))
        .route("/v1/tokenize", post(tokens::tokenize))
        .route("/detokenize", post(tokens::detokenize))
        .route("/v1/detokenize", post(tokens::detokenize))
        .route("/tokenizer_info", get(tokens::info))
        .route("/v1/models", get(models::list))
        .route("/models", get(models::list))
        .route("/v1/models/{*id}", get(models::one))
        .route("/health", get(probes::health))
        .route("/live", get(probes::live))
        .route("/ready", get(probes::ready))
        .route("/v1/health/ready", get(probes::ready))
        .route("/openapi.json", get(openapi::document))
        .route("/metrics", get(probes::metrics))
        .merge(page::router())
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(app.clone(), gate::pass))
        .with_state(app)
}

async fn not_found(request: Request) -> Response {
    let error = ApiError::new(Kind::NotFound, "there is no such route; /openapi.json lists them");
    answer_error(&error, &request)
}

async fn wrong_method(request: Request) -> Response {
    let message = format!("this route does not take {}", request.method());
    answer_error(&ApiError::new(Kind::WrongMethod, message), &request)
}

fn answer_error(error: &ApiError, request: &Request) -> Response {
    let id = request.extensions().get::<gate::RequestId>().map_or("", |id| id.0.as_str());
    gate::error_response(error, request.uri().path(), id)
}

/// The error as an answer to a request whose body was taken.
fn answer_error_parts(error: &ApiError, parts: &Parts) -> Response {
    let id = parts.extensions.get::<gate::RequestId>().map_or("", |id| id.0.as_str());
    gate::error_response(error, parts.uri.path(), id)
}

/// A request that was let in, its body, and the body's size in bytes.
type Admitted = (Admission, Fields, usize);

/// Lets a request in, reads its body and checks the model that it names.
async fn admit_body(app: &App, parts: &Parts, body: Body) -> Result<Admitted, ApiError> {
    let admission = admit(app, parts)?;
    let (value, n_bytes) = body::read_json(app, body).await?;
    let mut fields = Fields::new(value, "")?;
    let model = fields.string("model")?;
    app.check_model(model.as_deref())?;
    Ok((admission, fields, n_bytes))
}

/// Counts a request that will generate, unless the server is going down.
fn admit(app: &App, parts: &Parts) -> Result<Admission, ApiError> {
    if app.board.is_draining() || app.board.is_stopped() {
        return Err(ApiError::overloaded("the server is going down"));
    }
    let tenant = parts.extensions.get::<Arc<Tenant>>().cloned();
    let tenant = tenant.ok_or_else(|| ApiError::new(Kind::Unauthenticated, "no API key"))?;
    let caller = app.options.tracer.as_ref().map(|_| Caller::of(parts));
    app.access.admit(tenant, caller)
}
