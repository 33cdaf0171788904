//! Request bodies in, with bounds on bytes and time.

use axum::body::Body;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::SemaphorePermit;

use crate::app::App;
use crate::error::{ApiError, Kind};
use crate::json;

/// Bodies above this take turns.
const LARGE: usize = 256 << 10;

/// Reads a body as JSON; with it comes its size in bytes.
pub async fn read_json(app: &App, body: Body) -> Result<(Value, usize), ApiError> {
    let limit = app.options.limits.body_read;
    let (bytes, _permits) = tokio::time::timeout(limit, read(app, body))
        .await
        .map_err(|_| ApiError::new(Kind::TimedOut, "the body took too long to arrive"))??;
    // Off the threads that serve connections: a large body takes a while.
    let value = tokio::task::block_in_place(|| json::parse(&bytes))?;
    Ok((value, bytes.len()))
}

/// Does what a body asks for that takes time and memory in proportion to its size, off the threads
/// that serve connections. One large body at a time: its texts may take a hundred times their size
/// while they are turned into tokens.
pub async fn work<T>(app: &App, n_bytes: usize, work: impl FnOnce() -> T) -> T {
    let _turn = match n_bytes > LARGE {
        true => Some(app.large_body.acquire().await.expect("never closed")),
        false => None,
    };
    tokio::task::block_in_place(work)
}

/// Reads a body piece by piece. The bytes of all bodies together are bounded; one that would go
/// beyond is refused at once, so that slow senders cannot hold up others.
async fn read(app: &App, mut body: Body) -> Result<(Vec<u8>, Vec<SemaphorePermit<'_>>), ApiError> {
    let max = app.options.limits.body_bytes;
    let too_large =
        || ApiError::new(Kind::TooLarge, format!("the body is larger than {max} bytes"));
    if hyper::body::Body::size_hint(&body).lower() > max as u64 {
        return Err(too_large());
    }
    let (mut bytes, mut permits) = (Vec::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::new(Kind::Invalid, "the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > max {
            return Err(too_large());
        }
        let permit = app.body_bytes.try_acquire_many(data.len() as u32);
        permits.push(permit.map_err(|_| ApiError::overloaded("too many large bodies at once"))?);
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, permits))
}
