//! What the page asks for: what is served, a streamed answer, earlier texts as HTML.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::gate::json_response;
use super::{answer_error_parts, sse};
use crate::app::App;
use crate::dialect::page::{PageWriter, read_chat, read_texts};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::{render, web};

/// The page's files and calls.
pub fn router() -> Router<Arc<App>> {
    web::router()
        .route("/page/model", get(model))
        .route("/page/chat", post(chat))
        .route("/page/render", post(render_texts))
}

async fn model(State(app): State<Arc<App>>) -> Response {
    let served = &app.served;
    let defaults = json!({
        "temperature": served.defaults.temperature,
        "top_p": served.defaults.top_p,
    });
    let value = json!({
        "name": served.name,
        "context": served.context,
        "defaults": defaults,
        "is_chat": served.template.is_some(),
        "thinks": served.tokenizer.control_id("</think>").is_some(),
        "body_bytes": app.options.limits.body_bytes,
        "experts": served.experts,
    });
    json_response(StatusCode::OK, &value)
}

async fn chat(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    answer_chat(app, &parts, body).await.unwrap_or_else(|error| answer_error_parts(&error, &parts))
}

async fn answer_chat(app: Arc<App>, parts: &Parts, body: Body) -> Result<Response, ApiError> {
    let admission = super::admit(&app, parts)?;
    let (value, n_bytes) = super::body::read_json(&app, body).await?;
    let fields = Fields::new(value, "")?;
    let asked = super::body::work(&app, n_bytes, || read_chat(fields, &app.served)).await?;
    let generation = app.generate(&asked, &admission).await?;
    Ok(sse::respond(generation, PageWriter::new(app.served.clone()), admission))
}

async fn render_texts(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match answer_texts(&app, body).await {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(error) => answer_error_parts(&error, &parts),
    }
}

async fn answer_texts(app: &App, body: Body) -> Result<Value, ApiError> {
    let (value, n_bytes) = super::body::read_json(app, body).await?;
    let texts = read_texts(Fields::new(value, "")?)?;
    let render = || texts.iter().map(|text| render::document(text)).collect();
    let html: Vec<Vec<String>> = super::body::work(app, n_bytes, render).await;
    Ok(json!({ "html": html }))
}
