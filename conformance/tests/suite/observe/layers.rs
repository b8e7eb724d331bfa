//! Layers: every compression, every way to write a name, and tars that lie.

use std::io::Write as _;

use conformance::observe::{BlobStore, LayerReader, Limits, ReadLayer};
use judge::digest::Digest;
use judge::evidence::{Compression, Entry, EntryKind, GzipHeader, LayerFault, Unlisted};
use proptest::prelude::*;

/// The tar of `/a` (a folder), `/a/hello` and a link to it.
fn small_tar() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, "./a/", tar::EntryType::Directory, b"");
    append(&mut tar, "a//hello", tar::EntryType::Regular, b"hello");
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    link.set_mode(0o777);
    tar.append_link(&mut link, "a/link", "../a/hello").unwrap();
    tar.into_inner().unwrap()
}

/// Writes the name as it is given, which `tar::Builder` would tidy up.
fn append(tar: &mut tar::Builder<Vec<u8>>, name: &str, kind: tar::EntryType, data: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(data.len() as u64);
    header.set_mode(0o4755);
    header.set_uid(7);
    header.set_gid(9);
    header.set_mtime(315_532_801);
    header.set_cksum();
    tar.append(&header, data).unwrap();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).unwrap()
}

fn read(bytes: &[u8]) -> ReadLayer {
    read_within(bytes, Limits::default())
}

fn read_within(bytes: &[u8], limits: Limits) -> ReadLayer {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobStore::open(folder.path()).unwrap();
    let stored = store.put_reader(&mut &*bytes).unwrap();
    assert_eq!(stored.digest, Digest::of(bytes));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let layer = runtime.block_on(LayerReader::new(store, limits).read(&stored.digest)).unwrap();
    layer.as_ref().clone()
}

fn paths(layer: &ReadLayer) -> Vec<&str> {
    layer.blob.entries.iter().map(|entry| entry.path.as_str()).collect()
}

#[test]
fn the_same_tar_is_found_under_every_compression() {
    let tar = small_tar();
    let (first, second) = tar.split_at(700);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2][..], &zstd(&tar)].concat();
    for (bytes, compression) in [
        (tar.clone(), Compression::None),
        (gzip(&tar), Compression::Gzip),
        ([gzip(first), gzip(second)].concat(), Compression::Gzip),
        (zstd(&tar), Compression::Zstd),
        ([zstd(first), zstd(second)].concat(), Compression::Zstd),
        (skippable, Compression::Zstd),
    ] {
        let ReadLayer { blob, problem, .. } = read(&bytes);
        assert_eq!(problem, None, "{compression:?}");
        assert_eq!((blob.compression, blob.size), (compression, bytes.len() as u64));
        assert_eq!((blob.digest, blob.diff_id), (Digest::of(&bytes), Digest::of(&tar)));
        assert_eq!(blob.uncompressed_size, tar.len() as u64);
        assert_eq!(blob.entries.len(), 3);
    }
}

#[test]
fn entries_are_told_whole() {
    let layer = read(&small_tar());
    assert_eq!(paths(&layer), ["/a", "/a/hello", "/a/link"]);
    let [folder, file, link] = &layer.blob.entries[..] else { panic!("three entries") };
    assert_eq!((folder.kind, folder.content.as_ref(), folder.size), (EntryKind::Directory, None, 0));
    assert_eq!((file.kind, file.size, file.content.clone()), (EntryKind::File, 5, Some(Digest::of(b"hello"))));
    assert_eq!((file.mode, file.uid, file.gid, file.mtime), (0o4755, 7, 9, 315_532_801));
    assert_eq!((link.kind, link.link.as_deref()), (EntryKind::Symlink, Some("../a/hello")));
}

#[test]
fn long_and_odd_names_are_read_in_both_dialects() {
    let long = format!("{}/ü\n=x", "d".repeat(300));
    let mut tar = tar::Builder::new(Vec::new());
    let pax = [("path", long.as_bytes()), ("mtime", b"-1.5"), ("uid", b"4294967296"), ("size", b"2")];
    tar.append_pax_extensions(pax).unwrap();
    append(&mut tar, "short", tar::EntryType::Regular, b"xy");
    append(&mut tar, "next", tar::EntryType::Regular, b"");
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    tar.append_data(&mut header, &long, std::io::empty()).unwrap();
    let mut hard = tar::Header::new_gnu();
    hard.set_entry_type(tar::EntryType::Link);
    hard.set_size(0);
    tar.append_link(&mut hard, "hard", &long).unwrap();
    let layer = read(&tar.into_inner().unwrap());
    assert_eq!(layer.problem, None);
    let long_path = format!("/{long}");
    assert_eq!(paths(&layer), [&long_path, "/next", &long_path, "/hard"]);
    let [pax, next, _, hard] = &layer.blob.entries[..] else { panic!("four entries") };
    assert_eq!((pax.mtime, pax.uid, pax.size), (-2, 4_294_967_296, 2));
    assert_eq!((next.mtime, next.uid), (315_532_801, 7), "a PAX header is about one entry");
    assert_eq!(hard.link.as_deref(), Some(long.as_str()));
}

#[test]
fn a_broken_tar_is_a_problem_and_its_hash_is_still_told() {
    let whole = small_tar();
    let mut wrong_sum = whole.clone();
    wrong_sum[512] ^= 1;
    let lone_zeros = [&[0; 512][..], &whole].concat();
    for (bytes, entries, words) in [
        (whole[..1026].to_vec(), 1, "ends inside an entry"),
        (wrong_sum, 1, "checksum"),
        (lone_zeros, 0, "zeros"),
        (b"not a tar".to_vec(), 0, "ends inside an entry"),
        (whole.repeat(2), 3, "its end is followed by more than zeros"),
    ] {
        for packed in [bytes.clone(), gzip(&bytes)] {
            let layer = read(&packed);
            let problem = layer.problem.unwrap();
            assert!(problem.contains(words), "{problem}");
            assert_eq!(layer.fault, Some(LayerFault::Tar), "{problem}");
            assert_eq!(layer.blob.diff_id, Digest::of(&bytes));
            assert_eq!(layer.blob.uncompressed_size, bytes.len() as u64);
            assert_eq!(layer.blob.entries.len(), entries);
        }
    }
}

#[test]
fn damaged_compression_is_a_problem() {
    let packed = gzip(&small_tar());
    let cut = read(&packed[..packed.len() - 9]);
    assert!(cut.problem.unwrap().contains("decompressed"));
    let trailing = read(&[&packed[..], b"rubbish"].concat());
    assert!(trailing.problem.unwrap().contains("decompressed"));
    assert_eq!(trailing.blob.entries.len(), 3);
    let zstd = zstd(&small_tar());
    assert!(read(&zstd[..zstd.len() - 3]).problem.unwrap().contains("decompressed"));
}

#[test]
fn an_empty_blob_is_an_empty_tar() {
    let layer = read(b"");
    assert_eq!((layer.problem, layer.blob.diff_id), (None, Digest::of(b"")));
}

#[test]
fn a_bomb_is_not_read_to_its_end() {
    let bomb = gzip(&vec![0; 4 << 20]);
    let layer = read_within(&bomb, Limits { uncompressed: 1 << 20, entries: 10, ..Limits::default() });
    assert!(layer.problem.unwrap().contains("more than 1048576 bytes"));
    // Two entries and what their names take.
    let room = 3 * size_of::<Entry>();
    let long = read_within(&small_tar(), Limits { kept: room, ..Limits::default() });
    let why = format!("the tar's names and attributes take more than the {room} bytes of memory that a layer has");
    assert_eq!((long.problem, long.blob.entries.len(), long.blob.unlisted), (Some(why), 2, Some(Unlisted::Layer)));
    let all = read_within(&small_tar(), Limits { kept_in_all: room, ..Limits::default() });
    assert_eq!((all.blob.entries.len(), all.blob.unlisted), (2, Some(Unlisted::Run)));
    // It was read to its end all the same.
    assert_eq!(all.blob.diff_id, Digest::of(&small_tar()));
    let many = read_within(&small_tar(), Limits { uncompressed: 1 << 20, entries: 2, ..Limits::default() });
    assert_eq!((many.problem.as_deref(), many.blob.entries.len()), (Some("the tar has more than 2 entries"), 2));
    assert_eq!((many.fault, long.fault), (Some(LayerFault::Limit), Some(LayerFault::Limit)));
}

#[test]
fn a_layer_that_cannot_be_listed_leaves_room_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobStore::open(folder.path()).unwrap();
    let [large, small] = [gzip(&small_tar()), small_tar()].map(|bytes| store.put_reader(&mut &*bytes).unwrap().digest);
    let one = 2 * size_of::<Entry>();
    let limits = Limits { entries: 2, kept_of_more: one, kept_in_all: 2 * one, ..Limits::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let reader = LayerReader::new(store, limits);
    for digest in [large, small] {
        let layer = runtime.block_on(reader.read(&digest)).unwrap();
        assert_eq!((paths(&layer), layer.blob.unlisted), (vec!["/a"], Some(Unlisted::Layer)));
    }
}

#[test]
fn sizes_that_lie_cost_no_memory() {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(u64::MAX >> 1);
    header.set_cksum();
    assert!(read(header.as_bytes()).problem.unwrap().contains("more than 1 MiB"));
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    assert!(read(header.as_bytes()).problem.unwrap().contains("ends inside"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_make_it_panic(at in 0_usize..3000, bytes in proptest::collection::vec(any::<u8>(), 1..40), packed: bool) {
        let mut tar = small_tar();
        let at = at.min(tar.len() - bytes.len());
        tar[at..at + bytes.len()].copy_from_slice(&bytes);
        let diff_id = Digest::of(&tar);
        let layer = read(&if packed { gzip(&tar) } else { tar });
        prop_assert_eq!(layer.blob.diff_id, diff_id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_blob_stored_by_many_at_once_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobStore::open(folder.path()).unwrap();
    let reader = LayerReader::new(store.clone(), Limits::default());
    let packed = gzip(&small_tar());
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (store, reader, packed) = (store.clone(), reader.clone(), packed.clone());
            tokio::spawn(async move {
                let pieces: Vec<_> = packed.chunks(100).map(|piece| Ok(piece.to_vec().into())).collect();
                let stored = store.put_stream(futures_util::stream::iter(pieces)).await.unwrap();
                reader.read(&stored.digest).await.unwrap()
            })
        })
        .collect();
    let mut layers = Vec::new();
    for task in tasks {
        layers.push(task.await.unwrap());
    }
    assert!(layers.iter().all(|layer| std::sync::Arc::ptr_eq(layer, &layers[0])), "read once");
    assert_eq!(std::fs::read_dir(folder.path().join("blobs/sha256")).unwrap().count(), 1);
    assert_eq!(std::fs::read(store.path(&Digest::of(&packed))).unwrap(), packed);
}

#[tokio::test]
async fn a_source_that_breaks_off_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobStore::open(folder.path()).unwrap();
    let broken = futures_util::stream::iter([Ok("x".into()), Err(std::io::Error::other("gone"))]);
    assert!(store.put_stream(broken).await.is_err());
    assert_eq!(std::fs::read_dir(folder.path().join("blobs/sha256")).unwrap().count(), 0);
    let document = store.put_document(b"{}".to_vec(), None).unwrap();
    assert_eq!(store.document(&document.digest, 2).unwrap(), document);
    assert!(store.document(&document.digest, 1).is_err());
}

#[test]
fn what_gzip_headers_say_is_noted_of_every_member() {
    let tar = small_tar();
    let (first, second) = tar.split_at(tar.len() / 2);
    let said = flate2::GzBuilder::new().mtime(9).filename("scratch.tar").comment("packed here");
    let mut member = said.write(Vec::new(), flate2::Compression::fast());
    member.write_all(second).unwrap();
    let layer = read(&[gzip(first), member.finish().unwrap(), gzip(b"")].concat());
    assert_eq!((layer.blob.diff_id.clone(), layer.problem.as_ref()), (Digest::of(&tar), None));
    let header = layer.blob.gzip.unwrap();
    assert_eq!(
        (header.mtime, header.name.as_deref(), header.comment.as_deref()),
        (9, Some("scratch.tar"), Some("packed here"))
    );
    assert_eq!(read(&gzip(&tar)).blob.gzip, Some(GzipHeader::default()));
    assert_eq!((read(&tar).blob.gzip, read(&zstd(&tar)).blob.gzip), (None, None));
}

#[test]
fn records_that_say_more_than_names_and_owners_are_noted() {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::XGlobalHeader);
    header.set_size(18);
    header.set_path("pax_global_header").unwrap();
    header.set_cksum();
    tar.append(&header, &b"18 comment=c0ffee\n"[..]).unwrap();
    let records = [("atime", "1.5"), ("mtime", "2.25"), ("uname", "root"), ("SCHILY.xattr.user.x", "y"), ("path", "b")];
    tar.append_pax_extensions(records.map(|(key, value)| (key, value.as_bytes()))).unwrap();
    append(&mut tar, "a", tar::EntryType::Regular, b"");
    tar.append_pax_extensions([("mtime", &b"2.000"[..])]).unwrap();
    append(&mut tar, "c", tar::EntryType::Regular, b"");
    let mut old = tar::Header::new_gnu();
    old.set_size(0);
    old.set_mode(0o644);
    old.as_gnu_mut().unwrap().set_ctime(7);
    tar.append_data(&mut old, "d", std::io::empty()).unwrap();
    let layer = read(&tar.into_inner().unwrap());
    let told = |index: usize| {
        let records = &layer.blob.entries[index].more.records;
        records.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(paths(&layer), ["/b", "/c", "/d"]);
    assert_eq!([told(0), told(1), told(2)], ["atime=1.5 global comment=c0ffee mtime=2.25", "", "ctime=7"]);
    assert_eq!((layer.blob.entries[0].mtime, layer.blob.entries[0].more.user.as_str()), (2, "root"));
}
