//! From options to a running server, and to its end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ponder_engine::{Engine, EngineError, LanguageModel};
use ponder_text::TextError;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;

use crate::app::App;
use crate::engine_loop::{self, Board, Command, EngineHandle};
use crate::http;
use crate::options::{Drain, ServerOptions};
use crate::served::{Served, ServedModel};

/// Threads for connections and text; the engine has its own.
const WORKERS: usize = 2;
/// How long connections may take to close after the engine has ended.
const CLOSING: Duration = Duration::from_secs(2);

/// Why a server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}\nhint: `--port N` takes another one; 0 takes any that is free"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate or key cannot be used.
    #[error("{}: {reason}\nhint: `--tls-cert` and `--tls-key` take PEM files: the chain, and its private key", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system refuses threads or signals.
    #[error(
        "the server cannot run: {0}\nhint: the system's limits of threads or files may be too low"
    )]
    System(#[from] std::io::Error),
    /// The model's text files cannot be used.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A server that listens and has not begun to answer.
pub struct Server {
    runtime: Runtime,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    options: ServerOptions,
}

impl Server {
    /// Listens. What can be refused before a model is loaded is refused here.
    pub fn bind(options: ServerOptions) -> Result<Server, ServerError> {
        let tls = options.tls.as_ref().map(|(cert, key)| acceptor(cert, key)).transpose()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("ponder-http")
            .enable_all()
            .build()?;
        let address = options.listen;
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .map_err(|source| ServerError::Listen { address, source })?;
        Ok(Server { runtime, listener, tls, options })
    }

    /// Where it listens, as a URL.
    pub fn url(&self) -> Result<String, ServerError> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.listener.local_addr()?))
    }

    /// Answers requests until SIGTERM or SIGINT, on this thread as the engine's. What runs then may
    /// finish within the limit of the drain; a second signal ends everything at once.
    pub fn run<M: LanguageModel>(
        self,
        engine: &mut Engine<M>,
        model: ServedModel,
    ) -> Result<(), ServerError> {
        let served = Served::new(model)?;
        let Server { runtime, listener, tls, options } = self;
        let (sender, commands) = mpsc::channel();
        let handle = EngineHandle::new(sender);
        let board = Arc::new(Board::new());
        let drain = options.drain;
        let limits = options.limits.clone();
        let app = App::new(Arc::new(served), board.clone(), handle.clone(), options);
        let router = http::router(Arc::new(app));
        let (close, closing) = tokio::sync::oneshot::channel::<()>();
        let connections = runtime.spawn(async move {
            let stop = async move { drop(closing.await) };
            http::accept::serve(listener, tls, router, &limits, stop).await;
        });
        let leaving = board.clone();
        let mut signals = runtime.block_on(async { Signals::install() })?;
        runtime.spawn(async move {
            signals.next().await;
            let first = tokio::spawn(leave(leaving, handle, drain));
            signals.next().await;
            first.abort();
            tracing::warn!("second signal: ending at once");
            std::process::exit(1);
        });
        let result = engine_loop::run(engine, &commands, &board);
        // Requests that come now are told that the server is going down.
        drop(commands);
        drop(close);
        runtime.block_on(async { drop(tokio::time::timeout(CLOSING, connections).await) });
        runtime.shutdown_background();
        Ok(result?)
    }
}

/// Goes down in order: says so, takes requests a while longer, then finishes what there is.
async fn leave(board: Arc<Board>, engine: EngineHandle, drain: Drain) {
    board.set_leaving();
    tracing::info!("leaving");
    tokio::time::sleep(drain.delay).await;
    board.set_draining();
    let deadline_ms = board.now_ms() + drain.limit.as_millis() as u64;
    engine.send(Command::Drain { deadline_ms });
}

/// The signals that ask a server to end.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn install() -> std::io::Result<Signals> {
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Signals { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, ServerError> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let wrong = |path: &Path, reason: &dyn std::fmt::Display| ServerError::Tls {
        path: path.to_owned(),
        reason: reason.to_string(),
    };
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_file_iter(cert).map_err(|error| wrong(cert, &error))?.collect();
    let chain = chain.map_err(|error| wrong(cert, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(cert, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| wrong(cert, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
