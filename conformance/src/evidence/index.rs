//! What `index.json` names, and the hash of each file.

use std::io;
use std::path::Path;

use judge::digest::Digest;
use ring::digest::{Context, SHA256};
use serde_json::Value;

use super::parts;
use crate::given;

/// The files that an index names, with the hash of each; blobs are named by theirs.
#[must_use]
pub fn files(index: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    if let Some(run) = index["run"].as_str() {
        found.push(("run.json".to_owned(), run.to_owned()));
    }
    for export in list(&index["exports"]) {
        for file in list(&export["files"]) {
            found.push((format!("{}/{}", text(&export["folder"]), text(&file["path"])), text(&file["sha256"])));
        }
    }
    for listing in list(&index["listings"]) {
        let hash = text(&listing["sha256"]);
        found.push((parts::listing_file(&hash), hash));
    }
    for blob in list(&index["blobs"]) {
        let hex = text(&blob["digest"]).trim_start_matches("sha256:").to_owned();
        found.push((format!("blobs/sha256/{hex}"), hex));
    }
    found
}

/// The folders of exports that an index names.
pub(super) fn folders(index: &Value) -> Vec<String> {
    let exports = index["exports"].as_array().cloned().unwrap_or_default();
    exports.iter().map(|export| export["folder"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The sha256 of a file's bytes, as lower-case hexadecimal digits.
///
/// # Errors
/// The file system's.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    sha256_of_all(&mut given::regular(path)?)
}

/// The sha256 of all that is left to be read, likewise.
pub(super) fn sha256_of_all(source: &mut impl io::Read) -> io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            return Ok(Digest::from_sha256(context.finish().as_ref()).encoded().to_owned());
        }
        context.update(&buffer[..read]);
    }
}
