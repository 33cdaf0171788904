//! What a pull leaves: the layout that other programs share, and only what is needed.

use std::fs;
use std::path::{Path, PathBuf};

use ponder_hub::{Event, ModelName, pull_files};

use crate::hub::{COMMIT, Hub, Reply, Repository, digest};
use crate::{SHARD, assert_complete, assert_no_remains, model, name, options, run};

#[test]
fn a_model_lands_in_the_shared_layout() {
    let (repository, cache) = (model(), tempfile::tempdir().unwrap());
    let served = repository.clone();
    let hub = Hub::start(move |request| served.answer(request));
    let options = options(&hub.url, cache.path());
    assert_eq!(options.cache.find(&name()), None);
    let (pulled, events) = run(&options);
    let pulled = pulled.unwrap();
    assert_complete(&pulled, &repository);
    assert_no_remains(cache.path());

    let root = cache.path().join("models--someone--Tiny-R1");
    assert_eq!(pulled.folder, root.join("snapshots").join(COMMIT));
    assert_eq!(fs::read_to_string(root.join("refs/main")).unwrap(), COMMIT);
    let (_, bytes) = repository.files.iter().find(|(file, _)| file == SHARD).unwrap();
    let link = fs::read_link(pulled.folder.join(SHARD)).unwrap();
    assert_eq!(link, Path::new("../../blobs").join(digest(SHARD, bytes)));
    assert!(cache.path().join(".locks/models--someone--Tiny-R1").is_dir());

    assert_eq!((pulled.files, pulled.bytes), (5, 470_019));
    assert_eq!(pulled.fetched_bytes, pulled.bytes);
    assert_eq!(options.cache.find(&name()), Some(pulled.folder.clone()));
    let by_commit = ModelName::parse("someone/Tiny-R1", Some(COMMIT)).unwrap();
    assert_eq!(options.cache.find(&by_commit), Some(pulled.folder));
    let other = ModelName::parse("someone/Tiny-R1@v2", None).unwrap();
    assert_eq!(options.cache.find(&other), None);

    let total_bytes = pulled.bytes;
    assert_eq!(events[0], Event::Listed { n_files: 5, total_bytes, kept_bytes: 0 });
    assert!(events.contains(&Event::Position { bytes: total_bytes }));
    for unneeded in ["README.md", "pytorch_model.bin", ".gitattributes"] {
        assert_eq!(hub.starts_of(unneeded).len(), 0, "{unneeded}");
    }
}

#[test]
fn a_file_of_a_data_set_lands_beside_the_models() {
    let rows = b"{\"question\": \"1+1?\", \"answer\": \"#### 2\"}\n".to_vec();
    let files = [("README.md", b"hello".to_vec()), ("main/test.jsonl", rows.clone())];
    let (repository, cache) =
        (Repository::new("someone/Sums", &files), tempfile::tempdir().unwrap());
    let hub = Hub::start(move |request| repository.answer_as_data(request));
    let options = options(&hub.url, cache.path());
    let name = ModelName::parse("someone/Sums", None).unwrap().of_data();
    let pulled = pull_files(&options, &name, &["main/test.jsonl"], &|_| ()).unwrap();
    let root = cache.path().join("datasets--someone--Sums");
    assert_eq!(pulled.folder, root.join("snapshots").join(COMMIT));
    assert_eq!(fs::read(pulled.folder.join("main/test.jsonl")).unwrap(), rows);
    assert_eq!(options.cache.find(&name), Some(pulled.folder));
    assert_eq!(hub.starts_of("README.md").len(), 0);
    let model = ModelName::parse("someone/Sums", None).unwrap();
    assert_eq!(options.cache.find(&model), None, "a data set is no model");
    let error = pull_files(&options, &name, &["test.jsonl"], &|_| ()).unwrap_err().to_string();
    assert!(error.contains("has no file test.jsonl\nhint: "), "{error}");
}

#[test]
fn a_second_pull_asks_for_the_listing_only() {
    let (repository, cache) = (model(), tempfile::tempdir().unwrap());
    let hub = Hub::start(move |request| repository.answer(request));
    let options = options(&hub.url, cache.path());
    run(&options).0.unwrap();
    let n_requests = hub.requests().len();
    let pulled = run(&options).0.unwrap();
    assert_eq!((pulled.fetched_bytes, hub.requests().len()), (0, n_requests + 1));
}

#[test]
fn a_broken_link_is_mended() {
    let (repository, cache) = (model(), tempfile::tempdir().unwrap());
    let served = repository.clone();
    let hub = Hub::start(move |request| served.answer(request));
    let options = options(&hub.url, cache.path());
    let pulled = run(&options).0.unwrap();
    let config = pulled.folder.join("config.json");
    fs::remove_file(&config).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &config).unwrap();
    fs::remove_file(pulled.folder.join("tokenizer.json")).unwrap();
    assert_complete(&run(&options).0.unwrap(), &repository);
    assert!(PathBuf::from("/etc/hostname").exists() || !cfg!(target_os = "linux"));
}

#[test]
fn pulls_at_the_same_time_fetch_each_file_once() {
    let (repository, cache) = (model(), tempfile::tempdir().unwrap());
    let served = repository.clone();
    let hub = Hub::start(move |request| served.answer(request));
    let options = options(&hub.url, cache.path());
    std::thread::scope(|scope| {
        let pulls: Vec<_> = (0..4).map(|_| scope.spawn(|| run(&options).0.unwrap())).collect();
        let pulled: Vec<_> = pulls.into_iter().map(|pull| pull.join().unwrap()).collect();
        let fetched: u64 = pulled.iter().map(|pulled| pulled.fetched_bytes).sum();
        assert_eq!(fetched, pulled[0].bytes);
        assert_complete(&pulled[0], &repository);
    });
    assert_eq!(hub.starts_of(SHARD), [0]);
}

#[test]
fn a_mirror_without_hashes_in_its_listing_is_asked_file_by_file() {
    let (repository, cache) = (model(), tempfile::tempdir().unwrap());
    let cdn_files = repository.clone();
    let cdn = Hub::start(move |request| cdn_files.answer_of_cdn(request));
    let mut served = repository.clone();
    served.cdn = Some(cdn.url.clone());
    let hub = Hub::start(move |request| match request.path.starts_with("/api/") {
        true => {
            let siblings: Vec<_> = served
                .files
                .iter()
                .map(|(name, _)| serde_json::json!({ "rfilename": name }))
                .collect();
            let listing = serde_json::json!({ "sha": COMMIT, "siblings": siblings });
            Reply::new(200, listing.to_string())
        }
        false => served.answer(request),
    });
    let pulled = run(&options(&hub.url, cache.path())).0.unwrap();
    assert_complete(&pulled, &repository);
    assert!(cdn.requests().iter().all(|request| request.method == "GET"));
    assert_eq!(hub.requests().iter().filter(|request| request.method == "HEAD").count(), 5);
}
