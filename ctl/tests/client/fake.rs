//! The played daemon: a socket in a folder of its own, a handler for each call.

use std::io::{BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use proto::api::{ApiError, Call, Reply, Request};
use proto::frame;
use serde::Serialize;
use serde_json::Value;

/// A folder that is removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    /// A folder with a short path, as sockets need it.
    pub fn new() -> Folder {
        Folder::below(&std::env::temp_dir())
    }

    /// A folder in another one.
    pub fn below(parent: &Path) -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("jobctl-{}-{count}", std::process::id());
        let path = parent.join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path.canonicalize().unwrap())
    }

    /// Writes a file in the folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn socket(&self) -> PathBuf {
        self.0.join("jobd.sock")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind at worst: the test's verdict stands.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The daemon's side of one connection.
pub struct Peer {
    stream: UnixStream,
    /// The daemon's folder.
    pub home: PathBuf,
}

impl Peer {
    /// Answers a call.
    pub fn reply(&mut self, parameters: &impl Serialize) {
        self.send(parameters, false);
    }

    /// Answers a call with more to come.
    pub fn reply_more(&mut self, parameters: &impl Serialize) {
        self.send(parameters, true);
    }

    fn send(&mut self, parameters: &impl Serialize, continues: bool) {
        let reply = Reply {
            parameters: serde_json::to_value(parameters).unwrap(),
            continues,
            error: None,
        };
        self.raw(&frame::encode(&reply).unwrap());
    }

    /// Refuses a call.
    pub fn refuse(&mut self, error: &ApiError) {
        let value: Value = serde_json::to_value(error).unwrap();
        self.raw(&frame::encode(&value).unwrap());
    }

    /// Sends any bytes; the client may be gone.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Closes the connection.
    pub fn close(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// The played daemon.
pub struct Fake {
    pub home: Folder,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Fake {
    /// Listens on the usual socket.
    pub fn start(handler: impl Fn(Request, &mut Peer) + Send + Sync + 'static) -> Fake {
        let home = Folder::new();
        let socket = home.socket();
        Fake::listen(home, &socket, handler)
    }

    /// Listens on `socket`.
    pub fn listen(
        home: Folder,
        socket: &Path,
        handler: impl Fn(Request, &mut Peer) + Send + Sync + 'static,
    ) -> Fake {
        let listener = UnixListener::bind(socket).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let handler = Arc::new(handler);
        let folder = home.0.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (handler, log, home) = (handler.clone(), log.clone(), folder.clone());
                thread::spawn(move || serve(stream.unwrap(), home, &log, &*handler));
            }
        });
        Fake { home, seen }
    }

    /// The calls so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    stream: UnixStream,
    home: PathBuf,
    log: &Mutex<Vec<Request>>,
    handler: &dyn Fn(Request, &mut Peer),
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut peer = Peer { stream, home };
    while let Ok(Some(call)) = frame::read::<Call>(&mut reader) {
        let request = Request::from_call(call).unwrap();
        log.lock().unwrap().push(request.clone());
        let is_end = matches!(request, Request::Shutdown(_));
        handler(request, &mut peer);
        if is_end {
            peer.close();
            return;
        }
    }
}
