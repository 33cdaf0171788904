//! The handler of responses.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::gate::json_response;
use super::sse;
use crate::app::App;
use crate::collected::collect;
use crate::dialect::openai_responses::{Responses, ResponsesWriter};

/// `/v1/responses`.
pub async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let result = async {
        let (admission, fields, n_bytes) = super::admit_body(&app, &parts, body).await?;
        let read = || Responses::read(fields, &app.served);
        let responses = super::body::work(&app, n_bytes, read).await?;
        let generation = app.generate(&responses.asked, &admission).await?;
        if responses.is_stream {
            return Ok(sse::respond(generation, ResponsesWriter::new(responses.style), admission));
        }
        let choices = collect(generation, 1).await?;
        Ok(json_response(StatusCode::OK, &responses.style.answer(&choices[0])))
    };
    match result.await {
        Ok(response) => response,
        Err(error) => super::answer_error_parts(&error, &parts),
    }
}
