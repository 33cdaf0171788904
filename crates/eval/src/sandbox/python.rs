//! The interpreter that programs run on: the system's, found once, outside the sandbox.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::error::EvalError;

/// An interpreter and the files it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Python {
    /// The program itself, with no links in its path.
    pub executable: PathBuf,
    /// Folders and files that it reads.
    pub needs: Vec<PathBuf>,
    /// Its version, such as `3.11.7`.
    pub version: String,
}

/// What the interpreter says about itself.
#[derive(Deserialize)]
struct Itself {
    executable: PathBuf,
    base_prefix: PathBuf,
    stdlib: PathBuf,
    version: String,
}

const QUESTION: &str = "import sys, os, json, platform; print(json.dumps({\
    'executable': os.path.realpath(sys.executable), 'base_prefix': sys.base_prefix, \
    'stdlib': os.path.dirname(os.__file__), 'version': platform.python_version()}))";

impl Python {
    /// Asks `command` (such as `python3`) where it lives.
    pub fn find(command: &Path) -> Result<Python, EvalError> {
        let failed = |reason: String| EvalError::Failed {
            what: format!("{}: no usable Python: {reason}", command.display()),
            hint: "code problems are judged by running Python: install python3, or name one with \
                   --python; generating works without it, and `ponder eval rescore` judges later"
                .into(),
        };
        let output = Command::new(command).args(["-I", "-c", QUESTION]).output();
        let output = output.map_err(|e| failed(e.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let itself: Itself =
            serde_json::from_slice(&output.stdout).map_err(|e| failed(e.to_string()))?;
        let is_system = itself.base_prefix == Path::new("/usr");
        // A prefix of its own holds nothing but the interpreter; `/usr` holds everything.
        let home = if is_system { itself.stdlib } else { itself.base_prefix };
        let needs = vec![home, itself.executable.clone()];
        Ok(Python { executable: itself.executable, needs, version: itself.version })
    }
}
