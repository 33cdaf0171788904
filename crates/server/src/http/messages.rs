//! The handlers of Anthropic's messages.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::gate::json_response;
use super::sse;
use crate::app::App;
use crate::collected::collect;
use crate::dialect::anthropic::{Messages, MessagesWriter, count_tokens};

/// `/v1/messages`.
pub async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let result = async {
        let (admission, fields, n_bytes) = super::admit_body(&app, &parts, body).await?;
        let read = || Messages::read(fields, &app.served);
        let messages = super::body::work(&app, n_bytes, read).await?;
        let generation = app.generate(&messages.asked, &admission).await?;
        if messages.is_stream {
            let n_prompt = messages.asked.prompts[0].len();
            let writer = MessagesWriter::new(messages.style, n_prompt);
            return Ok(sse::respond(generation, writer, admission));
        }
        let choices = collect(generation, 1).await?;
        Ok(json_response(StatusCode::OK, &messages.style.answer(&choices[0])))
    };
    match result.await {
        Ok(response) => response,
        Err(error) => super::answer_error_parts(&error, &parts),
    }
}

/// `/v1/messages/count_tokens`.
pub async fn count(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let result = async {
        let (_admission, fields, n_bytes) = super::admit_body(&app, &parts, body).await?;
        super::body::work(&app, n_bytes, || count_tokens(fields, &app.served)).await
    };
    match result.await {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(error) => super::answer_error_parts(&error, &parts),
    }
}
