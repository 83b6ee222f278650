//! A web server that does what a test tells it, faults included. Std only: what is tested must
//! not be tested with itself.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `PUT`, …
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Lowercase name → value.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// How many came for this path before.
    pub number: usize,
}

impl Request {
    /// The value of a header, by its lowercase name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).cloned()
    }
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers besides `Content-Length`, which is of the body unless it is among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The connection is cut after so many bytes of the body.
    pub cut_after: Option<usize>,
    /// Nothing more is sent after so many bytes of the body, and the connection stays.
    pub stall_after: Option<usize>,
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// The server.
pub struct Web {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Web {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicBool::new(false));
        let handler: Arc<Handler> = Arc::new(handler);
        let (seen, is_over) = (requests.clone(), ended.clone());
        let thread = thread::spawn(move || {
            for connection in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let (handler, seen, is_over) = (handler.clone(), seen.clone(), is_over.clone());
                let connection = connection.unwrap();
                thread::spawn(move || serve(connection, &*handler, &seen, &is_over));
            }
        });
        Web {
            address,
            requests,
            ended,
            thread: Some(thread),
        }
    }

    /// One file under every path, with ETag and ranges.
    #[must_use]
    pub fn of_file(bytes: &[u8]) -> Web {
        let bytes = bytes.to_vec();
        Web::start(move |request| reply_with_file(request, &bytes, "\"one\""))
    }

    /// An address of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `HOST:PORT`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// What came so far.
    ///
    /// # Panics
    /// When a thread of the server panicked.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn serve(
    connection: TcpStream,
    handler: &Handler,
    seen: &Mutex<Vec<Request>>,
    is_over: &AtomicBool,
) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    while let Some(mut request) = read(&mut reader) {
        {
            let mut seen = seen.lock().unwrap();
            let same = |known: &&Request| known.path == request.path;
            request.number = seen.iter().filter(same).count();
            seen.push(request.clone());
        }
        if !send(&connection, &handler(&request), is_over) {
            break;
        }
    }
    drop(connection.shutdown(Shutdown::Both));
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (method, rest) = line.split_once(' ')?;
    let mut request = Request {
        method: method.into(),
        path: rest.split(' ').next()?.into(),
        headers: BTreeMap::new(),
        body: Vec::new(),
        number: 0,
    };
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let name = name.to_ascii_lowercase();
        request.headers.insert(name, value.trim().to_owned());
    }
    let length = request.headers.get("content-length");
    let length = length.map_or(0, |length| length.parse().unwrap());
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

/// Whether the connection can go on.
fn send(mut connection: &TcpStream, reply: &Reply, is_over: &AtomicBool) -> bool {
    let mut head = format!("HTTP/1.1 {} Status\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let says_length = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-length");
    if !reply.headers.iter().any(says_length) {
        head.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
    }
    head.push_str("\r\n");
    let until = reply
        .cut_after
        .or(reply.stall_after)
        .unwrap_or(reply.body.len());
    let sent = connection
        .write_all(head.as_bytes())
        .and_then(|()| connection.write_all(&reply.body[..until]));
    if reply.stall_after.is_some() {
        // Until the client gives up, or the test is over.
        connection
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let mut byte = [0];
        while !is_over.load(Ordering::SeqCst) {
            match connection.read(&mut byte) {
                Ok(0) => break,
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break,
                _ => {}
            }
        }
        return false;
    }
    sent.is_ok() && reply.cut_after.is_none()
}

/// A file as a good server sends it.
#[must_use]
pub fn reply_with_file(request: &Request, bytes: &[u8], etag: &str) -> Reply {
    let headers = vec![("ETag".to_owned(), etag.to_owned())];
    if request
        .headers
        .get("if-none-match")
        .is_some_and(|known| known == etag)
    {
        return Reply {
            status: 304,
            headers,
            ..Reply::default()
        };
    }
    let range = request.headers.get("range").and_then(|range| {
        let from = range.strip_prefix("bytes=")?.strip_suffix('-')?;
        from.parse::<usize>().ok()
    });
    let is_same = request
        .headers
        .get("if-range")
        .is_none_or(|known| known == etag);
    match range.filter(|_| is_same) {
        Some(from) if from >= bytes.len() => Reply {
            status: 416,
            headers,
            ..Reply::default()
        },
        Some(from) => {
            let (last, all) = (bytes.len() - 1, bytes.len());
            let range = (
                "Content-Range".to_owned(),
                format!("bytes {from}-{last}/{all}"),
            );
            Reply {
                status: 206,
                headers: [headers, vec![range]].concat(),
                body: bytes[from..].to_vec(),
                ..Reply::default()
            }
        }
        None => Reply {
            status: 200,
            headers,
            body: bytes.to_vec(),
            ..Reply::default()
        },
    }
}
