//! Worker threads for operations that last microseconds: they spin for a bounded time, then park.
//!
//! Unbounded spinning would be faster on an idle machine and collapses as soon as anything else
//! wants one of the cores.

use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use ponder_tensor::Buffer;

/// About 30 µs of `pause`: longer than the gaps between the operations of one step, shorter than
/// anything a person or another process would notice.
const SPINS: u32 = 2_000;

/// Memory of one worker, kept between operations; it grows to the largest request.
#[derive(Default)]
pub(crate) struct Scratch {
    words: Option<Buffer>,
}

impl Scratch {
    /// At least `len` words of unspecified content.
    pub fn words(&mut self, len: usize) -> &mut [f32] {
        let bytes = len * size_of::<f32>();
        let buffer = self.words.get_or_insert_with(|| Buffer::zeroed(bytes));
        if buffer.len() < bytes {
            *buffer = Buffer::zeroed(bytes);
        }
        buffer.as_mut_slice()
    }
}

/// A fixed set of threads; the caller of [`Pool::run`] is the first of them.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// One job at a time.
    running: Mutex<()>,
}

struct Shared {
    scratch: Vec<UnsafeCell<Scratch>>,
    /// Counts jobs; workers wait for it to change.
    generation: AtomicU64,
    job: UnsafeCell<Option<Job>>,
    next_unit: AtomicUsize,
    n_units: AtomicUsize,
    /// Workers that have not finished the current job.
    busy: AtomicUsize,
    parked: Vec<AtomicBool>,
    panicked: AtomicBool,
    stop: AtomicBool,
}

type Job = *const (dyn Fn(usize, usize) + Sync);

thread_local! {
    /// While this thread works on one of [`Pool::tasks`]: whose, and as which thread.
    static TASK: Cell<Option<(*const Shared, usize)>> = const { Cell::new(None) };
}

// SAFETY: `scratch[i]` is touched by thread i alone; `job` is written only while no worker runs
// (`busy` is 0) and read only after the release store to `generation` that follows the write.
unsafe impl Sync for Shared {}
// SAFETY: the job pointer is the only member that is not Send; `run` keeps its target alive.
unsafe impl Send for Shared {}

impl Pool {
    /// A pool of `threads` threads, the caller's included. With `pin`, thread i stays on core i.
    pub fn new(threads: usize, pin: bool) -> Pool {
        let threads = threads.max(1);
        let shared = Arc::new(Shared {
            scratch: (0..threads).map(|_| UnsafeCell::default()).collect(),
            generation: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            next_unit: AtomicUsize::new(0),
            n_units: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            parked: (0..threads).map(|_| AtomicBool::new(false)).collect(),
            panicked: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        if pin {
            pin_to_core(0);
        }
        let workers = (1..threads).map(|thread| {
            let shared = shared.clone();
            let name = format!("kernel-{thread}");
            let body = move || {
                if pin {
                    pin_to_core(thread);
                }
                shared.work(thread);
            };
            std::thread::Builder::new().name(name).spawn(body).expect("the system has threads")
        });
        Pool { workers: workers.collect(), shared, running: Mutex::new(()) }
    }

    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `job` once for every unit below `n_units`, in ascending order of start, on all
    /// threads. Which thread takes which unit is not fixed: results must not depend on it.
    ///
    /// Within a task of [`Pool::tasks`] the thread does all units itself.
    pub fn run(&self, n_units: usize, job: &(dyn Fn(&mut Scratch, usize) + Sync)) {
        let shared = &*self.shared;
        // SAFETY: each thread has its own scratch, and a job does not run jobs.
        let on_thread =
            |thread: usize, unit| job(unsafe { &mut *shared.scratch[thread].get() }, unit);
        match TASK.get() {
            Some((owner, thread)) if std::ptr::eq(owner, shared) => {
                (0..n_units).for_each(|unit| on_thread(thread, unit));
            }
            _ => self.dispatch(n_units, &on_thread),
        }
    }

    /// Calls `task` once for every number below `n_tasks`, in ascending order of start, on all
    /// threads. A task may [`Pool::run`] jobs, and may wait for tasks before it.
    pub fn tasks(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.dispatch(n_tasks, &|thread, i| {
            let _within = Within::new(&self.shared, thread);
            task(i);
        });
    }

    /// Calls `job(thread, unit)` once for every unit.
    fn dispatch(&self, n_units: usize, job: &(dyn Fn(usize, usize) + Sync)) {
        let _running = self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let shared = &*self.shared;
        if n_units <= 1 || self.workers.is_empty() {
            (0..n_units).for_each(|unit| job(0, unit));
            return;
        }
        // SAFETY: only the lifetime is erased. The job is called only by workers counted in
        // `busy`, and this function returns only when `busy` is 0 again, panics included.
        let erased: Job =
            unsafe { std::mem::transmute(job as *const (dyn Fn(usize, usize) + Sync)) };
        // SAFETY: `busy` is 0, so no worker reads the job.
        unsafe { *shared.job.get() = Some(erased) };
        shared.next_unit.store(0, Ordering::Relaxed);
        shared.n_units.store(n_units, Ordering::Relaxed);
        shared.busy.store(self.workers.len(), Ordering::Relaxed);
        shared.generation.fetch_add(1, Ordering::SeqCst);
        for (worker, parked) in self.workers.iter().zip(&shared.parked[1..]) {
            if parked.load(Ordering::SeqCst) {
                worker.thread().unpark();
            }
        }
        shared.take_units(0);
        wait(|| shared.busy.load(Ordering::Acquire) == 0);
        assert!(!shared.panicked.swap(false, Ordering::Relaxed), "a kernel thread panicked");
    }
}

/// Marks the thread while it lives.
struct Within;

impl Within {
    fn new(shared: &Shared, thread: usize) -> Within {
        TASK.set(Some((shared, thread)));
        Within
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        TASK.set(None);
    }
}

impl Shared {
    /// Takes units until none is left. A panic is recorded, not passed on: the caller of `run`
    /// must not unwind while workers still hold its job.
    fn take_units(&self, thread: usize) {
        // SAFETY: written before the generation changed, which this thread has seen.
        let job = unsafe { (*self.job.get()).expect("a job precedes its generation") };
        // SAFETY: `run` keeps the job alive until all threads are done.
        let job = unsafe { &*job };
        let n_units = self.n_units.load(Ordering::Relaxed);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            loop {
                let unit = self.next_unit.fetch_add(1, Ordering::Relaxed);
                if unit >= n_units {
                    break;
                }
                job(thread, unit);
            }
        }));
        if result.is_err() {
            self.panicked.store(true, Ordering::Relaxed);
        }
    }

    fn work(&self, thread: usize) {
        let mut seen = 0;
        loop {
            let mut spins = 0;
            while self.generation.load(Ordering::Acquire) == seen {
                if spins < SPINS {
                    spins += 1;
                    std::hint::spin_loop();
                    continue;
                }
                self.parked[thread].store(true, Ordering::SeqCst);
                if self.generation.load(Ordering::SeqCst) == seen {
                    std::thread::park();
                }
                self.parked[thread].store(false, Ordering::SeqCst);
            }
            seen = self.generation.load(Ordering::Acquire);
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            self.take_units(thread);
            self.busy.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Spins for a bounded time, then lets other processes run between looks.
fn wait(done: impl Fn() -> bool) {
    let mut spins = 0;
    while !done() {
        if spins < SPINS {
            spins += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches the panics of its jobs, so it ends normally.
            let _ = worker.join();
        }
    }
}

/// Keeps the calling thread on one core. A refusal (fewer cores allowed) costs only speed.
fn pin_to_core(core: usize) {
    // SAFETY: the set is a plain bit mask, initialised by zeroing; the call reads it only.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

/// A slice that several threads fill in parts which do not overlap.
#[derive(Clone, Copy)]
pub(crate) struct Disjoint<T> {
    pointer: *mut T,
    len: usize,
}

// SAFETY: the parts handed out do not overlap (the contract of `part`).
unsafe impl<T: Send> Send for Disjoint<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Disjoint<T> {}

impl<T> Disjoint<T> {
    pub fn new(slice: &mut [T]) -> Disjoint<T> {
        Disjoint { pointer: slice.as_mut_ptr(), len: slice.len() }
    }

    /// The part `start..start + len`.
    ///
    /// # Safety
    /// The slice given to `new` is still borrowed there, and no other live part overlaps this one.
    #[track_caller]
    #[expect(clippy::mut_from_ref, reason = "disjointness is the caller's promise")]
    pub unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start + len <= self.len, "{start} + {len} beyond {}", self.len);
        // SAFETY: inside the slice (checked), exclusive (promised).
        unsafe { std::slice::from_raw_parts_mut(self.pointer.add(start), len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> Pool {
        Pool::new(threads, false)
    }

    #[test]
    fn every_unit_runs_once() {
        for threads in [1, 2, 3] {
            let pool = pool(threads);
            for n_units in [0, 1, 2, 7, 1000] {
                let counts: Vec<AtomicUsize> = (0..n_units).map(|_| AtomicUsize::new(0)).collect();
                pool.run(n_units, &|_, unit| {
                    counts[unit].fetch_add(1, Ordering::Relaxed);
                });
                assert!(
                    counts.iter().all(|c| c.load(Ordering::Relaxed) == 1),
                    "{threads} {n_units}"
                );
            }
        }
    }

    #[test]
    fn tasks_run_jobs_and_wait_for_earlier_ones() {
        for threads in [1, 2, 3] {
            let pool = pool(threads);
            let (turn, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
            pool.tasks(7, &|task| {
                pool.run(5, &|scratch, unit| {
                    scratch.words(8)[0] = 1.0;
                    sum.fetch_add(unit, Ordering::Relaxed);
                });
                while turn.load(Ordering::Acquire) != task {
                    std::thread::yield_now();
                }
                turn.store(task + 1, Ordering::Release);
            });
            assert_eq!((turn.into_inner(), sum.into_inner()), (7, 70), "{threads} threads");
            pool.run(3, &|_, _| {});
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = pool(2);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.run(10, &|_, unit| assert_ne!(unit, 5));
        }));
        assert!(result.is_err());
        pool.run(10, &|_, _| {});
    }
}
