//! Real stores of this machine: Azurite, which is Azure's own emulator, and moto for S3. Each is
//! installed once into the target folder; without the registries a test says so and is skipped.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::web::Reply;
use crate::harness::{Folder, wait_until};

/// How long a peer may take to listen on a busy machine.
const START: std::time::Duration = std::time::Duration::from_secs(120);

/// The target folder that this test was built into.
fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().to_owned()
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("stores")
}

/// Where a peer is installed; none, with the reason told, where it cannot be had.
pub(super) fn installed(name: &str) -> Option<PathBuf> {
    let folder = target().join(format!("peer-{name}"));
    let lock = File::create(target().join(format!("peer-{name}.lock"))).unwrap();
    lock.lock().unwrap();
    let made = Command::new(scripts().join("setup.sh"))
        .args([name.as_ref(), folder.as_os_str()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    match made.status.success() {
        true => Some(folder),
        false => {
            let said = String::from_utf8_lossy(&made.stderr);
            println!("SKIP: {name} cannot be installed: {}", said.trim_end());
            None
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A program that goes with its test, however that ends.
pub(super) fn mortal(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

pub(super) struct Peer {
    child: Child,
    pub(super) port: u16,
    folder: Folder,
}

impl Peer {
    pub(super) fn start(command: impl Fn(u16, &Path) -> Command) -> Peer {
        let (port, folder) = (free_port(), Folder::new());
        let said = File::create(folder.path().join("said")).unwrap();
        let mut child = command(port, folder.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        wait_until("the peer listens", START, || {
            assert!(child.try_wait().unwrap().is_none(), "{}", said_in(&folder));
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Peer {
            child,
            port,
            folder,
        }
    }
}

impl Peer {
    /// One request and its whole answer.
    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        bytes: &[u8],
    ) -> Reply {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = bytes.len();
        let mut head = format!("{method} /{path} HTTP/1.0\r\nHost: 127.0.0.1\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {length}\r\n\r\n"));
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(bytes).unwrap();
        let mut reply = Vec::new();
        connection.read_to_end(&mut reply).unwrap();
        let end = reply
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8_lossy(&reply[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        Reply {
            status: status.parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: reply[end + 4..].to_vec(),
            ..Reply::default()
        }
    }
}

fn said_in(folder: &Folder) -> String {
    fs::read_to_string(folder.path().join("said")).unwrap_or_default()
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Azure Blob Storage.
pub struct Azurite(Peer);

impl Azurite {
    /// The account and the key that the emulator is known for.
    pub const ACCOUNT: &str = "devstoreaccount1";
    /// Its key, which is public.
    pub const KEY: &str =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    /// Starts it with a container.
    #[must_use]
    pub fn start(container: &str) -> Option<Azurite> {
        let program = installed("azurite")?.join("node_modules/.bin/azurite-blob");
        let peer = Peer::start(|port, folder| {
            let mut command = mortal(&program);
            command
                .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
                .args([
                    "--silent",
                    "--disableTelemetry",
                    "--skipApiVersionCheck",
                    "-l",
                ])
                .arg(folder);
            command
        });
        let azurite = Azurite(peer);
        let _made = azurite.ask(&["container", container]);
        Some(azurite)
    }

    /// Where it answers for its account.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{}", self.0.port, Self::ACCOUNT)
    }

    /// `container NAME`, `put PATH FILE`, `get PATH`, `sas CONTAINER`.
    ///
    /// # Panics
    /// When it refuses.
    #[must_use]
    pub fn ask(&self, words: &[&str]) -> Vec<u8> {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new("node")
            .arg(scripts().join("azure.mjs"))
            .arg(self.endpoint())
            .arg(Self::KEY)
            .args(words)
            .output()
            .unwrap();
        assert!(
            status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&stderr)
        );
        stdout
    }

    /// Puts an object.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let file = self.0.folder.path().join("put");
        fs::write(&file, bytes).unwrap();
        let _said = self.ask(&["put", path, file.to_str().unwrap()]);
    }
}

/// S3.
pub struct Moto(Peer);

impl Moto {
    /// Starts it with a bucket.
    #[must_use]
    pub fn start(bucket: &str) -> Option<Moto> {
        let program = installed("moto")?.join("bin/moto_server");
        let peer = Peer::start(|port, _| {
            let mut command = mortal(&program);
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            command
        });
        let moto = Moto(peer);
        moto.put(bucket, b"");
        Some(moto)
    }

    /// Where it answers.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }

    /// Puts an object, or a bucket where there is only its name.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let (status, body) = self.ask("PUT", path, bytes);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    }

    /// An object.
    #[must_use]
    pub fn get(&self, path: &str) -> Vec<u8> {
        let (status, body) = self.ask("GET", path, b"");
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        body
    }

    fn ask(&self, method: &str, path: &str, bytes: &[u8]) -> (u16, Vec<u8>) {
        // Who asks is read, and the signature is not checked.
        let who = "AWS4-HMAC-SHA256 Credential=me/20260101/us-east-1/s3/aws4_request, \
                   SignedHeaders=host, Signature=none";
        let headers = [("Authorization", who)];
        let reply = self.0.ask(method, path, &headers, bytes);
        (reply.status, reply.body)
    }
}
