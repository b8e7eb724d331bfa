//! Archives that go into a daemon and come out of it.

use serde_json::Value;

/// Files of an archive in their order.
pub(crate) struct Archive(pub(crate) Vec<(String, Vec<u8>)>);

impl Archive {
    /// Reads an archive that ends as a tar ends.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        assert!(bytes.len().is_multiple_of(512) && bytes.ends_with(&[0; 1024]), "a tar ends with two empty blocks");
        let mut archive = tar::Archive::new(bytes);
        let files = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            (String::from_utf8(entry.path_bytes().into_owned()).unwrap(), content)
        });
        Self(files.collect())
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in &self.0 {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, content.as_slice()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(crate) fn file(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, content)| content.as_slice())
    }

    pub(crate) fn blob(&self, digest: &str) -> Option<&[u8]> {
        self.file(&blob(digest))
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(self.file(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.names()))).unwrap()
    }
}

/// A blob's place in an OCI archive.
pub(crate) fn blob(digest: &str) -> String {
    format!("blobs/sha256/{}", digest.trim_start_matches("sha256:"))
}

/// A document's texts under a pointer.
pub(crate) fn texts(document: &Value, pointer: &str, key: &str) -> Vec<String> {
    let list = document.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let text = |entry: &Value| if key.is_empty() { entry.clone() } else { entry[key].clone() };
    list.map(|entry| text(entry).as_str().unwrap().to_owned()).collect()
}
