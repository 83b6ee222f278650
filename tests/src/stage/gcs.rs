//! Google Cloud Storage: fake-gcs-server, which keeps, lists and reads objects. It takes uploads by
//! the JSON interface and by signed addresses; jobd speaks the XML interface, so a front before it
//! translates those, puts the parts of large ones together, can ask for a token, and cuts the first
//! answer with a large object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::peers::{Peer, installed, mortal};
use super::web::{Reply, Request, Web};

/// Where the first answer with a large object ends.
const CUT: usize = 4 << 20;

/// Google Cloud Storage.
pub struct Gcs {
    front: Web,
    objects: Arc<Front>,
}

/// What is before the emulator.
struct Front {
    peer: Peer,
    bucket: String,
    token: Option<String>,
    /// Upload → number → bytes.
    parts: Mutex<BTreeMap<String, BTreeMap<u32, Vec<u8>>>>,
    /// What was cut once.
    cut: Mutex<BTreeSet<String>>,
}

impl Gcs {
    /// Starts it with a bucket; with a token, whoever has another is refused.
    #[must_use]
    pub fn start(bucket: &str, token: Option<&str>) -> Option<Gcs> {
        let program = installed("gcs")?.join("bin/fake-gcs-server");
        let peer = Peer::start(|port, folder| {
            let mut command = mortal(&program);
            command
                .args(["-backend", "memory", "-scheme", "http"])
                .args(["-host", "127.0.0.1", "-port", &port.to_string()])
                .args(["-public-host", "127.0.0.1", "-filesystem-root"])
                .arg(folder);
            command
        });
        let headers = [("Content-Type", "application/json")];
        let body = format!("{{\"name\": \"{bucket}\"}}");
        let made = peer.ask("POST", "storage/v1/b?project=p", &headers, body.as_bytes());
        assert_eq!(made.status, 200, "{}", String::from_utf8_lossy(&made.body));
        let objects = Arc::new(Front {
            peer,
            bucket: bucket.into(),
            token: token.map(str::to_owned),
            parts: Mutex::default(),
            cut: Mutex::default(),
        });
        let answering = objects.clone();
        Some(Gcs {
            front: Web::start(move |request| answering.answer(request)),
            objects,
        })
    }

    /// Where it answers.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.front.url("")
    }

    /// Puts an object, whose path begins with the bucket.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.objects.put(path, bytes);
    }

    /// An object.
    #[must_use]
    pub fn get(&self, path: &str) -> Vec<u8> {
        let got = self.objects.peer.ask("GET", path, &[], b"");
        assert_eq!(got.status, 200, "{path}");
        got.body
    }

    /// What was asked of it.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.front.requests()
    }
}

impl Front {
    fn answer(&self, request: &Request) -> Reply {
        let said = request.headers.get("authorization");
        let said = said.and_then(|said| said.strip_prefix("Bearer "));
        if self
            .token
            .as_deref()
            .is_some_and(|token| said != Some(token))
        {
            return status(401);
        }
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let path = path.trim_start_matches('/');
        if path.split('/').next() != Some(&self.bucket) {
            // The emulator lists no such bucket with a 500.
            return status(404);
        }
        let value = |name| {
            query
                .split('&')
                .find_map(|pair: &str| pair.strip_prefix(name))
        };
        match (request.method.as_str(), value("uploadId=")) {
            ("POST", None) => self.begin(request),
            ("PUT", Some(upload)) => {
                let number = value("partNumber=").unwrap().parse().unwrap();
                self.take_part(upload, number, &request.body)
            }
            ("POST", Some(upload)) => self.complete(path, upload, &request.body),
            ("DELETE", Some(upload)) => {
                drop(self.parts.lock().unwrap().remove(upload));
                status(204)
            }
            ("PUT", None) => self.put(path, &request.body),
            _ => self.pass(request),
        }
    }

    /// What the emulator does as it is.
    fn pass(&self, request: &Request) -> Reply {
        let known = ["range", "if-match", "if-none-match"];
        let headers: Vec<_> = known
            .iter()
            .filter_map(|name| Some((*name, request.headers.get(*name)?.as_str())))
            .collect();
        let path = request.path.trim_start_matches('/');
        let reply = self.peer.ask(&request.method, path, &headers, b"");
        let is_cut = reply.body.len() > CUT && self.cut.lock().unwrap().insert(path.into());
        Reply {
            cut_after: is_cut.then_some(CUT),
            ..reply
        }
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Reply {
        let signed = format!("{path}?X-Goog-Algorithm=GOOG4-RSA-SHA256");
        let put = self.peer.ask("PUT", &signed, &[], bytes);
        assert_eq!(put.status, 200, "{}", String::from_utf8_lossy(&put.body));
        let mut read = self.peer.ask("HEAD", path, &[], b"");
        read.headers
            .retain(|(name, _)| ["Etag", "X-Goog-Generation"].contains(&name.as_str()));
        read
    }

    fn begin(&self, request: &Request) -> Reply {
        let mut parts = self.parts.lock().unwrap();
        let id = format!("upload{}-{}", parts.len(), request.number);
        parts.insert(id.clone(), BTreeMap::new());
        let body = format!("<R><UploadId>{id}</UploadId></R>");
        Reply {
            body: body.into(),
            ..status(200)
        }
    }

    fn take_part(&self, upload: &str, number: u32, bytes: &[u8]) -> Reply {
        let mut uploads = self.parts.lock().unwrap();
        let Some(parts) = uploads.get_mut(upload) else {
            return status(404);
        };
        parts.insert(number, bytes.to_vec());
        let etag = ("ETag".to_owned(), format!("\"{upload}/{number}\""));
        Reply {
            headers: vec![etag],
            ..status(200)
        }
    }

    /// The parts that are named, in their order.
    fn complete(&self, path: &str, upload: &str, named: &[u8]) -> Reply {
        let Some(parts) = self.parts.lock().unwrap().remove(upload) else {
            return status(404);
        };
        let named = String::from_utf8_lossy(named);
        let all_named = parts.keys().all(|number| {
            named.contains(&format!("<PartNumber>{number}</PartNumber>"))
                && named.contains(&format!("{upload}/{number}"))
        });
        if !all_named {
            return status(400);
        }
        let whole: Vec<u8> = parts.into_values().flatten().collect();
        let put = self.put(path, &whole);
        let body = "<R><ETag>\"whole\"</ETag></R>".into();
        Reply { body, ..put }
    }
}

fn status(status: u16) -> Reply {
    Reply {
        status,
        ..Reply::default()
    }
}
