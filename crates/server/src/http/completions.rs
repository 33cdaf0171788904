//! The handler of raw completions.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::gate::json_response;
use super::sse;
use crate::app::App;
use crate::collected::collect;
use crate::dialect::openai_completions::{Completions, CompletionsWriter};

/// `/v1/completions`.
pub async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let result = async {
        let (admission, fields, n_bytes) = super::admit_body(&app, &parts, body).await?;
        let read = || Completions::read(fields, &app.served, &app.options.limits);
        let completions = super::body::work(&app, n_bytes, read).await?;
        let asked = &completions.asked;
        let generation = app.generate(asked, &admission).await?;
        if completions.is_stream {
            let writer = CompletionsWriter::new(completions.style, app.served.clone());
            return Ok(sse::respond(generation, writer, admission));
        }
        let choices = collect(generation, asked.prompts.len() * asked.n).await?;
        Ok(json_response(StatusCode::OK, &completions.style.answer(&choices, &app.served)))
    };
    match result.await {
        Ok(response) => response,
        Err(error) => super::answer_error_parts(&error, &parts),
    }
}
