//! What a layer is made of, each part alone: tar, gzip members, hash, and all of them together.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput};
use deflate::Members;
use reference::digest::Digest;
use reference::layer::{self, Owner, Tree};

/// Bytes of each block.
const BLOCK: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    blocks(&mut criterion);
    trees(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

/// Numbers in words of a text, and bytes that look random.
fn samples() -> [(&'static str, Vec<u8>); 2] {
    let text: Vec<u8> =
        (0_u32..).flat_map(|line| format!("{} {}\n", line % 977, line / 3).into_bytes()).take(BLOCK).collect();
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    [("text", text), ("random", std::iter::repeat_with(next).take(BLOCK).collect())]
}

fn blocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("block");
    group.throughput(Throughput::Bytes(BLOCK as u64));
    let mut members = Members::new();
    for (name, block) in samples() {
        group.bench_function(format!("gzip-{name}"), |bench| bench.iter(|| members.of(black_box(&block))));
    }
    let [(_, block), _] = samples();
    group.bench_function("sha256", |bench| bench.iter(|| Digest::of(black_box(&block))));
    group.finish();
}

fn trees(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let [(_, text), (_, random)] = samples();
    for file in 0..8 {
        fs::write(folder.path().join(format!("text-{file}")), &text)?;
        fs::write(folder.path().join(format!("random-{file}")), &random)?;
    }
    for file in 0..1000 {
        fs::write(folder.path().join(format!("small-{file}")), &text[..1024])?;
    }
    let walk = |folder: &Path| Tree::of_folder(folder, "/layers/b/data", Owner { uid: 1000, gid: 1000 });
    let tree = walk(folder.path())?;
    let mut group = criterion.benchmark_group("layer");
    group.throughput(Throughput::Bytes(tree.bytes()));
    group.bench_function("walk", |bench| bench.iter(|| walk(black_box(folder.path()))));
    group.bench_function("tar", |bench| bench.iter(|| layer::write_tar(black_box(&tree), &mut std::io::sink())));
    group.bench_function("tar-and-hash", |bench| bench.iter(|| layer::diff_id(black_box(&tree))));
    let temporary = std::env::temp_dir();
    for cores in [1, 2] {
        group.bench_function(format!("blob-{cores}-cores"), |bench| {
            bench.iter(|| layer::compress(black_box(&tree), &temporary, cores));
        });
    }
    group.finish();
    Ok(())
}
