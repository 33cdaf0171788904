//! The first stage: leaves the system's namespaces, starts the inner stage as the first process of
//! new ones, and reports its end. When this process ends, so does everything in them.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::Signal;
use nix::sys::time::TimeValLike;
use nix::unistd::{getegid, geteuid};

use super::supervise::Ended;
use super::{STAGE, this_program};

/// Runs the stage. Standard input is a socket: a program comes in, its end goes out.
pub(super) fn main() -> ExitCode {
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let mut socket = UnixStream::from(socket);
    let ended = run(&mut socket).unwrap_or_else(Ended::Failed);
    let answer = serde_json::to_vec(&ended).expect("plain values");
    match socket.write_all(&answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(socket: &mut UnixStream) -> Result<Ended, String> {
    let what = |what: &'static str| move |error: nix::Error| format!("{what}: {error}");
    set_pdeathsig(Signal::SIGKILL).map_err(what("prctl"))?;
    let mut program = Vec::new();
    socket.read_to_end(&mut program).map_err(|e| format!("reading the program: {e}"))?;
    let (uid, gid) = (geteuid(), getegid());
    let namespaces = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    unshare(namespaces).map_err(what("new namespaces"))?;
    // Root inside, the user outside: enough to mount, and nothing more than the user may do.
    let map = |file: &str, text: String| {
        fs::write(format!("/proc/self/{file}"), text).map_err(|e| format!("{file}: {e}"))
    };
    map("setgroups", "deny".into())?;
    map("uid_map", format!("0 {uid} 1"))?;
    map("gid_map", format!("0 {gid} 1"))?;
    let mut child = Command::new(this_program())
        .args([STAGE, "inner"])
        .env_clear()
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|e| format!("starting the inner stage: {e}"))?;
    let mut pipe = child.stdin.take().ok_or("the inner stage has no input")?;
    // If it cannot be written, the inner stage has ended, and its status says how.
    let _ = pipe.write_all(&program);
    drop(pipe);
    let status = child.wait().map_err(|e| format!("waiting: {e}"))?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(what("getrusage"))?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Ended::Ran { code: status.code(), signal: status.signal(), cpu_s: micros as f64 / 1e6 })
}
