//! As much of HTTP/1.1 as servers in the test's process need.

use std::io::{self, BufRead, ErrorKind, Write};

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Vec<u8>,
    host: String,
    length: Length,
}

#[derive(Debug, Clone, Copy)]
enum Length {
    Known(usize),
    Chunked,
}

impl Asked {
    /// The host that was asked.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::status(status) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Reads what comes before a request's body; none where the client is gone.
pub(crate) fn read_head(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut authorization, mut host) = (Length::Known(0), None, String::new());
    let mut content_type = None;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Length::Known(value.parse().ok()?),
            "transfer-encoding" => length = Length::Chunked,
            "content-type" => content_type = Some(value.to_owned()),
            "host" => value.clone_into(&mut host),
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(Asked { method, target, authorization, content_type, body: Vec::new(), host, length })
}

/// Reads the body, and no more of it once there are `most` bytes.
///
/// # Errors
/// Where the client broke off before the body's end.
pub(crate) fn read_body(reader: &mut impl BufRead, asked: &mut Asked, most: usize) -> io::Result<()> {
    if let Length::Known(length) = asked.length {
        asked.body = vec![0; length];
        return reader.read_exact(&mut asked.body);
    }
    while asked.body.len() < most {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim_end(), 16).map_err(|_| ErrorKind::UnexpectedEof)?;
        let begin = asked.body.len();
        asked.body.resize(begin + size, 0);
        reader.read_exact(&mut asked.body[begin..])?;
        reader.read_exact(&mut [0; 2])?;
        if size == 0 {
            break;
        }
    }
    Ok(())
}

/// Answers a request.
///
/// # Errors
/// Where the client is gone.
pub(crate) fn write(out: &mut impl Write, asked: &Asked, answer: &Answer) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
    if !answer.headers.iter().any(|(name, _)| *name == "Content-Length") {
        head = format!("{head}Content-Length: {}\r\n", answer.body.len());
    }
    for (name, value) in &answer.headers {
        head = head + name + ": " + value + "\r\n";
    }
    let body: &[u8] = if asked.method == "HEAD" { &[] } else { &answer.body };
    out.write_all(&[head.as_bytes(), b"\r\n", body].concat())
}
