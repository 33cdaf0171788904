//! Which system calls a program may make: what an interpreter needs to compute, to read and write
//! the files it sees, and to run threads. Everything else is refused as not permitted.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

/// Calls that exist on every architecture.
const ALLOWED: &[libc::c_long] = &[
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Files that are visible.
    libc::SYS_chdir,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_mkdirat,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_renameat,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
    // Waiting.
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    // Threads of its own; no process (see `conditional`).
    libc::SYS_clone3,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_get_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    // Signals within itself.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    // What it may know.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_times,
    libc::SYS_uname,
    // Becoming the interpreter. Without new processes a program can only replace itself.
    libc::SYS_execve,
];

/// Older forms of the same.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[libc::c_long] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_dup2,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_rmdir,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[libc::c_long] = &[];

/// Puts the filter on this process and all that it becomes.
pub(super) fn apply() -> Result<(), String> {
    let no_such_call = SeccompAction::Errno(libc::ENOSYS as u32);
    let not_permitted = SeccompAction::Errno(libc::EPERM as u32);
    // The C library asks for threads by clone3, whose flags no filter can see. Told that there is no
    // such call, it uses clone. Of two filters the stricter answer counts.
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let mut rules: BTreeMap<libc::c_long, Vec<SeccompRule>> =
        ALLOWED.iter().chain(ALLOWED_HERE).map(|call| (*call, Vec::new())).collect();
    rules.extend(conditional()?);
    for (rules, otherwise, matching) in [
        (clone3, SeccompAction::Allow, no_such_call),
        // The first of the two is applied before `seccomp` itself is refused.
        (rules, not_permitted, SeccompAction::Allow),
    ] {
        let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|e| e.to_string())?;
        let filter = SeccompFilter::new(rules, otherwise, matching, arch);
        let filter: BpfProgram = filter
            .and_then(TryInto::try_into)
            .map_err(|e: seccompiler::BackendError| e.to_string())?;
        apply_filter(&filter).map_err(|e| format!("seccomp: {e}"))?;
    }
    Ok(())
}

/// Whether a file is a terminal, and whether it stays open for a new program, on and off
/// (asm-generic/ioctls.h): what an interpreter asks of every file it opens.
const IOCTLS: [u64; 3] = [0x5401, 0x5450, 0x5451];

/// Calls that depend on an argument.
fn conditional() -> Result<BTreeMap<libc::c_long, Vec<SeccompRule>>, String> {
    let argument = |index, length, operator, value| {
        SeccompCondition::new(index, length, operator, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(|e| e.to_string())
    };
    let ioctl = |request| argument(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, request);
    let thread = libc::CLONE_THREAD as u64;
    let is_thread = argument(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(thread), thread)?;
    let reads_limit = argument(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?;
    Ok(BTreeMap::from([
        // A thread, never a process.
        (libc::SYS_clone, vec![is_thread]),
        // No other control of devices.
        (libc::SYS_ioctl, IOCTLS.into_iter().map(ioctl).collect::<Result<_, _>>()?),
        // Reading limits, not setting them.
        (libc::SYS_prlimit64, vec![reads_limit]),
    ]))
}
