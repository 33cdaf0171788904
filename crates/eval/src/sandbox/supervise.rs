//! The trusted side: starts a stage, collects what the program writes within limits, and ends it.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{End, Program, Report, STAGE, this_program};
use crate::error::EvalError;

/// What the outer stage says when the program has ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ended {
    /// The program ran.
    Ran { code: Option<i32>, signal: Option<i32>, cpu_s: f64 },
    /// It could not be started.
    Failed(String),
}

/// Runs a program to its end. An error means that there is no sandbox here, not that the program
/// is at fault.
pub fn run(program: &Program) -> Result<Report, EvalError> {
    let (ours, theirs) = UnixStream::pair().map_err(|e| failed("a socket pair", &e))?;
    let child = Command::new(this_program())
        .args([STAGE, "outer"])
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|e| failed("a process", &e))?;
    let limit = program.limits.output_bytes;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (ended, stdout, stderr) = std::thread::scope(|scope| {
        let stdout = scope.spawn(move || read_up_to(stdout, limit));
        let stderr = scope.spawn(move || read_up_to(stderr, limit));
        let ended = talk(ours, program);
        // The outer stage's end is the end of everything that it started.
        end(&mut child);
        (ended, stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default())
    });
    let (end, cpu_s) = match ended {
        Ok(Some(Ended::Ran { code, signal, cpu_s })) => (how(program, code, signal, cpu_s), cpu_s),
        Ok(Some(Ended::Failed(reason))) => return Err(no_sandbox(&reason)),
        Ok(None) => (End::WallLimit, 0.0),
        Err(error) => return Err(no_sandbox(&format!("{error}; {}", stderr.trim_end()))),
    };
    Ok(Report { end, stdout, stderr, cpu_s })
}

/// Sends the program and waits for its end; `None` when it did not come in time.
fn talk(mut stream: UnixStream, program: &Program) -> std::io::Result<Option<Ended>> {
    let wall = program.limits.wall();
    let start = Instant::now();
    stream.write_all(&serde_json::to_vec(program)?)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = wall.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer) {
            Ok(0) => return serde_json::from_slice(&answer).map(Some).map_err(Into::into),
            Ok(n) => answer.extend_from_slice(&buffer[..n]),
            Err(e)
                if matches!(
                    e.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) => {}
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

fn end(child: &mut Child) {
    // It has ended already unless its time was up: then nothing is left to be killed.
    let _ = child.kill();
    let _ = child.wait();
}

fn how(program: &Program, code: Option<i32>, signal: Option<i32>, cpu_s: f64) -> End {
    match (code, signal) {
        // The kernel counts in ticks for the limit, and exactly for the report: they differ a little.
        (_, Some(_)) if cpu_s >= program.limits.cpu_s as f64 * 0.8 => End::CpuLimit,
        (_, Some(signal)) => End::Signalled(signal),
        (code, None) => End::Exited(code.unwrap_or(-1)),
    }
}

/// Text up to a limit. What comes beyond it is not read: the pipe closes, and the writer ends.
fn read_up_to(pipe: Option<impl Read>, limit: u64) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // An error ends the text as the end of the pipe does.
        let _ = pipe.take(limit).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn failed(what: &str, error: &std::io::Error) -> EvalError {
    no_sandbox(&format!("cannot make {what}: {error}"))
}

fn no_sandbox(reason: &str) -> EvalError {
    EvalError::Failed {
        what: format!("programs cannot be run apart from the rest here: {reason}"),
        hint: "the sandbox needs Linux with unprivileged user namespaces; inside a container they \
               have to be allowed. Nothing is run without it; `ponder eval rescore` judges later, \
               on another machine"
            .into(),
    }
}
