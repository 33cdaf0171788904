//! Text to token ids and back, for clients that count or cut.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use ponder_text::ControlTokens;
use serde_json::{Value, json};

use super::gate::json_response;
use crate::app::App;
use crate::error::ApiError;
use crate::fields::Fields;

/// `/tokenize`: `{"prompt", "add_special_tokens"?, "parse_special"?}`.
pub async fn tokenize(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(app, request, |app, mut fields| {
        fields.without_effect(&["model"]);
        let text = fields.string("prompt")?;
        let text = fields.string("content")?.or(text);
        let text = fields.required("prompt", text)?;
        let adds_bos = fields.boolean("add_special_tokens")?.unwrap_or(true);
        let control = match fields.boolean("parse_special")?.unwrap_or(false) {
            true => ControlTokens::Parse,
            false => ControlTokens::Plain,
        };
        fields.finish()?;
        let tokenizer = &app.served.tokenizer;
        let mut ids: Vec<u32> = tokenizer.bos_prefix().filter(|_| adds_bos).into_iter().collect();
        match tokenizer.control_id(&text) {
            // A control token's own name asks for its id, as harnesses do for the end of text.
            Some(id) => ids.push(id),
            None => ids.extend(tokenizer.encode(&text, control)?),
        }
        Ok(json!({ "count": ids.len(), "max_model_len": app.served.context, "tokens": ids }))
    })
    .await
}

/// `/detokenize`: `{"tokens"}`.
pub async fn detokenize(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(app, request, |app, mut fields| {
        fields.without_effect(&["model"]);
        let items = fields.array("tokens", 1 << 20)?;
        let items = fields.required("tokens", items)?;
        let id = |id: &Value| id.as_u64().and_then(|id| u32::try_from(id).ok());
        let ids: Option<Vec<u32>> = items.iter().map(id).collect();
        let ids = ids.ok_or_else(|| fields.wrong("tokens", "a list of token ids"))?;
        fields.finish()?;
        Ok(json!({ "prompt": app.served.tokenizer.decode(&ids)? }))
    })
    .await
}

async fn answer(
    app: Arc<App>,
    request: Request,
    read: impl FnOnce(&App, Fields) -> Result<Value, ApiError>,
) -> Response {
    let (parts, body) = request.into_parts();
    let result = async {
        let _admission = super::admit(&app, &parts)?;
        let (value, n_bytes) = super::body::read_json(&app, body).await?;
        let fields = Fields::new(value, "")?;
        super::body::work(&app, n_bytes, || read(&app, fields)).await
    };
    match result.await {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(error) => super::answer_error_parts(&error, &parts),
    }
}

/// `/tokenizer_info`: what evaluation harnesses ask about a tokenizer that they do not have.
pub async fn info(State(app): State<Arc<App>>) -> Response {
    let tokenizer = &app.served.tokenizer;
    let text = |id: Option<u32>| {
        let bytes = tokenizer.token_bytes(id?)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    };
    let value = json!({
        "bos_token": text(tokenizer.bos_id()),
        "eos_token": text(tokenizer.eos_id().or(app.served.stop_ids.first().copied())),
        "add_bos_token": tokenizer.add_bos(),
        "vocab_size": tokenizer.vocab_size(),
        "model_max_length": app.served.context,
        "chat_template": app.served.template.as_ref().map(|template| template.source()),
    });
    json_response(StatusCode::OK, &value)
}
