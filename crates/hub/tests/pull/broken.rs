//! Transfers that break: what arrived is kept, what is wrong is not.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ponder_hub::{Event, HubError};

use crate::hub::{Hub, Reply, Repository, Request, digest};
use crate::{SHARD, assert_complete, assert_no_remains, model, options, refused, run};

/// A hub that answers the first requests for the shard as it is told: by the request, the right
/// reply, and how often it was asked before.
fn faulty(
    repository: &Repository,
    fault: impl Fn(&Request, Reply, usize) -> Reply + Send + Sync + 'static,
) -> Hub {
    let (served, n_asked) = (repository.clone(), AtomicUsize::new(0));
    Hub::start(move |request| {
        let right = served.answer(request);
        match request.is_get_of(SHARD) {
            true => fault(request, right, n_asked.fetch_add(1, Ordering::SeqCst)),
            false => right,
        }
    })
}

/// What has arrived of the shard.
fn partial(repository: &Repository, cache: &Path) -> std::path::PathBuf {
    let (_, bytes) = repository.files.iter().find(|(file, _)| file == SHARD).unwrap();
    let name = format!("{}.incomplete", digest(SHARD, bytes));
    cache.join("models--someone--Tiny-R1/blobs").join(name)
}

/// Leaves bytes behind, as a process that was killed does.
fn leave_behind(repository: &Repository, cache: &Path, bytes: &[u8]) {
    let path = partial(repository, cache);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn shard(repository: &Repository) -> Vec<u8> {
    repository.files.iter().find(|(file, _)| file == SHARD).unwrap().1.clone()
}

#[test]
fn a_cut_connection_goes_on_where_it_broke() {
    let (repository, cache) = (model(), tempfile::tempdir().unwrap());
    // More cuts than tries: each brought something, so none counts as a failure in a row.
    let hub = faulty(&repository, |_, right, n| match n < 8 {
        true => right.cut_after(30_000),
        false => right,
    });
    let (pulled, events) = run(&options(&hub.url, cache.path()));
    assert_complete(&pulled.unwrap(), &repository);
    let starts = hub.starts_of(SHARD);
    assert_eq!(starts, (0..=8).map(|n| n * 30_000).collect::<Vec<_>>());
    assert!(events.iter().any(|event| matches!(event, Event::Retry { .. })));
    assert_no_remains(cache.path());
}

#[test]
fn a_connection_that_never_brings_anything_is_given_up_and_resumed_later() {
    let (repository, cache) = (model(), tempfile::tempdir().unwrap());
    let hub = faulty(&repository, |request, right, _| match request.range_start() {
        None => right.cut_after(123_456),
        Some(_) => right.cut_after(0),
    });
    let error = refused(&options(&hub.url, cache.path()), &[SHARD, "4 tries"]);
    assert!(matches!(error, HubError::Unfinished { .. }) && !error.is_bad_input());
    assert_eq!(fs::metadata(partial(&repository, cache.path())).unwrap().len(), 123_456);
    assert!(!cache.path().join("models--someone--Tiny-R1/refs/main").exists());

    let served = repository.clone();
    let hub = Hub::start(move |request| served.answer(request));
    let pulled = run(&options(&hub.url, cache.path())).0.unwrap();
    assert_complete(&pulled, &repository);
    assert_eq!(hub.starts_of(SHARD), [123_456]);
    assert!(pulled.fetched_bytes <= pulled.bytes - 123_456);
}

#[test]
fn what_a_killed_process_left_is_used_if_it_is_right() {
    let repository = model();
    let right = shard(&repository);
    let mut damaged = right[..50_000].to_vec();
    damaged[77] ^= 1;
    let too_long = [&right[..], b"more"].concat();
    for (left, starts) in [
        (right[..50_000].to_vec(), vec![50_000]),
        // The whole file, killed before it got its name.
        (right.clone(), vec![]),
        // Noticed at the end, by the hash; then all of it comes again.
        (damaged, vec![50_000, 0]),
        (too_long, vec![0]),
    ] {
        let cache = tempfile::tempdir().unwrap();
        leave_behind(&repository, cache.path(), &left);
        let hub = faulty(&repository, |_, right, _| right);
        assert_complete(&run(&options(&hub.url, cache.path())).0.unwrap(), &repository);
        assert_eq!(hub.starts_of(SHARD), starts);
    }
}

#[test]
fn a_wrong_hash_is_tried_once_more_and_never_kept() {
    let (repository, cache) = (model(), tempfile::tempdir().unwrap());
    let flipped = |mut reply: Reply| {
        reply.body[1_000] ^= 1;
        reply
    };
    let hub = faulty(&repository, move |_, right, _| flipped(right));
    let error = refused(&options(&hub.url, cache.path()), &[SHARD, "SHA-256"]);
    assert!(matches!(error, HubError::WrongHash { .. }));
    assert_eq!(hub.starts_of(SHARD), [0, 0]);
    assert!(!partial(&repository, cache.path()).exists());
    assert!(!cache.path().join("models--someone--Tiny-R1/refs/main").exists());

    let hub = faulty(&repository, move |_, right, n| if n == 0 { flipped(right) } else { right });
    assert_complete(&run(&options(&hub.url, cache.path())).0.unwrap(), &repository);
}

#[test]
fn a_wrong_length_is_noticed_before_the_hash() {
    let repository = model();
    let longer = |reply: Reply, n: usize| Reply { body: vec![0; reply.body.len() + n], ..reply };
    type Fault = Box<dyn Fn(&Request, Reply, usize) -> Reply + Send + Sync>;
    let faults: [(Fault, &str); 3] = [
        (Box::new(move |_, right, _| longer(right, 5)), "sends 300005 bytes where it lists 300000"),
        (Box::new(|_, _, _| Reply::new(200, "<html>log in</html>")), "sends 19 bytes"),
        // Its length unknown, the end is where the connection ends.
        (
            Box::new(move |_, right, _| longer(right, 5).header("Content-Length", "")),
            "more than the 300000 bytes",
        ),
    ];
    for (fault, want) in faults {
        let cache = tempfile::tempdir().unwrap();
        let hub = faulty(&repository, fault);
        refused(&options(&hub.url, cache.path()), &[SHARD, want, "4 tries"]);
        assert!(!cache.path().join("models--someone--Tiny-R1/refs/main").exists());
    }
}

#[test]
fn a_hub_without_ranges_or_with_wrong_ones() {
    let repository = model();
    let right = shard(&repository);
    type Fault = fn(&[u8], &Request, Reply) -> Reply;
    let faults: [Fault; 3] = [
        |all, _, _| Reply::new(200, all),
        |all, request, right| match request.range_start() {
            Some(_) => Reply::new(206, all).header("Content-Range", "bytes 0-299999/300000"),
            None => right,
        },
        |_, request, right| match request.range_start() {
            Some(_) => Reply::new(416, ""),
            None => right,
        },
    ];
    for fault in faults {
        let (cache, all) = (tempfile::tempdir().unwrap(), right.clone());
        leave_behind(&repository, cache.path(), &right[..40_000]);
        let hub = faulty(&repository, move |request, reply, _| fault(&all, request, reply));
        assert_complete(&run(&options(&hub.url, cache.path())).0.unwrap(), &repository);
    }
}

#[test]
fn a_busy_hub_is_waited_for_as_it_asks() {
    for status in [429, 503] {
        let (repository, cache) = (model(), tempfile::tempdir().unwrap());
        let hub = faulty(&repository, move |_, right, n| match n < 2 {
            true => Reply::new(status, "busy").header("Retry-After", "1"),
            false => right,
        });
        let start = Instant::now();
        let (pulled, events) = run(&options(&hub.url, cache.path()));
        assert_complete(&pulled.unwrap(), &repository);
        assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
        let wait = Duration::from_secs(1);
        let n_waits =
            events.iter().filter(|e| matches!(e, Event::Retry { wait: w, .. } if *w == wait));
        assert_eq!(n_waits.count(), 2);
    }
}

#[test]
fn a_hub_that_stays_busy_is_given_up() {
    let repository = model();
    for (retry_after, want) in
        [("0", "4 tries"), ("3600", "asks to wait 3600 s"), ("soon", "4 tries")]
    {
        let cache = tempfile::tempdir().unwrap();
        let hub = faulty(&repository, move |_, _, _| {
            Reply::new(503, "busy").header("Retry-After", retry_after)
        });
        let error = refused(&options(&hub.url, cache.path()), &["the hub answers 503", want]);
        assert!(!error.is_bad_input());
    }
    // The listing, too.
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::start(|_| Reply::new(500, ""));
    refused(&options(&hub.url, cache.path()), &["/api/models/someone/Tiny-R1", "500"]);
    assert_eq!(hub.requests().len(), 4);
}

#[test]
fn a_silent_connection_is_given_up() {
    let (repository, cache) = (model(), tempfile::tempdir().unwrap());
    let hub = faulty(&repository, |_, right, n| match n {
        0 => Reply { silence: Duration::from_secs(60), ..right.cut_after(10_000) },
        _ => right,
    });
    let mut options = options(&hub.url, cache.path());
    options.patience.silence = Duration::from_secs(3);
    let start = Instant::now();
    assert_complete(&run(&options).0.unwrap(), &repository);
    assert!(start.elapsed() < Duration::from_secs(50));
    assert_eq!(hub.starts_of(SHARD), [0, 10_000]);
}

#[test]
fn nobody_there() {
    let cache = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = refused(&options(&format!("http://{free}"), cache.path()), &["4 tries"]);
    assert!(!error.is_bad_input());
}
