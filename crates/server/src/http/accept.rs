//! Connections: accepted within bounds, with TLS if asked for, closed when they stall.

use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::options::Limits;

/// Bytes of a request's head.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// Fields of a head.
const MAX_HEADERS: usize = 100;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;

/// Serves connections until `stop` resolves, then lets those that are open finish what they do.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: &Limits,
    stop: impl Future<Output = ()>,
) {
    let builder = builder(limits);
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(limits.connections));
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let permit = connections.clone().acquire_owned().await;
            (permit.expect("never closed"), listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, or the client has gone already.
                tracing::warn!(%error, "accept");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                continue;
            }
        };
        let (tls, builder, router) = (tls.clone(), builder.clone(), router.clone());
        let watcher = graceful.watcher();
        let (handshake, stall) = (limits.head_read, limits.write_stall);
        tokio::spawn(async move {
            let _permit = permit;
            // Tokens are small and must not wait for each other.
            if stream.set_nodelay(true).is_err() {
                return;
            }
            let mut stream = TimeoutStream::new(stream);
            stream.set_write_timeout(Some(stall));
            let stream = Box::pin(stream);
            let service = TowerToHyperService::new(router);
            match tls {
                None => {
                    let connection = builder.serve_connection(TokioIo::new(stream), service);
                    end(watcher.watch(connection.into_owned()).await);
                }
                Some(tls) => {
                    let Ok(Ok(stream)) = tokio::time::timeout(handshake, tls.accept(stream)).await
                    else {
                        return;
                    };
                    let connection = builder.serve_connection(TokioIo::new(stream), service);
                    end(watcher.watch(connection.into_owned()).await);
                }
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// How a connection ended says something about the client only.
fn end(result: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = result {
        tracing::debug!(%error, "connection");
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_read)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        .keep_alive_interval(limits.head_read)
        .keep_alive_timeout(limits.head_read);
    builder
}
