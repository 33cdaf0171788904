//! A model writes hostile code, and a user evaluates it: it reads nothing, reaches nobody, starts
//! nothing, and ends when its time is up.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{arg, ponder};

/// Runs a program with a second of processor time; `None` where there is no Python or no sandbox,
/// which is said.
fn apart(program: &str, stdin: &str) -> Option<Value> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("program.py");
    std::fs::write(&path, program).unwrap();
    let run = ponder(&["eval", "sandbox", "--cpu-s", "1", "--memory-mb", "512", arg(&path)], stdin);
    if run.code == Some(1) {
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
        println!("skipped: {}", run.stderr);
        return None;
    }
    Some(run.json())
}

/// Runs a program that prints what it got hold of, one line a success, and `end` at its end.
#[track_caller]
fn gets_nothing(program: &str) {
    let Some(report) = apart(&format!("{program}\nprint('end')"), "") else { return };
    assert_eq!(report["stdout"], "end\n", "{report}");
}

#[test]
fn an_honest_program_works() {
    let program = "import sys, math, json, collections, threading\n\
                   found = []\n\
                   t = threading.Thread(target=lambda: found.append(sys.stdin.read())); t.start(); t.join()\n\
                   open('mine.txt', 'w').write(found[0]); print(open('mine.txt').read().upper())\n";
    let Some(report) = apart(program, "abc") else { return };
    assert_eq!(
        (&report["stdout"], &report["end"]["exited"]),
        (&"ABC\n".into(), &0.into()),
        "{report}"
    );
}

#[test]
fn it_reads_no_files_of_the_user() {
    let here = std::fs::canonicalize(env!("CARGO_MANIFEST_DIR")).unwrap();
    let source = here.join("Cargo.toml");
    gets_nothing(&format!(
        "import os\n\
         for path in ['/etc/passwd', '/etc/shadow', '{home}/.bashrc', '{home}/.profile', '/home', '/proc/self/environ', '/proc/1/root',\n\
                      '/sys/kernel', '/dev/sda', '/dev/mem', '/var', '../../etc/passwd', '{source}']:\n\
         \x20   try:\n\
         \x20       print(path, os.listdir(path) if os.path.isdir(path) else open(path).read())\n\
         \x20   except OSError: pass\n\
         for name in os.environ:\n\
         \x20   if name not in ('HOME', 'LANG', 'PYTHONHASHSEED', 'LC_CTYPE'): print(name)",
        home = std::env::var("HOME").unwrap_or_default(),
        source = source.display()
    ));
    assert!(Path::new(&source).exists());
}

#[test]
fn it_writes_nothing_outside_its_folder() {
    let outside = std::env::temp_dir().join("ponder-sandbox-escape");
    let _ = std::fs::remove_file(&outside);
    gets_nothing(&format!(
        "import os\n\
         open({:?}, 'w').write('x')\n\
         for path in ['/usr/lib/x', '/lib/x', os.__file__]:\n\
         \x20   try: open(path, 'w'); print(path)\n\
         \x20   except OSError: pass",
        outside.display().to_string()
    ));
    assert!(!outside.exists(), "{}", outside.display());
}

#[test]
fn it_reaches_nobody() {
    gets_nothing(
        "import socket\n\
         for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):\n\
         \x20   try: socket.socket(family, socket.SOCK_STREAM); print(family)\n\
         \x20   except OSError: pass",
    );
}

#[test]
fn it_starts_and_touches_no_process() {
    gets_nothing(
        "import os, ctypes\n\
         try: pid = os.fork()\n\
         except OSError: pass\n\
         else: print('forked') if pid else os._exit(0)\n\
         for attempt in (lambda: os.system('id'), lambda: os.kill(-1, 9), lambda: os.kill(1, 15),\n\
                         lambda: os.setuid(0), lambda: os.chroot('/'), lambda: os.nice(-5),\n\
                         lambda: os.sched_setaffinity(0, {0})):\n\
         \x20   try:\n\
         \x20       if attempt() == 0: print('done')\n\
         \x20   except OSError: pass\n\
         libc = ctypes.CDLL(None, use_errno=True)\n\
         for name, call in (('unshare', lambda: libc.unshare(0x10000000)), ('mount', lambda: libc.mount(None, b'/', None, 0x44000, None)),\n\
                            ('ptrace', lambda: libc.ptrace(0, 0, 0, 0)), ('bpf', lambda: libc.syscall(321, 0, 0, 0)),\n\
                            ('io_uring', lambda: libc.syscall(425, 1, 0)), ('memfd', lambda: libc.syscall(319, b'x', 0))):\n\
         \x20   if call() >= 0: print(name)",
    );
}

#[test]
fn it_ends_when_its_time_is_up() {
    let start = Instant::now();
    let program = "import signal, threading\n\
                   signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n\
                   for _ in range(3): threading.Thread(target=lambda: all(True for _ in iter(int, 1))).start()\n\
                   while True: pass\n";
    let Some(report) = apart(program, "") else { return };
    assert_eq!(report["end"], "cpu_limit", "{report}");
    let cpu_s = report["cpu_s"].as_f64().unwrap();
    assert!((0.7..2.5).contains(&cpu_s), "{report}");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn memory_disk_and_output_are_bounded() {
    let Some(report) = apart("x = bytearray(1 << 30)", "") else { return };
    assert!(report["stderr"].as_str().unwrap().contains("MemoryError"), "{report}");
    let program = "f = open('big', 'wb')\n\
                   try:\n\
                   \x20   for _ in range(200): f.write(bytes(1 << 20)); f.flush()\n\
                   except OSError: print('full')\n";
    let report = apart(program, "").unwrap();
    assert!(report["stdout"] == "full\n" || report["end"]["signalled"].is_u64(), "{report}");
    let report = apart("while True: print('x' * 100000)", "").unwrap();
    let length = report["stdout"].as_str().unwrap().len();
    assert!((1 << 20..=16 << 20).contains(&length), "{length}");
}

#[test]
fn answers_are_judged_by_what_they_print_and_cannot_pass_by_leaving() {
    let dir = tempfile::tempdir().unwrap();
    let judged = |reply: &str| -> Option<(String, String)> {
        let run = crate::evaluation::rescored(dir.path(), reply)?;
        Some((run["outcome"].as_str()?.to_owned(), run["reason"].as_str()?.to_owned()))
    };
    let cases = [
        ("def add(a, b):\n    return a + b", "right", "passes every test"),
        ("def add(a, b):\n    return a - b", "wrong", "a test fails"),
        ("import os\nos._exit(0)", "wrong", "ended before"),
        ("import sys\nsys.exit(0)", "wrong", "ended before"),
        ("def add(a, b):\n    while True: pass", "wrong", "time limit"),
        ("def add(a, b):\n    return a + c", "wrong", "NameError"),
        ("def add(a, b: return", "wrong", "SyntaxError"),
    ];
    for (code, outcome, reason) in cases {
        let Some((found, why)) = judged(&format!("So:\n```python\n{code}\n```\n")) else { return };
        assert!(found == outcome && why.contains(reason), "{code}: {found}, {why}");
    }
    let (found, _) = judged("I cannot.").unwrap();
    assert_eq!(found, "no_answer");
}
