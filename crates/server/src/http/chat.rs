//! The handlers of chat completions.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::gate::json_response;
use super::{answer_error_parts, sse};
use crate::access::Admission;
use crate::app::App;
use crate::collected::collect;
use crate::dialect::openai_chat::{Chat, ChatWriter, Manners};
use crate::error::ApiError;

/// `/v1/chat/completions`.
pub async fn openai(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(app, request, Manners::OpenAi).await
}

/// `/chat/completions` and `/beta/chat/completions`.
pub async fn deepseek(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(app, request, Manners::DeepSeek).await
}

async fn answer(app: Arc<App>, request: Request, manners: Manners) -> Response {
    let (parts, body) = request.into_parts();
    let result = async {
        let (admission, fields, n_bytes) = super::admit_body(&app, &parts, body).await?;
        let read = || Chat::read(fields, &app.served, app.options.limits.n, manners);
        let chat = super::body::work(&app, n_bytes, read).await?;
        run(&app, chat, admission).await
    };
    match result.await {
        Ok(response) => response,
        Err(error) => answer_error_parts(&error, &parts),
    }
}

async fn run(app: &Arc<App>, chat: Chat, admission: Admission) -> Result<Response, ApiError> {
    let generation = app.generate(&chat.asked, &admission).await?;
    if chat.is_stream {
        let writer = ChatWriter::new(chat.style, app.served.clone());
        return Ok(sse::respond(generation, writer, admission));
    }
    let choices = collect(generation, chat.asked.n).await?;
    Ok(json_response(StatusCode::OK, &chat.style.answer(&choices, &app.served)))
}
