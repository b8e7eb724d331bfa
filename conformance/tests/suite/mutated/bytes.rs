//! Changes of bytes, drawn from a seed, and the time for which a target is tried.

use std::time::{Duration, Instant};

use conformance::fuzz::pairs::Chance;

/// Words that formats give a meaning to.
const WORDS: &[&[u8]] = &[
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b"null",
    b"true",
    b"-1",
    b"1e400",
    b"18446744073709551616",
    b"\\u0000",
    b"\xff\xfe",
    b"=",
    b"[[",
    b"]]",
    b"'''",
    b"\n",
    b"../",
    b"/",
    b"sha256:",
    b"\x1b[31m",
    b"\0\0\0\0",
    b"99999999999",
    b"{\"a\":",
    b"[1,",
];

/// Changes of bytes, and numbers, as a seed gives them.
pub(super) struct Draw(Chance);

impl Draw {
    /// A number below `end`, which is more than 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0.below(end)
    }

    /// The bytes with a few changes.
    pub(super) fn changed(&mut self, from: &[u8]) -> Vec<u8> {
        let mut bytes = from.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(40)).min(bytes.len());
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 => drop(bytes.drain(at..end)),
                2 => bytes.truncate(at),
                3 => {
                    let word = WORDS[self.below(WORDS.len())];
                    bytes.splice(at..at, word.iter().copied());
                }
                4 => {
                    let word = WORDS[self.below(WORDS.len())];
                    bytes.splice(at..end, word.iter().copied());
                }
                5 => {
                    // The same again, elsewhere and many times.
                    let (piece, count) = (bytes[at..end].to_vec(), 1 << self.below(8));
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, piece.repeat(count));
                }
                _ => {
                    let deep = WORDS[if self.below(2) == 0 { 23 } else { 24 }].repeat(1 << self.below(12));
                    bytes.splice(at..at, deep);
                }
            }
        }
        bytes
    }
}

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Tries changes of these inputs for as long as is asked for; no one may take longer than `most`.
pub(super) fn tried(target: &str, inputs: &[Vec<u8>], most: Duration, mut on: impl FnMut(&mut Draw, &[u8])) {
    let seed = number("MUTATED_SEED", 1);
    let (until, mut count) = (Instant::now() + Duration::from_secs(number("MUTATED_SECONDS", 2)), 0_u64);
    while Instant::now() < until {
        let mut draw = Draw(Chance(seed.wrapping_add(count)));
        let from = &inputs[draw.below(inputs.len())];
        let bytes = draw.changed(from);
        let begun = Instant::now();
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| on(&mut draw, &bytes)));
        let took = begun.elapsed();
        let again = format!("MUTATED_SEED={} gives it first", seed.wrapping_add(count));
        assert!(ran.is_ok(), "{target}: a panic; {again}");
        assert!(took < most, "{target}: {} bytes took {took:?}; {again}", bytes.len());
        count += 1;
    }
    println!("{target}: {count} inputs from seed {seed} on");
    // A loaded machine judges few runs in two seconds.
    assert!(count > 0, "{target}: none was tried");
}
