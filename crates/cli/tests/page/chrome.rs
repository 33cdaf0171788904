//! A Chromium without a window, driven over its DevTools protocol.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page; ends with the test.
pub struct Chrome {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    session: String,
    last_id: u64,
    /// What went wrong in the page: exceptions, refusals of the content policy, error messages.
    pub problems: Vec<String>,
    _profile: TempDir,
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Commands go in and answers come out on descriptors 3 and 4.
const LAUNCH: &str = "name=$1; shift; exec \"$name\" \"$@\" 3<&0 4>&1 >/dev/null 2>&1";

impl Chrome {
    /// Starts one, if the machine has it.
    pub fn start() -> Option<Chrome> {
        let is_there = |name: &&&str| {
            let found = Command::new(name).arg("--version").stdout(Stdio::null()).status();
            found.is_ok_and(|status| status.success())
        };
        let name = NAMES.iter().find(is_there)?;
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", LAUNCH, "sh", name, "--remote-debugging-pipe", "--headless=new"])
            // Tests run in containers too, where there is no sandbox to be had.
            .args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            loop {
                let mut message = Vec::new();
                // Each ends with a zero byte.
                if answers.read_until(0, &mut message).unwrap_or(0) == 0 {
                    return;
                }
                let message = serde_json::from_slice(&message[..message.len() - 1]).unwrap();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let commands = child.stdin.take().unwrap();
        let (session, problems) = (String::new(), Vec::new());
        let mut chrome =
            Chrome { child, commands, messages, session, last_id: 0, problems, _profile: profile };
        let target = chrome.send("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = chrome.send("Target.attachToTarget", attach);
        chrome.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log"] {
            chrome.send(&format!("{domain}.enable"), json!({}));
        }
        Some(chrome)
    }

    /// Sends a command and waits for its result.
    pub fn send(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.commands.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut message = self.messages.recv_timeout(PATIENCE).unwrap();
            if message["id"] == json!(self.last_id) {
                assert!(message.get("error").is_none(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
            self.notice(&message);
        }
    }

    fn notice(&mut self, message: &Value) {
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.problems.push(params.to_string()),
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                self.problems.push(params["entry"].to_string());
            }
            Some("Page.javascriptDialogOpening") => {
                self.problems.push(format!("a dialog: {}", params["message"]));
            }
            _ => {}
        }
    }

    /// Loads a page and waits until it has run.
    pub fn open(&mut self, url: &str) {
        self.send("Page.navigate", json!({ "url": url }));
        self.wait("document.readyState === 'complete' && document.querySelector('#model')?.textContent !== ''");
    }

    /// The value of an expression, whose promise is awaited.
    pub fn value(&mut self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.send("Runtime.evaluate", params);
        let failed = answer.get("exceptionDetails");
        assert!(failed.is_none(), "{expression}: {}", failed.unwrap());
        answer["result"]["value"].take()
    }

    /// A text in the page.
    pub fn text(&mut self, expression: &str) -> String {
        let value = self.value(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression} is {value}")).to_owned()
    }

    /// Waits until an expression is true.
    pub fn wait(&mut self, expression: &str) {
        let start = Instant::now();
        while self.value(&format!("Boolean({expression})")) != json!(true) {
            let body = "document.body.innerText.slice(0, 2000)";
            if start.elapsed() > PATIENCE {
                let shown = self.value(body);
                panic!("never: {expression}\nproblems: {:?}\npage: {shown}", self.problems);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types into what has the focus.
    pub fn write(&mut self, text: &str) {
        self.send("Input.insertText", json!({ "text": text }));
    }

    /// Presses a key: `Enter`, `Escape`, `Tab`.
    pub fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, Some("\r")),
            "Escape" => (27, None),
            "Tab" => (9, None),
            "Home" => (36, None),
            other => panic!("no code for {other}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if let (Some(text), "keyDown") = (text, kind) {
                event["text"] = json!(text);
            }
            self.send("Input.dispatchKeyEvent", event);
        }
    }

    /// Makes the window this large, with a colour scheme.
    pub fn look(&mut self, [width, height]: [u32; 2], scheme: &str) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.send("Emulation.setDeviceMetricsOverride", metrics);
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.send("Emulation.setEmulatedMedia", json!({ "features": [feature] }));
    }

    /// Saves a picture to the folder that `PONDER_SCREENSHOTS` names, for people to look at.
    pub fn picture(&mut self, name: &str) {
        let Some(dir) = std::env::var_os("PONDER_SCREENSHOTS") else { return };
        let answer = self.send("Page.captureScreenshot", json!({ "format": "png" }));
        let data = answer["data"].as_str().unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
        std::fs::write(std::path::Path::new(&dir).join(format!("{name}.png")), bytes).unwrap();
    }
}
