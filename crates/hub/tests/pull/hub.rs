//! A hub of our own on loopback, which can be told to misbehave. Also used by the stories of the
//! command line.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha1::Digest as _;

/// The commit that every repository here has.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What a client asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
}

impl Request {
    /// The first byte of the range it asks for.
    pub fn range_start(&self) -> Option<usize> {
        let range = self.headers.get("range")?.strip_prefix("bytes=")?;
        range.strip_suffix('-')?.parse().ok()
    }

    /// Whether it asks for this file's bytes.
    pub fn is_get_of(&self, name: &str) -> bool {
        self.method == "GET" && self.path.ends_with(&format!("/{name}"))
    }
}

/// What it gets.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Close the connection after so many bytes of the body.
    pub cut_after: Option<usize>,
    /// Before that, say nothing for this long.
    pub silence: Duration,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        let (headers, silence) = (Vec::new(), Duration::ZERO);
        Reply { status, headers, body: body.into(), cut_after: None, silence }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn cut_after(mut self, n: usize) -> Reply {
        self.cut_after = Some(n);
        self
    }
}

/// A server that ends with the process.
pub struct Hub {
    /// Its address.
    pub url: String,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Hub {
    /// Starts one that answers by a function.
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Hub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), log.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (answer.clone(), seen.clone());
                std::thread::spawn(move || {
                    // A client that went away is no failure of the hub.
                    let Some(request) = read(&stream) else { return };
                    seen.lock().unwrap().push(request.clone());
                    drop(write(&stream, &request.method, &answer(&request)));
                });
            }
        });
        Hub { url, log }
    }

    /// What was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }

    /// The ranges with which a file was asked for, in order; 0 is all of it.
    pub fn starts_of(&self, name: &str) -> Vec<usize> {
        let requests = self.requests();
        let gets = requests.iter().filter(|request| request.is_get_of(name));
        gets.map(|request| request.range_start().unwrap_or(0)).collect()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    loop {
        let line = lines.next()?.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some(Request { method, path, headers })
}

fn write(mut stream: &TcpStream, method: &str, reply: &Reply) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    // An empty value leaves a header out that would otherwise be there.
    for (name, value) in reply.headers.iter().filter(|(_, value)| !value.is_empty()) {
        head += &format!("{name}: {value}\r\n");
    }
    if !reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        head += &format!("Content-Length: {}\r\n", reply.body.len());
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    if method != "HEAD" {
        let n = reply.cut_after.unwrap_or(reply.body.len());
        stream.write_all(&reply.body[..n])?;
        stream.flush()?;
        std::thread::sleep(reply.silence);
    }
    // So that what was sent arrives even if the client had more to say.
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut rest = [0; 512];
    while stream.read(&mut rest)? > 0 {}
    Ok(())
}

/// A model as a hub holds it.
#[derive(Clone)]
pub struct Repository {
    /// OWNER/NAME.
    pub model: String,
    /// Names and bytes. Weights are large files, named by SHA-256.
    pub files: Vec<(String, Vec<u8>)>,
    /// Where large files are; the hub itself if there is none.
    pub cdn: Option<String>,
}

impl Repository {
    pub fn new(model: &str, files: &[(&str, Vec<u8>)]) -> Repository {
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())).collect();
        Repository { model: model.into(), files, cdn: None }
    }

    /// The answer of a hub that works.
    pub fn answer(&self, request: &Request) -> Reply {
        if let Some(revision) =
            request.path.strip_prefix(&format!("/api/models/{}/revision/", self.model))
        {
            return match revision.strip_suffix("?blobs=true") {
                Some("main" | COMMIT) => Reply::new(200, self.listing().to_string()),
                _ => Reply::new(404, "{}").header("X-Error-Code", "RevisionNotFound"),
            };
        }
        if let Some(name) = request.path.strip_prefix(&format!("/{}/resolve/{COMMIT}/", self.model))
        {
            let Some((_, bytes)) = self.files.iter().find(|(file, _)| file == name) else {
                return Reply::new(404, "").header("X-Error-Code", "EntryNotFound");
            };
            let etag = format!("\"{}\"", digest(name, bytes));
            return match &self.cdn {
                Some(cdn) if is_large(name) => Reply::new(302, "")
                    .header("Location", format!("{cdn}/cdn/{name}?signature=x"))
                    .header("X-Linked-Etag", etag)
                    .header("X-Linked-Size", bytes.len().to_string()),
                _ => bytes_of(request, bytes).header("ETag", etag),
            };
        }
        Reply::new(404, "{}").header("X-Error-Code", "RepoNotFound")
    }

    /// The answer where the repository is a data set.
    pub fn answer_as_data(&self, request: &Request) -> Reply {
        let path = &request.path;
        let path = match path.strip_prefix("/api/datasets/") {
            Some(rest) => format!("/api/models/{rest}"),
            None => path.strip_prefix("/datasets").unwrap_or("/nothing").to_owned(),
        };
        self.answer(&Request { path, ..request.clone() })
    }

    /// The answer of the other host.
    pub fn answer_of_cdn(&self, request: &Request) -> Reply {
        let name = request.path.strip_prefix("/cdn/").and_then(|rest| rest.split('?').next());
        match self.files.iter().find(|(file, _)| Some(file.as_str()) == name) {
            Some((_, bytes)) => bytes_of(request, bytes),
            None => Reply::new(404, ""),
        }
    }

    /// What the API says of it.
    pub fn listing(&self) -> serde_json::Value {
        let siblings: Vec<serde_json::Value> = self
            .files
            .iter()
            .map(|(name, bytes)| match is_large(name) {
                true => serde_json::json!({
                    "rfilename": name, "size": bytes.len(), "blobId": "f".repeat(40),
                    "lfs": { "sha256": digest(name, bytes), "size": bytes.len(), "pointerSize": 134 },
                }),
                false => serde_json::json!({
                    "rfilename": name, "size": bytes.len(), "blobId": digest(name, bytes),
                }),
            })
            .collect();
        serde_json::json!({ "id": self.model, "sha": COMMIT, "siblings": siblings })
    }
}

fn is_large(name: &str) -> bool {
    name.ends_with(".safetensors")
}

/// The hash by which a hub calls a file.
pub fn digest(name: &str, bytes: &[u8]) -> String {
    let hex = |hash: &[u8]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if is_large(name) {
        return hex(&sha2::Sha256::digest(bytes));
    }
    let header = format!("blob {}\0", bytes.len());
    hex(&sha1::Sha1::digest([header.as_bytes(), bytes].concat()))
}

fn bytes_of(request: &Request, bytes: &[u8]) -> Reply {
    match request.range_start() {
        None => Reply::new(200, bytes),
        Some(start) if start < bytes.len() => {
            let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
            Reply::new(206, &bytes[start..]).header("Content-Range", range)
        }
        Some(_) => Reply::new(416, ""),
    }
}
