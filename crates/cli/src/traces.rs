//! Where spans go: a collector that takes OpenTelemetry's protocol over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use crate::exit::usage;

/// Where the protocol expects spans, below a collector's address.
const PATH: &str = "/v1/traces";
/// The protocol's default.
const TIMEOUT: Duration = Duration::from_secs(10);
const HINT: &str = "`--otlp-endpoint http://HOST:4318` names a collector; without it, and without \
                    OTEL_EXPORTER_OTLP_ENDPOINT, there are no traces";

/// Spans on their way, in batches, on a thread of their own.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Traces to `endpoint`, else to where OpenTelemetry's variables say; `None` if nobody asks for
    /// any. The exporter reads the other variables: headers, batches, sampling, resource.
    pub fn open(endpoint: Option<&str>) -> anyhow::Result<Option<Traces>> {
        if !is_wanted(endpoint)? {
            return Ok(None);
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("ponder/", env!("CARGO_PKG_VERSION")))
            .build();
        let client = Client { agent: config.into() };
        let mut exporter = SpanExporter::builder().with_http().with_http_client(client);
        if let Some(endpoint) = endpoint {
            let base = endpoint.trim_end_matches('/');
            let base = base.strip_suffix(PATH).unwrap_or(base);
            exporter = exporter.with_endpoint(format!("{base}{PATH}"));
        }
        let exporter = exporter
            .build()
            .map_err(|error| usage(format!("traces cannot be sent: {error}"), HINT))?;
        let version = env!("CARGO_PKG_VERSION");
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("ponder");
        }
        let resource = resource
            .with_attribute(opentelemetry::KeyValue::new("service.version", version))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        Ok(Some(Traces { provider }))
    }

    /// What makes spans.
    pub fn tracer(&self) -> SdkTracer {
        self.provider.tracer("ponder")
    }

    /// Sends what is left.
    pub fn close(self) {
        // The exporter has logged why, and the server has done its work.
        let _ = self.provider.shutdown();
    }
}

/// Whether there shall be traces, by the variables that all programs with OpenTelemetry share.
fn is_wanted(endpoint: Option<&str>) -> anyhow::Result<bool> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let is_disabled = variable("OTEL_SDK_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"))
        || variable("OTEL_TRACES_EXPORTER").is_some_and(|exporter| exporter == "none");
    let endpoints = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    if is_disabled || (endpoint.is_none() && !endpoints.iter().any(|e| variable(e).is_some())) {
        return Ok(false);
    }
    for name in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
        match variable(name) {
            Some(protocol) if protocol != "http/protobuf" => {
                let what = format!("{name}: `{protocol}` is not spoken here");
                return Err(usage(what, "`http/protobuf` is, as all collectors do"));
            }
            Some(_) => break,
            None => {}
        }
    }
    Ok(true)
}

/// The exporter's way to HTTP. It blocks: the exporter has its own thread.
#[derive(Debug)]
struct Client {
    agent: ureq::Agent,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.agent.run(request.map(|body| body.to_vec()))?;
        let (parts, mut body) = response.into_parts();
        Ok(Response::from_parts(parts, body.read_to_vec()?.into()))
    }
}
