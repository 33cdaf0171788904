//! The engine's thread: takes commands between steps, runs steps, hands events to whoever waits.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use ponder_engine::{
    Engine, EngineError, Event, LanguageModel, Refusal, Request, SequenceId, Stats,
};
use tokio::sync::{mpsc, oneshot};

/// How often an idle engine shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// What the engine is asked to do.
pub enum Command {
    /// Take requests, all or none.
    Submit(Submission),
    /// End requests.
    Cancel(Vec<SequenceId>),
    /// Take no more, and end what is there by this time on the board's clock.
    Drain {
        /// Milliseconds.
        deadline_ms: u64,
    },
}

/// Requests that belong together: the choices of one answer.
pub struct Submission {
    /// One for each choice.
    pub requests: Vec<Request>,
    /// Gets what happens to them.
    pub events: mpsc::UnboundedSender<Stamped>,
    /// Gets their ids, or why they were refused.
    pub reply: oneshot::Sender<Result<Vec<SequenceId>, Refusal>>,
}

/// An event of a choice.
pub struct Stamped {
    /// Which choice.
    pub choice: usize,
    /// When the step ended that brought it.
    pub at: Instant,
    /// What happened.
    pub event: Event,
}

/// What everybody may read about the engine's state.
pub struct Board {
    start: Instant,
    stats: Mutex<Stats>,
    is_leaving: AtomicBool,
    is_draining: AtomicBool,
    is_stopped: AtomicBool,
    /// When the engine last showed itself, on the board's clock.
    seen_ms: AtomicU64,
}

impl Board {
    /// A board whose clock starts now.
    pub fn new() -> Board {
        Board {
            start: Instant::now(),
            stats: Mutex::new(Stats::default()),
            is_leaving: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
            seen_ms: AtomicU64::new(0),
        }
    }

    /// Milliseconds since the start: the clock of deadlines.
    pub fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// The engine's counts after its last step.
    pub fn stats(&self) -> Stats {
        *self.stats.lock().expect("nobody panics while holding the lock")
    }

    /// The server will go down: load balancers shall send requests elsewhere.
    pub fn set_leaving(&self) {
        self.is_leaving.store(true, Ordering::SeqCst);
    }

    /// Whether the server will go down.
    pub fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::SeqCst)
    }

    /// No new requests from here on.
    pub fn set_draining(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    /// Whether new requests are refused.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::SeqCst)
    }

    /// Whether the engine runs no more.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    /// How long the engine has not shown itself: the length of the step it is in.
    pub fn silence(&self) -> Duration {
        Duration::from_millis(self.now_ms().saturating_sub(self.seen_ms.load(Ordering::Relaxed)))
    }

    fn publish(&self, stats: Stats) {
        *self.stats.lock().expect("nobody panics while holding the lock") = stats;
        self.seen_ms.store(self.now_ms(), Ordering::Relaxed);
    }
}

/// Runs until a drain is done or nobody can send commands any more.
///
/// An error of the engine ends everything: what waits for events sees its channel close.
pub fn run<M: LanguageModel>(
    engine: &mut Engine<M>,
    commands: &Receiver<Command>,
    board: &Board,
) -> Result<(), EngineError> {
    let mut readers = Readers::new();
    let result = serve(engine, commands, board, &mut readers);
    board.is_stopped.store(true, Ordering::SeqCst);
    result
}

/// Who gets the events of a sequence, and as which choice.
type Readers = HashMap<SequenceId, (usize, mpsc::UnboundedSender<Stamped>)>;

fn serve<M: LanguageModel>(
    engine: &mut Engine<M>,
    commands: &Receiver<Command>,
    board: &Board,
    readers: &mut Readers,
) -> Result<(), EngineError> {
    loop {
        board.publish(engine.stats());
        if engine.is_idle() {
            if board.is_draining() {
                return Ok(());
            }
            match commands.recv_timeout(HEARTBEAT) {
                Ok(command) => obey(command, engine, readers),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
        while let Ok(command) = commands.try_recv() {
            obey(command, engine, readers);
        }
        let events = engine.step(board.now_ms())?;
        let at = Instant::now();
        for event in events {
            deliver(event, at, engine, readers);
        }
    }
}

fn obey<M: LanguageModel>(command: Command, engine: &mut Engine<M>, readers: &mut Readers) {
    match command {
        Command::Submit(submission) => submit(submission, engine, readers),
        Command::Cancel(ids) => cancel(&ids, engine),
        Command::Drain { deadline_ms } => engine.drain(Some(deadline_ms)),
    }
}

fn submit<M: LanguageModel>(submission: Submission, engine: &mut Engine<M>, readers: &mut Readers) {
    let Submission { requests, events, reply } = submission;
    let mut ids = Vec::with_capacity(requests.len());
    for request in requests {
        match engine.submit(request) {
            Ok(id) => ids.push(id),
            Err(refusal) => {
                cancel(&ids, engine);
                // Whoever asked may have gone: then nobody wants to know.
                let _ = reply.send(Err(refusal));
                return;
            }
        }
    }
    if reply.send(Ok(ids.clone())).is_err() {
        cancel(&ids, engine);
        return;
    }
    for (choice, id) in ids.into_iter().enumerate() {
        readers.insert(id, (choice, events.clone()));
    }
}

fn cancel<M: LanguageModel>(ids: &[SequenceId], engine: &mut Engine<M>) {
    for id in ids {
        // One that has ended by itself meanwhile needs no cancelling.
        engine.cancel(*id);
    }
}

fn deliver<M: LanguageModel>(
    event: Event,
    at: Instant,
    engine: &mut Engine<M>,
    readers: &mut Readers,
) {
    let id = event.sequence();
    let is_last = matches!(event, Event::Finished { .. });
    if let Some((choice, reader)) = readers.get(&id)
        && reader.send(Stamped { choice: *choice, at, event }).is_err()
    {
        engine.cancel(id);
    }
    if is_last {
        readers.remove(&id);
    }
}

/// The way to the engine's thread.
#[derive(Clone)]
pub struct EngineHandle {
    commands: Sender<Command>,
}

impl EngineHandle {
    /// A handle over the sending half of the engine's commands.
    pub fn new(commands: Sender<Command>) -> EngineHandle {
        EngineHandle { commands }
    }

    /// Sends a command; whether the engine still runs.
    pub fn send(&self, command: Command) -> bool {
        self.commands.send(command).is_ok()
    }
}
