//! What can go wrong with a request, in the shape of each dialect.

use axum::http::StatusCode;
use ponder_engine::{Refusal, SequenceError};
use ponder_text::TextError;
use serde_json::{Value, json};

/// The kinds of error that clients tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request is wrong.
    Invalid,
    /// The prompt and what was asked for do not fit the context.
    ContextExceeded,
    /// No key, or a wrong one.
    Unauthenticated,
    /// The key or the origin may not do this.
    Forbidden,
    /// No such route or model.
    NotFound,
    /// The route exists, the method does not.
    WrongMethod,
    /// The request took too long to arrive.
    TimedOut,
    /// The body is too large.
    TooLarge,
    /// The key has used up its share.
    RateLimited,
    /// The server has as much as it can do, or shuts down.
    Overloaded,
    /// Our fault.
    Internal,
}

/// An error that a client gets to see. Its text names no file, address or internal state.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// What kind.
    pub kind: Kind,
    /// What is wrong, and what to do.
    pub message: String,
    /// The field of the request.
    pub param: Option<String>,
    /// Seconds after which to try again.
    pub retry_after_s: Option<u32>,
    /// Tokens of the prompt and of the context, where they do not fit.
    pub context: Option<(usize, usize)>,
}

impl ApiError {
    /// An error of a kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> ApiError {
        ApiError { kind, message: message.into(), param: None, retry_after_s: None, context: None }
    }

    /// A wrong field.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> ApiError {
        ApiError { param: Some(param.into()), ..ApiError::new(Kind::Invalid, message) }
    }

    /// Too much to do; the client may come back.
    pub fn overloaded(message: impl Into<String>) -> ApiError {
        ApiError { retry_after_s: Some(2), ..ApiError::new(Kind::Overloaded, message) }
    }

    /// The engine has stopped.
    pub fn engine_gone() -> ApiError {
        ApiError::overloaded("the engine has stopped; the server is going down")
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            Kind::Invalid | Kind::ContextExceeded => StatusCode::BAD_REQUEST,
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Kind::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Kind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The body of the OpenAI and DeepSeek dialects.
    pub fn openai(&self) -> Value {
        let (kind, code) = match self.kind {
            Kind::Invalid | Kind::WrongMethod | Kind::TooLarge | Kind::TimedOut => {
                ("invalid_request_error", None)
            }
            Kind::ContextExceeded => ("invalid_request_error", Some("context_length_exceeded")),
            Kind::Unauthenticated => ("authentication_error", Some("invalid_api_key")),
            Kind::Forbidden => ("permission_error", None),
            Kind::NotFound if self.param.as_deref() == Some("model") => {
                ("invalid_request_error", Some("model_not_found"))
            }
            Kind::NotFound => ("invalid_request_error", Some("not_found")),
            Kind::RateLimited => ("rate_limit_error", Some("rate_limit_exceeded")),
            Kind::Overloaded => ("overloaded_error", Some("server_overloaded")),
            Kind::Internal => ("server_error", None),
        };
        let mut error = json!({
            "message": self.message, "type": kind, "param": self.param, "code": code,
        });
        if let Some((n_prompt, n_ctx)) = self.context {
            error["n_prompt_tokens"] = n_prompt.into();
            error["n_ctx"] = n_ctx.into();
        }
        json!({ "error": error })
    }

    /// The body of the Anthropic dialect.
    pub fn anthropic(&self, request_id: &str) -> Value {
        let kind = match self.kind {
            Kind::Invalid | Kind::ContextExceeded | Kind::WrongMethod | Kind::TimedOut => {
                "invalid_request_error"
            }
            Kind::Unauthenticated => "authentication_error",
            Kind::Forbidden => "permission_error",
            Kind::NotFound => "not_found_error",
            Kind::TooLarge => "request_too_large",
            Kind::RateLimited => "rate_limit_error",
            Kind::Overloaded => "overloaded_error",
            Kind::Internal => "api_error",
        };
        let error = json!({ "type": kind, "message": self.message });
        json!({ "type": "error", "error": error, "request_id": request_id })
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        let message = one_line(&refusal.to_string());
        match refusal {
            Refusal::ContextExceeded { context, total, prompt, max_tokens } => {
                context_exceeded(context, total, prompt, max_tokens)
            }
            Refusal::CacheTooSmall { .. } => ApiError::invalid("max_tokens", message),
            Refusal::QueueFull { .. } | Refusal::Draining => ApiError::overloaded(message),
            Refusal::NoRoomForAnswer { .. } => ApiError::invalid("max_tokens", message),
            Refusal::Parameter { name, .. } => ApiError::invalid(name, message),
            Refusal::EmptyPrompt | Refusal::IdOutOfRange { .. } => {
                ApiError::invalid("prompt", message)
            }
        }
    }
}

/// In the words that clients look for.
pub fn context_exceeded(
    context: usize,
    total: usize,
    prompt: usize,
    max_tokens: usize,
) -> ApiError {
    let message = format!(
        "This model's maximum context length is {context} tokens. However, you requested {total} \
         tokens ({prompt} in the messages, {max_tokens} in the completion). Please reduce the \
         length of the messages or completion."
    );
    ApiError {
        param: Some("messages".into()),
        context: Some((prompt, context)),
        ..ApiError::new(Kind::ContextExceeded, message)
    }
}

impl From<TextError> for ApiError {
    fn from(error: TextError) -> ApiError {
        let message = one_line(&error.to_string());
        match error {
            TextError::TemplateFailed { .. }
            | TextError::TemplateLimit { .. }
            | TextError::BadInput { .. }
            | TextError::Encode { .. } => ApiError::invalid("messages", message),
            TextError::UnknownId { .. } => ApiError::invalid("prompt", message),
            _ => ApiError::new(Kind::Internal, "the model's text files cannot be used"),
        }
    }
}

impl From<SequenceError> for ApiError {
    fn from(error: SequenceError) -> ApiError {
        match error {
            SequenceError::NotFinite { .. } => ApiError::new(
                Kind::Internal,
                "the model produced no number; its weights may be damaged",
            ),
            SequenceError::NothingAllowed { .. } | SequenceError::Mask { .. } => {
                ApiError::new(Kind::Invalid, one_line(&error.to_string()))
            }
        }
    }
}

/// `what\nhint: do this` as one line.
fn one_line(text: &str) -> String {
    match text.split_once("\nhint: ") {
        Some((what, hint)) => format!("{what} (hint: {hint})"),
        None => text.replace('\n', " "),
    }
}
