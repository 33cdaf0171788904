//! Tokens and refusals: a token reaches the hub only, and a refusal says what to do.

use ponder_hub::{Endpoint, HubError};

use crate::hub::{Hub, Reply};
use crate::{SHARD, assert_complete, model, options, refused, run};

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let (mut repository, cache) = (model(), tempfile::tempdir().unwrap());
    let served = repository.clone();
    let cdn = Hub::start(move |request| served.answer_of_cdn(request));
    repository.cdn = Some(cdn.url.clone());
    let served = repository.clone();
    let hub = Hub::start(move |request| served.answer(request));
    let mut options = options(&hub.url, cache.path());
    options.token = Some("hf_secret".into());
    assert_complete(&run(&options).0.unwrap(), &repository);
    let token = "Bearer hf_secret";
    assert!(hub.requests().iter().all(|request| request.headers["authorization"] == token));
    assert_eq!(cdn.requests().len(), 2);
    assert!(cdn.requests().iter().all(|request| !request.headers.contains_key("authorization")));
}

#[test]
fn a_transfer_from_another_host_is_resumed_by_a_new_address() {
    let (mut repository, cache) = (model(), tempfile::tempdir().unwrap());
    let served = repository.clone();
    let n_asked = std::sync::atomic::AtomicUsize::new(0);
    let cdn = Hub::start(move |request| {
        let right = served.answer_of_cdn(request);
        if !request.path.contains(SHARD) {
            return right;
        }
        match n_asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => right.cut_after(100_000),
            // A signed address that ran out.
            1 => Reply::new(403, ""),
            _ => right,
        }
    });
    repository.cdn = Some(cdn.url.clone());
    let served = repository.clone();
    let hub = Hub::start(move |request| served.answer(request));
    assert_complete(&run(&options(&hub.url, cache.path())).0.unwrap(), &repository);
    assert_eq!(hub.starts_of(SHARD), [0, 100_000, 100_000]);
}

#[test]
fn a_renamed_model_is_found() {
    let (repository, cache) = (model(), tempfile::tempdir().unwrap());
    let mut renamed = repository.clone();
    renamed.model = "someone/New-Name".into();
    let hub = Hub::start(move |request| match request.path.contains("Tiny-R1") {
        true => {
            let location = request.path.replace("Tiny-R1", "New-Name");
            Reply::new(307, "").header("Location", location)
        }
        false => renamed.answer(request),
    });
    assert_complete(&run(&options(&hub.url, cache.path())).0.unwrap(), &repository);
}

#[test]
fn refusals_say_what_to_do() {
    let cases: [(u16, &str, Option<&str>, &[&str]); 8] = [
        (401, "GatedRepo", None, &["is gated", "accept its terms on", "HF_TOKEN"]),
        (403, "GatedRepo", Some("t"), &["is gated", "accept its terms on"]),
        (401, "RepoNotFound", None, &["wants a login", "check the spelling", "HF_TOKEN"]),
        (401, "RepoNotFound", Some("t"), &["no such model", "check the spelling"]),
        (404, "RepoNotFound", None, &["no such model", "check the spelling"]),
        (404, "RevisionNotFound", None, &["has no revision `main`"]),
        (401, "", Some("t"), &["refuses the token (401)", "expired"]),
        (403, "", Some("t"), &["refuses the token (403)"]),
    ];
    for (status, code, token, wants) in cases {
        let cache = tempfile::tempdir().unwrap();
        let hub = Hub::start(move |_| match code {
            "" => Reply::new(status, "{}"),
            _ => Reply::new(status, "{}").header("X-Error-Code", code),
        });
        let mut options = options(&hub.url, cache.path());
        options.token = token.map(str::to_owned);
        let error = refused(&options, wants);
        assert!(error.is_bad_input(), "{error}");
        assert_eq!(hub.requests().len(), 1, "{status} {code}");
        assert!(std::fs::read_dir(cache.path()).unwrap().next().is_none());
    }
}

#[test]
fn a_token_does_not_travel_in_the_open() {
    let cache = tempfile::tempdir().unwrap();
    let mut options = options("http://hub.example", cache.path());
    options.token = Some("hf_secret".into());
    let error = refused(&options, &["unencrypted", "HF_TOKEN"]);
    assert!(matches!(error, HubError::PlainToken { .. }) && !error.to_string().contains("secret"));
    assert!(Endpoint::parse("https://user:hf_secret@hub.example").is_err());
}

#[test]
fn redirects_that_lead_nowhere() {
    for (location, want) in [
        ("file:///etc/passwd", "is redirected to"),
        ("/api/models/someone/Tiny-R1/revision/main", "in circles"),
        ("", "is redirected to"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let hub = Hub::start(move |_| Reply::new(302, "").header("Location", location));
        refused(&options(&hub.url, cache.path()), &[want]);
    }
}
