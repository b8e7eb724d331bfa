//! The registry that everything is sent to, on loopback, and as much of HTTP as it takes to send to it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reference::digest::Digest;
use serde_json::{Value, json};

use super::{Failure, ending};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry that ends with this.
pub(super) struct Registry {
    pub(super) host: String,
    process: Child,
    folder: tempfile::TempDir,
}

impl Registry {
    pub(super) fn start(program: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let host = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let store = folder.path().join("store");
        fs::create_dir(&store)?;
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{host}'}}\n",
            store.display()
        );
        let file = folder.path().join("config.yml");
        fs::write(&file, text)?;
        let mut command = Command::new(program);
        command.arg("serve").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().map_err(|error| {
            format!(
                "start {}: {error}; Debian has the package docker-registry, --registry names another",
                program.display()
            )
        })?;
        let registry = Self { host, process, folder };
        let begun = Instant::now();
        while TcpStream::connect(&registry.host).is_err() {
            ending::check()?;
            if begun.elapsed() > Duration::from_secs(20) {
                return Err("the registry does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(registry)
    }

    /// Takes away all that it holds; it has no cache in memory.
    pub(super) fn empty(&self) -> Result<(), Failure> {
        for entry in fs::read_dir(self.folder.path().join("store"))? {
            fs::remove_dir_all(entry?.path())?;
        }
        Ok(())
    }

    /// Has a run image of one small layer; gives its reference.
    pub(super) fn publish_run_image(&self) -> Result<String, Failure> {
        let mut connection = Connection::open(&self.host)?;
        let layer = vec![0; 1024];
        let config = json!({ "os": "linux", "architecture": "amd64", "config": {},
                             "rootfs": { "type": "layers", "diff_ids": [Digest::of(&layer)] } })
        .to_string()
        .into_bytes();
        let mut described = Vec::new();
        for (bytes, kind) in [(&config, "config.v1+json"), (&layer, "layer.v1.tar")] {
            let mut upload = connection.begin("run")?;
            upload.send(bytes)?;
            upload.finish(Digest::of(bytes).as_str())?;
            described.push(json!({ "mediaType": format!("application/vnd.oci.image.{kind}"),
                                   "digest": Digest::of(bytes), "size": bytes.len() }));
        }
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST,
                               "config": described[0], "layers": [described[1]] })
        .to_string();
        let answer = connection.ask("PUT", "/v2/run/manifests/1", ("Content-Type", MANIFEST), manifest.as_bytes())?;
        answer.expect(201)?;
        Ok(format!("{}/run@{}", self.host, Digest::of(manifest.as_bytes())))
    }

    fn manifest(&self, repository: &str) -> Result<Option<Vec<u8>>, Failure> {
        let target = format!("/v2/{repository}/manifests/1");
        let answer = Connection::open(&self.host)?.ask("GET", &target, ("Accept", MANIFEST), b"")?;
        Ok((answer.status == 200).then_some(answer.body))
    }

    /// Digest of the image that a run wrote; none where it wrote none.
    pub(super) fn digest_of(&self, repository: &str) -> Result<Option<Digest>, Failure> {
        Ok(self.manifest(repository)?.map(|bytes| Digest::of(&bytes)))
    }

    /// Bytes of the image's layers; none where a run wrote no image.
    pub(super) fn size_of(&self, repository: &str) -> Result<Option<u64>, Failure> {
        let Some(bytes) = self.manifest(repository)? else { return Ok(None) };
        let manifest: Value = serde_json::from_slice(&bytes)?;
        Ok(Some(manifest["layers"].as_array().into_iter().flatten().filter_map(|layer| layer["size"].as_u64()).sum()))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A connection that is kept.
pub(super) struct Connection {
    host: String,
    stream: BufReader<TcpStream>,
}

/// A blob on its way.
pub(super) struct Upload<'a>(&'a mut Connection);

/// What was answered.
pub(super) struct Answer {
    status: u16,
    location: String,
    body: Vec<u8>,
}

impl Answer {
    fn expect(&self, status: u16) -> Result<(), Failure> {
        if self.status == status {
            return Ok(());
        }
        Err(format!("the registry answers {}: {}", self.status, String::from_utf8_lossy(&self.body)).into())
    }
}

impl Connection {
    pub(super) fn open(host: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Self { host: host.to_owned(), stream: BufReader::new(stream) })
    }

    fn head(&mut self, first: &str, rest: &str) -> Result<(), Failure> {
        let text = format!("{first} HTTP/1.1\r\nHost: {}\r\n{rest}\r\n", self.host);
        Ok(self.stream.get_mut().write_all(text.as_bytes())?)
    }

    fn ask(&mut self, method: &str, target: &str, (name, value): (&str, &str), body: &[u8]) -> Result<Answer, Failure> {
        let rest = format!("{name}: {value}\r\nContent-Length: {}\r\n", body.len());
        self.head(&format!("{method} {target}"), &rest)?;
        self.stream.get_mut().write_all(body)?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Answer, Failure> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| format!("the registry answers {line:?}"))?;
        let (mut length, mut location) = (0, String::new());
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "location" => value.clone_into(&mut location),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, location, body })
    }

    /// Opens an upload whose size is not known.
    pub(super) fn begin(&mut self, repository: &str) -> Result<Upload<'_>, Failure> {
        let target = format!("/v2/{repository}/blobs/uploads/");
        let answer = self.ask("POST", &target, ("Accept", "*/*"), b"")?;
        answer.expect(202)?;
        self.head(
            &format!("PATCH {}", self.path(&answer.location)),
            "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n",
        )?;
        Ok(Upload(self))
    }

    fn path<'a>(&self, location: &'a str) -> &'a str {
        location.strip_prefix("http://").and_then(|rest| rest.strip_prefix(self.host.as_str())).unwrap_or(location)
    }
}

impl Upload<'_> {
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let out = self.0.stream.get_mut();
        out.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
        out.write_all(bytes)?;
        Ok(out.write_all(b"\r\n")?)
    }

    pub(super) fn finish(self, digest: &str) -> Result<(), Failure> {
        self.0.stream.get_mut().write_all(b"0\r\n\r\n")?;
        let answer = self.0.answer()?;
        answer.expect(202)?;
        let mark = if answer.location.contains('?') { '&' } else { '?' };
        let target = format!("{}{mark}digest={digest}", self.0.path(&answer.location));
        self.0.ask("PUT", &target, ("Accept", "*/*"), b"")?.expect(201)
    }
}
