//! Every text in which a layer can tell more than its files: read by the judges of the clock and of the machine.

use crate::evidence::Layer;

/// What kind of text it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The name or the comment of the gzip header.
    GzipHeader,
    /// The name of an entry's user or group.
    Owner,
    /// The content of a file, where it was kept as a text.
    Content,
    /// The value of an extended (PAX) record.
    Record,
}

/// A text of a layer.
pub(super) struct Text<'a> {
    pub(super) kind: Kind,
    pub(super) value: &'a str,
    /// The path of the entry that has it; none for the gzip header.
    path: Option<&'a str>,
}

impl Text<'_> {
    /// What has the text, in words; `layer` is the layer's place in the image.
    pub(super) fn owner(&self, layer: usize) -> String {
        self.path.map_or_else(|| format!("the gzip header of layer {layer}"), str::to_owned)
    }
}

/// The texts of a layer: those of its gzip header, then those of its entries in their order.
pub(super) fn texts(layer: &Layer) -> impl Iterator<Item = Text<'_>> {
    let blob = layer.blob.as_ref();
    let header = blob.and_then(|blob| blob.gzip.as_ref()).into_iter();
    let of_the_header = header.flat_map(|header| header.name.iter().chain(&header.comment));
    let of_the_header = of_the_header.map(|value| Text { kind: Kind::GzipHeader, value, path: None });
    let of_entries = blob.into_iter().flat_map(|blob| &blob.entries).flat_map(|entry| {
        let owners = [&entry.more.user, &entry.more.group].into_iter().map(|value| (Kind::Owner, value));
        let content = entry.text.iter().map(|value| (Kind::Content, value));
        let records = entry.more.records.values().map(|value| (Kind::Record, value));
        let all = owners.chain(content).chain(records);
        all.map(|(kind, value)| Text { kind, value, path: Some(&entry.path) })
    });
    of_the_header.chain(of_entries)
}
