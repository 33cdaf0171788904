//! What all handlers share.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::access::{Access, Admission};
use crate::engine_loop::{Board, EngineHandle};
use crate::error::ApiError;
use crate::generate::{Generate, Terms};
use crate::generation::{Generation, Watch};
use crate::metrics::Metrics;
use crate::options::ServerOptions;
use crate::served::Served;
use crate::traces::GenerationSpan;

/// The state of the server.
pub struct App {
    /// The model.
    pub served: Arc<Served>,
    /// The engine's state.
    pub board: Arc<Board>,
    /// The way to the engine.
    pub engine: EngineHandle,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who may ask.
    pub access: Access,
    /// What the operator set.
    pub options: ServerOptions,
    /// A permit for each byte of a body in memory.
    pub body_bytes: Semaphore,
    /// The turn of a large body.
    pub large_body: Semaphore,
}

impl App {
    /// The state of a server that has just started.
    pub fn new(
        served: Arc<Served>,
        board: Arc<Board>,
        engine: EngineHandle,
        options: ServerOptions,
    ) -> App {
        App {
            metrics: Arc::new(Metrics::new(&served.name)),
            access: Access::new(&options),
            body_bytes: Semaphore::new(options.limits.bodies_bytes),
            large_body: Semaphore::new(1),
            served,
            board,
            engine,
            options,
        }
    }

    /// Starts a request of a tenant.
    pub async fn generate(
        &self,
        asked: &Generate,
        admission: &Admission,
    ) -> Result<Generation, ApiError> {
        let now_ms = self.board.now_ms();
        let limits = &self.options.limits;
        let terms = Terms {
            tenant: admission.tenant.id,
            cache_salt: admission.tenant.cache_salt,
            now: now_ms,
            admit_by: now_ms + limits.queue_wait.as_millis() as u64,
            deadline: now_ms + limits.answer.as_millis() as u64,
        };
        let (served, metrics) = (self.served.clone(), self.metrics.clone());
        let traced = self.options.tracer.as_ref().zip(admission.caller.as_ref());
        let span = traced
            .map(|(tracer, caller)| GenerationSpan::begin(tracer, asked, caller, &served.name));
        Generation::start(asked, terms, served, self.engine.clone(), Watch { metrics, span }).await
    }

    /// Refuses any model but the one that is served.
    pub fn check_model(&self, name: Option<&str>) -> Result<(), ApiError> {
        match name {
            None => Err(ApiError::invalid("model", "`model` is missing")),
            Some(name) if name == self.served.name || ALIASES.contains(&name) => Ok(()),
            Some(name) => {
                let shown: String = name.chars().take(128).collect();
                let message = format!("The model `{shown}` does not exist.");
                let error = ApiError::new(crate::error::Kind::NotFound, message);
                Err(ApiError { param: Some("model".into()), ..error })
            }
        }
    }
}

/// Names under which DeepSeek's own API offers R1: clients written for it work unchanged.
const ALIASES: [&str; 2] = ["deepseek-reasoner", "default"];

/// `prefix` and 24 random letters.
pub fn fresh_id(prefix: &str) -> String {
    let word = || getrandom::u64().unwrap_or_default();
    format!("{prefix}{:016x}{:08x}", word(), word() as u32)
}

/// Seconds since 1970.
pub fn unix_s() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
