//! Running programs that a model wrote: apart from everything, in Linux namespaces of their own,
//! under a filter of system calls and hard limits.
//!
//! A program sees an interpreter, the system's libraries and an empty folder. It cannot read other
//! files, open sockets, start processes, or use more processor time, memory or disk than it is
//! given. Its verdict depends on processor time: how busy the machine is does not matter. Why so:
//! docs/decisions/0004-programs-in-namespaces.md.

mod filter;
mod inner;
mod outer;
mod python;
mod supervise;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use python::Python;
pub use supervise::run;

/// The first argument of a process that is part of the sandbox, and no command of a user.
const STAGE: &str = "--ponder-sandbox-stage";

/// A program to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Program {
    /// The interpreter.
    pub python: Python,
    /// Files put into the program's folder, by name; the first one is run.
    pub files: Vec<(String, String)>,
    /// Its standard input.
    pub stdin: String,
    /// What it may use.
    pub limits: Limits,
}

/// What a program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds of processor time, of all its threads together.
    pub cpu_s: u64,
    /// Bytes of address space.
    pub memory_bytes: u64,
    /// Bytes of output that are kept; a program that writes far more is ended.
    pub output_bytes: u64,
}

impl Limits {
    /// What graders of code problems commonly allow: some seconds, and memory for large tables.
    pub const STANDARD: Limits = Limits { cpu_s: 6, memory_bytes: 2 << 30, output_bytes: 16 << 20 };

    /// How long a program may take that uses no processor time, because it waits for what never
    /// comes. Far above its processor time, so that a busy machine does not end it.
    fn wall(self) -> Duration {
        Duration::from_secs(self.cpu_s * 10 + 20)
    }
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// It used up its processor time.
    CpuLimit,
    /// It waited until its patience was used up.
    WallLimit,
}

/// What a program left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub end: End,
    /// Its output, up to the limit; what is not UTF-8 is replaced.
    pub stdout: String,
    /// Its errors, the same.
    pub stderr: String,
    /// Seconds of processor time that it used.
    pub cpu_s: f64,
}

/// Runs a stage of the sandbox if this process was started as one. A program that uses this module
/// calls it before anything else.
pub fn stage_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != STAGE {
        return None;
    }
    let code = match arguments.next()?.to_str()? {
        "outer" => outer::main(),
        "inner" => inner::main(),
        _ => ExitCode::FAILURE,
    };
    Some(code)
}

/// The program of the stages: this one.
fn this_program() -> PathBuf {
    // Not its name, which may have been replaced on disk since it was started.
    PathBuf::from("/proc/self/exe")
}
