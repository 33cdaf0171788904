//! The second stage: process 1 of the new namespaces. It builds a file system of its own, gives up
//! every right, and becomes the program.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::prctl::{set_no_new_privs, set_pdeathsig};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{pivot_root, sethostname};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, set_capabilities,
    set_capabilities_secure_bits,
};

use super::{Limits, Program, filter};

/// Where the new root is put together: a folder that every Linux has, and that no interpreter lives
/// in. What is mounted there is seen by this process alone.
const ROOT: &str = "/sys";
/// The program's folder.
const HOME: &str = "/tmp";
/// Bytes of files that a program may have.
const DISK_BYTES: u64 = 64 << 20;
/// Files that a program may have open.
const OPEN_FILES: u64 = 64;
/// Stack of each thread: deep recursion is common in contest programs.
const STACK_BYTES: u64 = 128 << 20;

/// Runs the stage, which ends only where the program cannot be started.
pub(super) fn main() -> ExitCode {
    let reason = become_program();
    eprintln!("the sandbox could not be set up: {reason}");
    ExitCode::from(SETUP_FAILED)
}

/// The exit code of a set-up that failed.
const SETUP_FAILED: u8 = 113;

/// Returns only where something failed.
fn become_program() -> String {
    match prepare() {
        Err(reason) => reason,
        Ok(mut command) => format!("exec: {}", command.exec()),
    }
}

fn prepare() -> Result<Command, String> {
    set_pdeathsig(Signal::SIGKILL).map_err(|e| format!("prctl: {e}"))?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|e| format!("reading: {e}"))?;
    let program: Program = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    build_root(&program)?;
    sethostname("sandbox").map_err(|e| format!("sethostname: {e}"))?;
    let input = fs::File::open(Path::new(HOME).join(".stdin")).map_err(|e| e.to_string())?;
    fs::remove_file(Path::new(HOME).join(".stdin")).map_err(|e| e.to_string())?;
    set_limits(program.limits)?;
    give_up_rights()?;
    let (main, _) = program.files.first().ok_or("there is no file to run")?;
    let mut command = Command::new(&program.python.executable);
    command
        .args(["-s", "-B", "-X", "utf8"])
        .arg(Path::new(HOME).join(main))
        .env_clear()
        .env("HOME", HOME)
        .env("LANG", "C.UTF-8")
        // Hashes of text differ from run to run otherwise, and with them verdicts.
        .env("PYTHONHASHSEED", "0")
        .current_dir(HOME)
        .stdin(Stdio::from(input));
    filter::apply()?;
    Ok(command)
}

fn build_root(program: &Program) -> Result<(), String> {
    let none: Option<&str> = None;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, "/", none, private, none).map_err(|e| format!("private mounts: {e}"))?;
    let options = format!("size={DISK_BYTES},nr_inodes=4096,mode=755");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), ROOT, Some("tmpfs"), flags, Some(options.as_str()))
        .map_err(|e| format!("tmpfs: {e}"))?;
    for path in visible(program) {
        show(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let home = PathBuf::from(format!("{ROOT}{HOME}"));
    fs::create_dir_all(&home).map_err(|e| format!("{HOME}: {e}"))?;
    let stdin = (".stdin".to_owned(), program.stdin.clone());
    for (name, text) in program.files.iter().chain([&stdin]) {
        fs::write(home.join(name), text).map_err(|e| format!("{name}: {e}"))?;
    }
    std::env::set_current_dir(ROOT).map_err(|e| e.to_string())?;
    // The old root is put under the new one and taken away: pivot_root(2), "pivot_root(".", ".")".
    pivot_root(".", ".").map_err(|e| format!("pivot_root: {e}"))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(|e| format!("umount: {e}"))?;
    std::env::set_current_dir(HOME).map_err(|e| e.to_string())
}

/// What a program sees of the system: the interpreter, and the libraries that it is linked with.
fn visible(program: &Program) -> Vec<PathBuf> {
    let system = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/dev/null"];
    let mut paths: Vec<PathBuf> = system.iter().map(PathBuf::from).collect();
    paths.extend(program.python.needs.iter().cloned());
    paths
}

/// Makes `path` visible at its own place under the new root, for reading only.
fn show(path: &Path) -> Result<(), String> {
    let target = PathBuf::from(format!("{ROOT}{}", path.display()));
    let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
    if target.symlink_metadata().is_ok() {
        // Within something that is visible already.
        return Ok(());
    }
    let parent = target.parent().ok_or("is no absolute path")?;
    fs::create_dir_all(parent).map_err(|e| e.to_string())?;
    if metadata.is_symlink() {
        // `/lib` on systems where it is a part of `/usr`.
        let link = fs::read_link(path).map_err(|e| e.to_string())?;
        return std::os::unix::fs::symlink(link, &target).map_err(|e| e.to_string());
    }
    match metadata.is_dir() {
        true => fs::create_dir(&target),
        false => fs::write(&target, ""),
    }
    .map_err(|e| e.to_string())?;
    let none: Option<&str> = None;
    mount(Some(path), &target, none, MsFlags::MS_BIND, none).map_err(|e| format!("bind: {e}"))?;
    let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID;
    mount(none, &target, none, flags | kept_flags(path)?, none).map_err(|e| format!("remount: {e}"))
}

/// Flags that a mount has from outside and that cannot be taken from it inside.
fn kept_flags(path: &Path) -> Result<MsFlags, String> {
    let there = statvfs(path).map_err(|e| format!("statvfs: {e}"))?.flags();
    let pairs = [
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let kept = pairs.iter().filter(|(flag, _)| there.contains(*flag));
    Ok(kept.fold(MsFlags::empty(), |flags, (_, flag)| flags | *flag))
}

fn set_limits(limits: Limits) -> Result<(), String> {
    let resources = [
        (Resource::RLIMIT_CPU, limits.cpu_s),
        (Resource::RLIMIT_AS, limits.memory_bytes),
        (Resource::RLIMIT_STACK, STACK_BYTES),
        (Resource::RLIMIT_FSIZE, DISK_BYTES),
        (Resource::RLIMIT_NOFILE, OPEN_FILES),
        (Resource::RLIMIT_CORE, 0),
    ];
    for (resource, limit) in resources {
        let (_, hard) = getrlimit(resource).map_err(|e| format!("{resource:?}: {e}"))?;
        let limit = limit.min(hard);
        setrlimit(resource, limit, limit).map_err(|e| format!("{resource:?}: {e}"))?;
    }
    Ok(())
}

/// Root of these namespaces is nobody special after this, and cannot become so again.
fn give_up_rights() -> Result<(), String> {
    let bits = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED;
    set_capabilities_secure_bits(bits).map_err(|e| format!("secure bits: {e}"))?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, sets).map_err(|e| format!("capabilities: {e}"))?;
    set_no_new_privs().map_err(|e| format!("prctl: {e}"))
}
