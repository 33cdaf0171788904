//! Who may ask, and how much: keys, rates, requests at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::{ApiError, Kind};
use crate::options::ServerOptions;
use crate::traces::Caller;

/// Whoever a key belongs to; everybody, where there are no keys.
pub struct Tenant {
    /// Tells tenants apart in the engine.
    pub id: u64,
    /// Keeps their cached prompts apart.
    pub cache_salt: u128,
    digest: Option<[u8; 32]>,
    requests_at_once: AtomicUsize,
    rate: Mutex<Rate>,
}

/// A bucket of requests that refills evenly over a minute.
struct Rate {
    left: f64,
    at: Instant,
}

/// All tenants and their limits.
pub struct Access {
    tenants: Vec<Arc<Tenant>>,
    requests_per_minute: Option<u32>,
    requests_at_once: Option<usize>,
}

/// A request in progress; counts against its tenant until dropped.
pub struct Admission {
    /// Whose it is.
    pub tenant: Arc<Tenant>,
    /// Where it came from, where there are traces.
    pub caller: Option<Caller>,
}

impl Access {
    /// The access that options give.
    pub fn new(options: &ServerOptions) -> Access {
        let tenant = |(index, digest): (usize, Option<[u8; 32]>)| Tenant {
            id: index as u64,
            // Keys are secrets, so nobody can guess another's salt.
            cache_salt: digest.map_or(0, |d| u128::from_le_bytes(d[..16].try_into().expect("16"))),
            digest,
            requests_at_once: AtomicUsize::new(0),
            rate: Mutex::new(Rate {
                left: f64::from(options.limits.requests_per_minute.unwrap_or(0)),
                at: Instant::now(),
            }),
        };
        let digests: Vec<Option<[u8; 32]>> = match options.api_keys.is_empty() {
            true => vec![None],
            false => options.api_keys.iter().map(|key| Some(digest(key.as_bytes()))).collect(),
        };
        Access {
            tenants: digests.into_iter().enumerate().map(tenant).map(Arc::new).collect(),
            requests_per_minute: options.limits.requests_per_minute,
            requests_at_once: options.limits.requests_at_once,
        }
    }

    /// Whose key the headers carry, as `Authorization: Bearer`, `x-api-key` or `api-key`.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Tenant>, ApiError> {
        if let [tenant] = &self.tenants[..]
            && tenant.digest.is_none()
        {
            return Ok(tenant.clone());
        }
        let bearer = headers.get(AUTHORIZATION).and_then(|value| {
            let bytes = value.as_bytes();
            let (scheme, rest) = bytes.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"bearer ").then_some(rest)
        });
        let plain = || headers.get("x-api-key").or_else(|| headers.get("api-key"));
        let Some(key) = bearer.or_else(|| plain().map(|value| value.as_bytes())) else {
            let message = "no API key; send `Authorization: Bearer KEY` or `x-api-key: KEY`";
            return Err(ApiError::new(Kind::Unauthenticated, message));
        };
        let given = digest(key);
        // Every key is looked at, whole, so that time tells nothing about any.
        let mut found = None;
        for tenant in &self.tenants {
            if let Some(digest) = &tenant.digest
                && bool::from(digest.ct_eq(&given))
            {
                found = Some(tenant);
            }
        }
        found
            .cloned()
            .ok_or_else(|| ApiError::new(Kind::Unauthenticated, "the API key is not valid"))
    }

    /// Counts a request of a tenant, if its limits allow one more.
    pub fn admit(
        &self,
        tenant: Arc<Tenant>,
        caller: Option<Caller>,
    ) -> Result<Admission, ApiError> {
        let before = tenant.requests_at_once.fetch_add(1, Ordering::SeqCst);
        let admission = Admission { tenant, caller };
        if self.requests_at_once.is_some_and(|max| before >= max) {
            let message = format!("this key already has {before} requests in progress");
            return Err(rate_limited(message, 1));
        }
        if let Some(per_minute) = self.requests_per_minute {
            let mut rate =
                admission.tenant.rate.lock().expect("nobody panics while holding the lock");
            let per_second = f64::from(per_minute) / 60.0;
            let now = Instant::now();
            let refill = (now - rate.at).as_secs_f64() * per_second;
            rate.left = (rate.left + refill).min(f64::from(per_minute));
            rate.at = now;
            if rate.left < 1.0 {
                let wait_s = ((1.0 - rate.left) / per_second).ceil() as u32;
                let message = format!("this key may send {per_minute} requests a minute");
                return Err(rate_limited(message, wait_s.max(1)));
            }
            rate.left -= 1.0;
        }
        Ok(admission)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.tenant.requests_at_once.fetch_sub(1, Ordering::SeqCst);
    }
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

fn rate_limited(message: String, retry_after_s: u32) -> ApiError {
    let error = ApiError::new(Kind::RateLimited, message);
    ApiError { retry_after_s: Some(retry_after_s), ..error }
}
