//! `GET /v1/models`: the one model that is served.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::gate::json_response;
use crate::app::App;

/// The list.
pub async fn list(State(app): State<Arc<App>>) -> Response {
    json_response(StatusCode::OK, &json!({ "object": "list", "data": [model(&app)] }))
}

/// One by its id.
pub async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    match app.check_model(Some(&id)) {
        Ok(()) => json_response(StatusCode::OK, &model(&app)),
        Err(error) => super::answer_error(&error, &request),
    }
}

fn model(app: &App) -> Value {
    json!({
        "id": app.served.name,
        "object": "model",
        "created": app.served.created_s,
        "owned_by": "ponder",
        "root": app.served.name,
        "parent": null,
        // What prompt, thinking and answer may take together.
        "max_model_len": app.served.context,
    })
}
