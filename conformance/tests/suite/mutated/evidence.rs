//! What exporters and other machines make: layers, folders of evidence, bundles.

use std::path::Path;
use std::time::Duration;

use conformance::evidence::bundle;
use conformance::observe::{BlobStore, LayerReader, Limits};

use super::bytes::tried;
use super::documents::stored_run;

fn tar_of_some_files() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in [("layers/config/metadata.toml", "a = 1\n"), ("workspace/serve", "serve")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "workspace/link", "/a/target").unwrap();
    let mut pax = tar::Header::new_ustar();
    pax.set_entry_type(tar::EntryType::XHeader);
    let records = b"22 SCHILY.xattr.a=bcd\n30 GNU.sparse.map=0,1,2,3,4,55\n";
    pax.set_size(records.len() as u64);
    pax.set_cksum();
    tar.append(&pax, &records[..]).unwrap();
    let mut long = tar::Header::new_gnu();
    long.set_size(3);
    tar.append_data(&mut long, format!("workspace/{}", "long/".repeat(60)), &b"abc"[..]).unwrap();
    tar.into_inner().unwrap()
}

/// The checksum of the header at each block that looks like one, so that changes in it are looked at.
fn with_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    for block in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        let mut header = tar::Header::from_byte_slice(block).clone();
        header.set_cksum();
        block.copy_from_slice(header.as_bytes());
    }
    bytes
}

#[test]
fn layers() {
    let tar = tar_of_some_files();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &tar).unwrap();
    let zstd = zstd::stream::encode_all(&tar[..], 3).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let inputs = [tar, gzip.finish().unwrap(), zstd];
    tried("layer", &inputs, Duration::from_secs(20), |draw, bytes| {
        let store = BlobStore::open(folder.path()).unwrap();
        let bytes = if draw.below(2) == 0 { with_checksums(bytes.to_vec()) } else { bytes.to_vec() };
        let stored = store.put_reader(&mut &bytes[..]).unwrap();
        let limits = Limits { uncompressed: 64 << 20, ..Limits::default() };
        let read = runtime.block_on(LayerReader::new(store.clone(), limits).read(&stored.digest)).unwrap();
        assert!(read.blob.entries.len() <= limits.entries);
        std::fs::remove_file(store.path(&stored.digest)).unwrap();
    });
}

#[test]
fn indexes_and_files_of_evidence() {
    let run = stored_run();
    let names = ["index.json", "run.json", "manifest.sha256", "minimal/registry/1/export.json"];
    for name in names {
        let file = run.path().join("evidence").join(name);
        let good = std::fs::read(&file).unwrap();
        tried(name, std::slice::from_ref(&good), Duration::from_secs(20), |_, bytes| {
            std::fs::write(&file, bytes).unwrap();
            drop(bundle::read(&run.path().join("evidence")));
        });
        std::fs::write(&file, good).unwrap();
    }
    assert!(bundle::read(&run.path().join("evidence")).is_ok());
}

#[test]
fn bundles() {
    let run = stored_run();
    let file = run.path().join("run.tar.zst");
    bundle::write(&run.path().join("evidence"), &file).unwrap();
    let good = std::fs::read(&file).unwrap();
    let plain = zstd::stream::decode_all(&good[..]).unwrap();
    let changed = |bytes: &[u8], path: &Path| {
        std::fs::write(path, bytes).unwrap();
        drop(bundle::read(path));
    };
    tried("bundle", &[good], Duration::from_secs(20), |_, bytes| changed(bytes, &file));
    tried("bundle's archive", &[plain], Duration::from_secs(20), |draw, bytes| {
        let bytes = if draw.below(2) == 0 { with_checksums(bytes.to_vec()) } else { bytes.to_vec() };
        changed(&zstd::stream::encode_all(&bytes[..], 1).unwrap(), &file);
    });
}
