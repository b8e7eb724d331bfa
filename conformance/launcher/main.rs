//! The launcher that the suite puts into images whose containers it runs: prints as JSON what a process finds there.
//! It is one static program of the standard library alone, because an image may hold nothing else to start it with.

use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io::{Read, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the kernel shows there is not part of an image.
const NOT_OF_THE_IMAGE: [&str; 3] = ["/proc", "/sys", "/dev"];
/// Most files that are listed.
const MOST: usize = 20_000;

fn main() -> std::process::ExitCode {
    let mut out = String::new();
    tell(&mut out);
    out.push('\n');
    match std::io::stdout().write_all(out.as_bytes()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(_) => std::process::ExitCode::FAILURE,
    }
}

fn tell(out: &mut String) {
    out.push_str("{\"argv\":[");
    for (index, argument) in std::env::args_os().enumerate() {
        separate(out, index);
        quote(out, argument.as_bytes());
    }
    out.push_str("],\"environment\":{");
    for (index, (name, value)) in std::env::vars_os().enumerate() {
        separate(out, index);
        quote(out, name.as_bytes());
        out.push(':');
        quote(out, value.as_bytes());
    }
    let (uid, gid) = who();
    let _ = write!(out, "}},\"uid\":{uid},\"gid\":{gid},\"working_directory\":");
    match std::env::current_dir() {
        Ok(folder) => quote(out, folder.as_os_str().as_bytes()),
        Err(_) => out.push_str("null"),
    }
    out.push_str(",\"files\":[");
    let is_cut = files(out);
    let _ = write!(out, "],\"is_cut\":{is_cut}}}");
}

/// The effective user and group, as the kernel tells them.
fn who() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let second = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    (second("Uid:").unwrap_or(u64::MAX), second("Gid:").unwrap_or(u64::MAX))
}

/// Every file that can be come to, from `/` on; whether there are more than are listed.
fn files(out: &mut String) -> bool {
    let mut open = vec![PathBuf::from("/")];
    let mut listed = 0;
    while let Some(path) = open.pop() {
        let Ok(facts) = std::fs::symlink_metadata(&path) else { continue };
        if listed == MOST {
            return true;
        }
        separate(out, listed);
        listed += 1;
        if !facts.is_dir() {
            file(out, &path, &facts);
            continue;
        }
        let below = std::fs::read_dir(&path);
        start(out, &path, &facts, "directory", below.is_ok());
        out.push('}');
        let mut below: Vec<PathBuf> = below.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        below.retain(|path| !NOT_OF_THE_IMAGE.iter().any(|other| Path::new(other) == path));
        below.sort();
        open.extend(below.into_iter().rev());
    }
    false
}

fn file(out: &mut String, path: &Path, facts: &Metadata) {
    if facts.is_symlink() {
        start(out, path, facts, "symlink", std::fs::metadata(path).is_ok());
        out.push_str(",\"link\":");
        let link = std::fs::read_link(path).unwrap_or_default();
        quote(out, link.as_os_str().as_bytes());
    } else if facts.is_file() {
        let content = File::open(path).and_then(Sha256::of_all);
        start(out, path, facts, "file", content.is_ok());
        if let Ok(content) = content {
            let _ = write!(out, ",\"content\":\"sha256:{content}\"");
        }
    } else {
        start(out, path, facts, "other", true);
    }
    out.push('}');
}

fn start(out: &mut String, path: &Path, facts: &Metadata, kind: &str, is_open: bool) {
    out.push_str("{\"path\":");
    quote(out, path.as_os_str().as_bytes());
    let (mode, uid, gid) = (facts.mode() & 0o7777, facts.uid(), facts.gid());
    let _ = write!(out, ",\"kind\":\"{kind}\",\"mode\":{mode},\"uid\":{uid},\"gid\":{gid},\"is_open\":{is_open}");
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

/// A JSON string; bytes that are not UTF-8 are replaced.
pub(crate) fn quote(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// sha256 (FIPS 180-4).
pub(crate) struct Sha256 {
    state: [u32; 8],
}

impl Sha256 {
    /// The hash of all that is left of a file, in hexadecimal digits.
    pub(crate) fn of_all(mut source: impl Read) -> std::io::Result<String> {
        let mut hash = Self { state: INITIAL };
        let (mut block, mut length) = ([0_u8; 64], 0_u64);
        loop {
            let mut filled = 0;
            while filled < block.len() {
                match source.read(&mut block[filled..]) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            length += filled as u64;
            if filled < block.len() {
                return Ok(hash.finish(&block[..filled], length));
            }
            hash.add(&block);
        }
    }

    fn finish(mut self, rest: &[u8], length: u64) -> String {
        let mut last = rest.to_vec();
        last.push(0x80);
        while last.len() % 64 != 56 {
            last.push(0);
        }
        last.extend((length * 8).to_be_bytes());
        for block in last.chunks_exact(64) {
            self.add(block);
        }
        let mut text = String::with_capacity(64);
        for word in self.state {
            let _ = write!(text, "{word:08x}");
        }
        text
    }

    #[expect(clippy::many_single_char_names, reason = "they are the standard's names")]
    fn add(&mut self, block: &[u8]) {
        let mut words = [0_u32; 64];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        }
        for at in 16..64 {
            let (one, two) = (words[at - 15], words[at - 2]);
            let first = one.rotate_right(7) ^ one.rotate_right(18) ^ one >> 3;
            let second = two.rotate_right(17) ^ two.rotate_right(19) ^ two >> 10;
            words[at] = words[at - 16].wrapping_add(first).wrapping_add(words[at - 7]).wrapping_add(second);
        }
        let mut now = self.state;
        for (word, constant) in words.into_iter().zip(CONSTANTS) {
            let [a, b, c, d, e, f, g, h] = now;
            let chosen = (e & f) ^ (!e & g);
            let mixed = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let one = h.wrapping_add(mixed).wrapping_add(chosen).wrapping_add(constant).wrapping_add(word);
            let majority = (a & b) ^ (a & c) ^ (b & c);
            let two = (a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22)).wrapping_add(majority);
            now = [one.wrapping_add(two), a, b, c, d.wrapping_add(one), e, f, g];
        }
        for (state, word) in self.state.iter_mut().zip(now) {
            *state = state.wrapping_add(word);
        }
    }
}

const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

const CONSTANTS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];
