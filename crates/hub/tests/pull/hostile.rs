//! A hub that means harm: nothing is written outside the cache, nothing is believed unchecked.

use std::fs;

use ponder_hub::HubError;
use serde_json::json;

use crate::hub::{COMMIT, Hub, Reply, digest};
use crate::{SHARD, model, options, refused};

/// A hub whose listing was tampered with.
fn lying(edit: impl Fn(&mut serde_json::Value) + Send + Sync + 'static) -> Hub {
    let repository = model();
    Hub::start(move |request| {
        let mut listing = repository.listing();
        edit(&mut listing);
        match request.path.starts_with("/api/") {
            true => Reply::new(200, listing.to_string()),
            false => repository.answer(request),
        }
    })
}

#[test]
fn hostile_file_names_are_refused_whole() {
    for name in [
        "../x.safetensors",
        "../../../../tmp/config.json",
        "a/../../x",
        "/etc/cron.d/x",
        "..\\..\\x.safetensors",
        "C:\\x",
        "tokenizer\0.json",
        "tokenizer\n.json",
        "\u{1b}[2Jtokenizer.json",
        "",
        "./config.json",
        &format!("tokenizer{}.json", "x".repeat(300)),
        &"d/".repeat(2000),
    ] {
        let (cache, file) = (tempfile::tempdir().unwrap(), name.to_owned());
        let hub = lying(move |listing| {
            let entry = json!({ "rfilename": file, "size": 2, "blobId": "a".repeat(40) });
            listing["siblings"].as_array_mut().unwrap().push(entry);
        });
        let error = refused(&options(&hub.url, cache.path()), &["do not trust this hub"]);
        let text = error.to_string();
        assert!(text.lines().all(|line| !line.chars().any(char::is_control)), "{text:?}");
        assert!(text.len() < 500 && error.is_bad_input(), "{text}");
        assert!(fs::read_dir(cache.path()).unwrap().next().is_none(), "{name}");
    }
}

#[test]
fn hashes_and_commits_are_digits_or_refused() {
    for hash in ["../../../x", "", "zz", &"a".repeat(65)] {
        let (cache, bad) = (tempfile::tempdir().unwrap(), hash.to_owned());
        let repository = model();
        let hub = Hub::start(move |request| {
            let mut listing = repository.listing();
            listing["siblings"][2]["blobId"] = json!(bad);
            match (request.path.starts_with("/api/"), request.method.as_str()) {
                (true, _) => Reply::new(200, listing.to_string()),
                (false, "HEAD") => Reply::new(200, "{}").header("ETag", format!("\"{bad}\"")),
                _ => repository.answer(request),
            }
        });
        refused(&options(&hub.url, cache.path()), &["config.json", "no hash or length"]);
    }
    for commit in ["main", "../../x", "", &COMMIT[1..]] {
        let (cache, bad) = (tempfile::tempdir().unwrap(), commit.to_owned());
        let hub = lying(move |listing| listing["sha"] = json!(bad));
        refused(&options(&hub.url, cache.path()), &["lists the commit"]);
    }
}

#[test]
fn what_is_no_listing() {
    for body in ["", "<html>", "[]", "{\"sha\": 1}", "{\"sha\":\"x\",\"siblings\":[{}]}"] {
        let cache = tempfile::tempdir().unwrap();
        let hub = Hub::start(move |_| Reply::new(200, body));
        refused(&options(&hub.url, cache.path()), &["no listing", "HF_ENDPOINT"]);
    }
    let (cache, deep) = (tempfile::tempdir().unwrap(), "[".repeat(1 << 20));
    let hub = Hub::start(move |_| Reply::new(200, deep.clone()));
    refused(&options(&hub.url, cache.path()), &["no listing"]);
}

#[test]
fn more_than_the_disk_holds_is_refused_before_it_is_full() {
    for size in [1u64 << 60, u64::MAX] {
        let cache = tempfile::tempdir().unwrap();
        let hub = lying(move |listing| {
            let shard = &mut listing["siblings"][4];
            shard["size"] = json!(size);
            shard["lfs"]["size"] = json!(size);
        });
        let error = refused(&options(&hub.url, cache.path()), &["are free", "HF_HUB_CACHE"]);
        assert!(matches!(error, HubError::DiskSpace { .. }) && !error.is_bad_input());
        assert_eq!(hub.requests().len(), 1);
    }
}

#[test]
fn links_in_the_cache_are_not_written_through() {
    let (repository, cache) = (model(), tempfile::tempdir().unwrap());
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let blobs = cache.path().join("models--someone--Tiny-R1/blobs");
    fs::create_dir_all(&blobs).unwrap();
    let (_, bytes) = repository.files.iter().find(|(file, _)| file == SHARD).unwrap();
    let hash = digest(SHARD, bytes);
    let served = repository.clone();
    let hub = Hub::start(move |request| served.answer(request));
    let options = options(&hub.url, cache.path());

    let partial = blobs.join(format!("{hash}.incomplete"));
    std::os::unix::fs::symlink(&victim, &partial).unwrap();
    refused(&options, &[".incomplete"]);
    fs::remove_file(&partial).unwrap();

    std::os::unix::fs::symlink(&victim, blobs.join(&hash)).unwrap();
    refused(&options, &["is no regular file", "remove it"]);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn a_cache_that_cannot_be_written() {
    let (repository, dir) = (model(), tempfile::tempdir().unwrap());
    let hub = Hub::start(move |request| repository.answer(request));
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refused(&options(&hub.url, &file), &["Not a directory", "HF_HUB_CACHE"]);
    assert!(!error.is_bad_input());
}
