//! The version of the catalogue: a hash of the sources that decide a verdict. No one has to remember to raise it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Sources that decide no verdict: tests, and what they are made of.
const TESTS: [&str; 6] = ["tests", "trial", "trials", "sample", "mutator", "harmless"];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src");
    let mut sources = BTreeMap::new();
    read(Path::new("src"), &mut sources)?;
    let mut hash = Fnv::new();
    for (path, text) in &sources {
        hash.take(path.to_string_lossy().as_bytes());
        // Comments and layout decide nothing.
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")) {
            hash.take(line.as_bytes());
        }
    }
    println!("cargo:rustc-env=CATALOGUE_VERSION={:08x}", hash.0 >> 32);
    Ok(())
}

/// Every source below `folder` that decides something, by its path.
fn read(folder: &Path, sources: &mut BTreeMap<PathBuf, String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if TESTS
            .iter()
            .any(|test| stem == *test || stem.starts_with(&format!("{test}_")) || stem.ends_with(&format!("_{test}")))
        {
            continue;
        }
        if path.is_dir() {
            read(&path, sources)?;
        } else {
            let text = fs::read_to_string(&path)?;
            sources.insert(path, text);
        }
    }
    Ok(())
}

/// FNV-1a of 64 bits: the same on every machine and with every compiler, which the standard library's hashes are not.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes bytes, and where they end.
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
