//! The daemon as a whole: takes the state folder, puts the rooms together, serves until it is
//! told to end, and leaves running jobs to the next daemon.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use interprocess::local_socket::tokio::Listener;
use proto::paths::Paths;
use proto::stage::StageSettings;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::core::plan::Host;
use crate::engine::{Engine, EngineError, Handle};
use crate::exec::{self, Exec, ExecError, Order};
use crate::ipc::{self, DaemonFacts, ListenError, Service};
use crate::layout::Layout;
use crate::retention::Retention;
use crate::settings::Settings;
use crate::spool::{Spool, SpoolError};
use crate::state::{self, StateError};
use crate::store::{Store, StoreError};
use crate::sys::{clock, failpoint, process, slice};

/// Threads that may wait for the store at once.
const BLOCKING_THREADS_MAX: usize = 4;
/// How long such a thread stays without work: for good. Where the user may have no more processes
/// no other could be made, and calls would wait for ever.
const BLOCKING_THREAD_KEPT: Duration = Duration::MAX;

/// How long the last commit may take when the daemon is told to end.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Why the daemon cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The state folder.
    #[error(transparent)]
    State(#[from] StateError),
    /// A program of jobd is not there.
    #[error("{} is missing: it must lie beside jobd", path.display())]
    NoProgram {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The log cannot be written.
    #[error("start the log: {0}")]
    Log(#[from] tracing_appender::rolling::InitError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The exec thread.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// The socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A second signal came before the end.
    #[error("told twice to end: what was not committed is left to the next daemon")]
    Hurried,
    /// The engine does not come to its end.
    #[error("the engine does not end within {} s; is the disk stuck?", STOP_MAX.as_secs())]
    Stuck,
    /// The kernel refused something at start.
    #[error("{operation}: {source}")]
    System {
        /// What was to be done.
        operation: &'static str,
        /// Why.
        source: io::Error,
    },
}

fn system<E: Into<io::Error>>(operation: &'static str) -> impl FnOnce(E) -> AppError {
    move |source| AppError::System {
        operation,
        source: source.into(),
    }
}

/// Runs the daemon until it is told to end; `ready` is called once the socket answers.
///
/// # Errors
/// Why it could not start, or had to end.
pub fn run(
    paths: &Paths,
    settings: &Settings,
    ready: impl FnOnce() -> io::Result<()>,
) -> Result<(), AppError> {
    let layout = Layout::new(paths.state.clone());
    state::make(&layout)?;
    let _lock = state::take(&layout)?;
    failpoint::reach("app.locked");
    crate::logging::start(&layout.log(), settings.log_days)?;
    process::ignore_sigio().map_err(system("ignore SIGIO"))?;
    let open_files =
        process::raise_open_files().map_err(system("raise the limit of open files"))?;
    let (stage, stage_settings) = (find_program(exec::STAGE)?, Arc::new(settings.stage.clone()));
    let (host, notes) = look_at_host(&layout, settings, stage, open_files);

    let cgroup_parent = host.cgroup_parent.clone();
    let store = Store::open(&layout.store(), state::when_missing(&layout)?)?;
    let (engine, handle) = Engine::new(store, layout.store(), settings.capacity)?;
    let orders = start_exec(
        &engine,
        &handle,
        &layout,
        (host, Arc::clone(&stage_settings)),
    )?;
    let socket = Socket::find(paths)?;
    let facts = facts(paths, socket.path(), notes);
    let retention = Retention::new(settings.retention, handle.clone(), layout.clone())?;
    let service = Service::new(handle.clone(), layout, facts, Arc::clone(&stage_settings))?;
    let spool = Spool::open(
        paths.spool.clone(),
        handle.clone(),
        Arc::clone(&stage_settings),
    )?;
    let engine = start("engine", move || {
        go_ahead();
        engine.run(move |order| orders.send(order))
    })?;
    start("spool", move || spool.run())?;
    if let Some(retention) = retention {
        start("retention", move || retention.run())?;
    }

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_THREAD_KEPT)
        .on_thread_start(go_ahead)
        .build()
        .map_err(system("start the socket's thread"))?;
    go_ahead();
    let result = runtime.block_on(serve(socket, service, handle, engine, ready));
    // A thread that hangs must not keep the process.
    runtime.shutdown_background();
    cgroup_parent
        .iter()
        .for_each(|parent| exec::leave_cgroup_parent(parent));
    result
}

fn look_at_host(
    layout: &Layout,
    settings: &Settings,
    stage: PathBuf,
    open_files: u64,
) -> (Host, Vec<String>) {
    let mut notes = Vec::new();
    let cgroup_parent = exec::find_cgroup_parent(layout.state())
        .inspect_err(|reason| {
            notes.push(format!(
                "no cgroup for jobs ({reason}): leftovers are found through /proc"
            ));
        })
        .ok();
    tracing::info!(state = %layout.state().display(), cgroup = ?cgroup_parent, "starting");
    let host = Host::look(
        stage,
        settings.grace_ms,
        settings.log_bytes_max,
        cgroup_parent,
        open_files,
    );
    (host, notes)
}

/// Starts the exec thread and gives it the steps that were under way when the last daemon ended.
fn start_exec(
    engine: &Engine,
    handle: &Handle,
    layout: &Layout,
    host: (Host, Arc<StageSettings>),
) -> Result<exec::Orders, AppError> {
    let shim = find_program(exec::SHIM)?;
    let (orders, inbox) = exec::channel().map_err(system("make the way to the exec thread"))?;
    let exec = Exec::new(inbox, handle.clone(), layout.clone(), host, shim)?;
    for job in engine.live() {
        if let Some(active) = job.active {
            let (id, name, stop) = (job.id, job.name.clone(), job.cancel);
            orders.send(Order::Adopt {
                id,
                name,
                step: active.step,
                stop,
            });
        }
    }
    start("exec", move || {
        if let Err(error) = exec.run() {
            tracing::error!(%error, "the exec thread cannot go on");
            // Without it nothing can be started or noticed; the next daemon adopts what runs.
            std::process::abort();
        }
    })?;
    Ok(orders)
}

fn find_program(name: &str) -> Result<PathBuf, AppError> {
    let own = std::env::current_exe().map_err(system("find the own program"))?;
    let path = own.with_file_name(name);
    if path.exists() {
        Ok(path)
    } else {
        Err(AppError::NoProgram { path })
    }
}

/// For the threads that stand between a request and its answer: what is made ready or run
/// meanwhile does not hold them up.
fn go_ahead() {
    if let Err(error) = slice::shorten() {
        tracing::debug!(%error, "requests take their turn");
    }
}

fn start<T: Send + 'static>(
    name: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, AppError> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(body)
        .map_err(system("start a thread"))
}

fn facts(paths: &Paths, socket: &Path, notes: Vec<String>) -> DaemonFacts {
    let named: [(&str, &Path); 4] = [
        ("socket", socket),
        ("state", &paths.state),
        ("spool", &paths.spool),
        ("configuration", &paths.configuration),
    ];
    let mut all: BTreeMap<String, String> = named
        .into_iter()
        .map(|(name, path)| (name.to_owned(), path.display().to_string()))
        .collect();
    all.insert("log".into(), paths.state.join("log").display().to_string());
    DaemonFacts {
        started_at: clock::wall_micros(),
        paths: all,
        notes,
    }
}

/// Serves the socket until the engine ends or a signal comes.
async fn serve(
    socket: Socket,
    service: Service,
    handle: Handle,
    engine: JoinHandle<Result<(), EngineError>>,
    ready: impl FnOnce() -> io::Result<()>,
) -> Result<(), AppError> {
    let path = socket.path().to_path_buf();
    let own = matches!(socket, Socket::Own(_));
    let listener = socket.listen()?;
    let mut stop = Stop::listen()?;
    let mut engine = tokio::task::spawn_blocking(move || engine.join());
    // That one is taken; the next one is there before anybody needs it.
    drop(tokio::task::spawn_blocking(|| {}));
    tokio::spawn(ipc::serve(listener, service));
    tokio::spawn(keep_watchdog(handle.clone()));
    ready().map_err(system("say that the socket answers"))?;
    notify(&[sd_notify::NotifyState::Ready]);
    failpoint::reach("app.ready");
    tracing::info!(socket = %path.display(), "ready");

    let ended = tokio::select! {
        ended = &mut engine => ended,
        () = stop.asked() => {
            handle.shut_down();
            tokio::select! {
                ended = &mut engine => ended,
                () = stop.asked() => return Err(AppError::Hurried),
                () = tokio::time::sleep(STOP_MAX) => return Err(AppError::Stuck),
            }
        }
    };
    notify(&[sd_notify::NotifyState::Stopping]);
    if own && let Err(error) = std::fs::remove_file(&path) {
        tracing::warn!(%error, "the socket cannot be removed");
    }
    tracing::info!("ended; running jobs go on");
    match ended {
        Ok(Ok(result)) => Ok(result?),
        Ok(Err(_)) | Err(_) => Err(AppError::System {
            operation: "run the engine",
            source: io::Error::other("it panicked"),
        }),
    }
}

/// The signals that ask for the end.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
    /// Asks for nothing here: it would end a process that does not listen to it.
    hang_up: Signal,
}

impl Stop {
    fn listen() -> Result<Stop, AppError> {
        let listen = |kind| signal(kind).map_err(system("listen for signals"));
        Ok(Stop {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    async fn asked(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    tracing::info!("SIGHUP changes nothing: settings are read at start");
                }
            }
        }
    }
}

/// The socket to listen on.
enum Socket {
    /// Opened by the service manager, which also removes it.
    Passed(OwnedFd, PathBuf),
    /// To be made, and removed at the end.
    Own(PathBuf),
}

impl Socket {
    fn find(paths: &Paths) -> Result<Socket, AppError> {
        let mut passed =
            sd_notify::listen_fds().map_err(system("take sockets from the service manager"))?;
        let Some(fd) = passed.next() else {
            return Ok(Socket::Own(paths.socket.clone()));
        };
        let socket = process::take_passed(fd);
        let path = ipc::path_of(&socket)?;
        Ok(Socket::Passed(socket, path))
    }

    fn path(&self) -> &Path {
        match self {
            Socket::Passed(_, path) | Socket::Own(path) => path,
        }
    }

    /// To be called within the runtime that will serve it.
    fn listen(self) -> Result<Listener, ListenError> {
        match self {
            Socket::Passed(socket, _) => ipc::adopt(socket),
            Socket::Own(path) => ipc::bind(&path),
        }
    }
}

fn notify(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "tell the service manager");
    }
}

/// Tells the service manager's watchdog that the engine makes rounds; silent without one.
async fn keep_watchdog(handle: Handle) {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return;
    };
    let pause = (interval / 2).max(Duration::from_millis(1));
    loop {
        if handle.ping().await.is_ok() {
            notify(&[sd_notify::NotifyState::Watchdog]);
        }
        tokio::time::sleep(pause).await;
    }
}
