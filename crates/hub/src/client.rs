//! Requests to a hub: the token goes to the hub's own address only, redirects are followed by
//! hand, and a status becomes an error that says what to do.

use std::io::Read;
use std::time::Duration;

use ureq::http::{HeaderMap, Request, Response};
use ureq::{Agent, Body};

use crate::endpoint::{Endpoint, redirected};
use crate::error::{HubError, shown};
use crate::name::ModelName;
use crate::pull::Options;
use crate::retry::Failure;

const REDIRECTS_MAX: usize = 8;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// The listing of a repository with 10,000 files is about 3 MB.
const ANSWER_BYTES_MAX: u64 = 32 << 20;

type Attempt<T> = std::result::Result<T, Failure>;

/// Asks one hub about one model.
pub(crate) struct Client<'a> {
    agent: Agent,
    token: Option<&'a str>,
    /// The hub.
    pub endpoint: &'a Endpoint,
    /// The model.
    pub name: &'a ModelName,
}

impl<'a> Client<'a> {
    /// One that keeps its connections.
    pub fn new(options: &'a Options, name: &'a ModelName) -> crate::Result<Client<'a>> {
        let (endpoint, token) = (&options.endpoint, options.token.as_deref());
        if token.is_some() && !endpoint.is_private() {
            return Err(HubError::PlainToken { endpoint: endpoint.as_str().into() });
        }
        let agent = Agent::config_builder()
            .user_agent(concat!("ponder/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(options.proxy.clone())
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(options.patience.silence))
            .timeout_recv_response(Some(options.patience.silence))
            .max_idle_connections_per_host(options.n_connections)
            .build()
            .into();
        Ok(Client { agent, token, endpoint, name })
    }

    /// The whole body of an answer.
    pub fn read(&self, url: &str) -> Attempt<Vec<u8>> {
        let mut response = self.send("GET", url, 0)?;
        let reader = response.body_mut().as_reader();
        let mut body = Vec::new();
        let read = reader.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut body);
        read.map_err(|error| Failure::passing(error.to_string()))?;
        if body.len() as u64 > ANSWER_BYTES_MAX {
            let why = format!("the answer is larger than {} MiB", ANSWER_BYTES_MAX >> 20);
            return Err(HubError::Answer { what: url.into(), why }.into());
        }
        Ok(body)
    }

    /// A file from `start` on. Besides success, 416 is an answer: there is nothing after `start`.
    pub fn open(&self, url: &str, start: u64) -> Attempt<Response<Body>> {
        self.send("GET", url, start)
    }

    /// The headers that describe a file. The hub's own redirects are followed (renamed models);
    /// one to another host, where the bytes are, is the answer.
    pub fn describe(&self, url: &str) -> Attempt<HeaderMap> {
        Ok(self.send("HEAD", url, 0)?.into_parts().0.headers)
    }

    /// Sends a request to where redirects lead.
    fn send(&self, method: &str, url: &str, start: u64) -> Attempt<Response<Body>> {
        let mut url = url.to_owned();
        for _ in 0..REDIRECTS_MAX {
            let response = self.send_once(method, &url, start)?;
            let status = response.status().as_u16();
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                self.check(&url, &response)?;
                return Ok(response);
            }
            let location = header(response.headers(), "location").unwrap_or_default();
            let next = redirected(&url, location).ok_or_else(|| HubError::Answer {
                what: url.clone(),
                why: format!("is redirected to {}", shown(location)),
            })?;
            if method == "HEAD" && !self.endpoint.is_own(&next) {
                return Ok(response);
            }
            url = next;
        }
        Err(HubError::Answer { what: url, why: "is redirected in circles".into() }.into())
    }

    fn send_once(&self, method: &str, url: &str, start: u64) -> Attempt<Response<Body>> {
        let mut request = Request::builder().method(method).uri(url);
        // Compressed, the bytes would be others than those that length and hash speak of.
        request = request.header("accept-encoding", "identity");
        if start > 0 {
            request = request.header("range", format!("bytes={start}-"));
        }
        if let Some(token) = self.token.filter(|_| self.endpoint.is_own(url)) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(()).map_err(|error| HubError::Answer {
            what: shown(url),
            why: format!("is no address that can be asked ({error})"),
        })?;
        self.agent.run(request).map_err(|error| Failure::passing(error.to_string()))
    }

    /// Turns a status that is no success into what it means.
    fn check(&self, url: &str, response: &Response<Body>) -> Attempt<()> {
        let status = response.status().as_u16();
        if matches!(status, 200 | 206 | 416) {
            return Ok(());
        }
        let is_own = self.endpoint.is_own(url);
        // Elsewhere 403 is a signed address that ran out: the next try gets a new one.
        if matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504) || (!is_own && status == 403) {
            let seconds =
                header(response.headers(), "retry-after").and_then(|s| s.trim().parse().ok());
            let why = format!("the hub answers {}", response.status());
            return Err(Failure::Passing { why, retry_after: seconds.map(Duration::from_secs) });
        }
        let model = self.name.repository.clone();
        let endpoint = self.endpoint.as_str().to_owned();
        let code = header(response.headers(), "x-error-code").filter(|_| is_own);
        Err(Failure::Final(match (status, code) {
            (_, Some("GatedRepo")) => HubError::Gated { model, endpoint },
            (_, Some("RepoNotFound")) if status == 404 || self.token.is_some() => {
                HubError::NoModel { model, endpoint }
            }
            (_, Some("RevisionNotFound")) => {
                HubError::NoRevision { model, revision: self.name.revision.clone() }
            }
            (401, _) if is_own && self.token.is_none() => HubError::Login { model, endpoint },
            (401 | 403, _) if is_own => HubError::Token { model, endpoint, status },
            (404, None) if is_own && url.contains("/api/") => HubError::NoModel { model, endpoint },
            _ => HubError::Answer {
                what: url.split('?').next().unwrap_or_default().to_owned(),
                why: format!("the answer is {}", response.status()),
            },
        }))
    }
}

/// A header that is text.
pub(crate) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
