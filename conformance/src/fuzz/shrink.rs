//! Makes a failing build smaller while the same requirement fails, within a number of tries and a time: whole parts
//! first, each at one simplification, then what is left of it piece by piece.

use std::collections::HashMap;
use std::time::Instant;

use judge::digest::Digest;
use judge::verdict::{Answer, Verdict};

use super::{Failing, FuzzError, Fuzzer, case_name, folder, simplifications};
use crate::generated::Build;

/// Builds that are tried for one failure.
const MOST_TRIES: usize = 400;

/// The smallest failing build that was found.
pub(super) struct Shrunk {
    pub(super) build: Build,
    /// Builds that were exported for it.
    pub(super) tries: usize,
}

/// The failed verdict on this requirement, if there is one.
pub(super) fn failed(verdicts: Vec<Verdict>, failing: &Failing) -> Option<Verdict> {
    verdicts.into_iter().find(|verdict| verdict.verdict == Answer::Fail && Failing::of(verdict) == *failing)
}

/// What is left of a build after some simplifications.
fn after(simplifications: &[fn(&mut Build)], mut build: Build) -> Build {
    for simplification in simplifications {
        simplification(&mut build);
    }
    build
}

/// The tries for one failure.
struct Tries<'a> {
    fuzzer: &'a Fuzzer,
    number: u64,
    failing: &'a Failing,
    begun: Instant,
    done: usize,
    /// Builds that differ may be the same scenario, because what cannot be laid out is left out.
    known: HashMap<Digest, bool>,
}

impl Tries<'_> {
    /// Whether the requirement still fails; none when there may be no further try.
    async fn fails(&mut self, build: &Build) -> Result<Option<bool>, FuzzError> {
        let mark = fingerprint(build);
        if let Some(fails) = self.known.get(&mark) {
            return Ok(Some(*fails));
        }
        let fuzzer = self.fuzzer;
        if self.done >= MOST_TRIES || self.begun.elapsed() >= fuzzer.settings.shrink {
            return Ok(None);
        }
        self.done += 1;
        fuzzer.progress.shrinking(self.number, &self.failing.requirement, self.done);
        let options = fuzzer.narrow(self.failing, folder::scenario(build, &case_name(self.number))?);
        let Some(report) = fuzzer.run(options, false).await? else { return Ok(None) };
        let fails = failed(report.verdicts, self.failing).is_some();
        self.known.insert(mark, fails);
        Ok(Some(fails))
    }
}

impl Fuzzer {
    pub(super) async fn shrink(&self, number: u64, failing: &Failing) -> Result<Shrunk, FuzzError> {
        let mut drawn = self.case(number)?;
        let mut build = self.valid(&drawn);
        let known = HashMap::from([(fingerprint(&build), true)]);
        let mut tries = Tries { fuzzer: self, number, failing, begun: Instant::now(), done: 0, known };
        let mut simplifications: Vec<fn(&mut Build)> = Vec::new();
        for simplification in simplifications::ALL {
            let smaller = after(&[*simplification], build.clone());
            if tries.fails(&smaller).await? == Some(true) {
                simplifications.push(*simplification);
                build = smaller;
            }
        }
        let mut goes_on = drawn.simplify();
        while goes_on {
            let smaller = after(&simplifications, self.valid(&drawn));
            goes_on = match tries.fails(&smaller).await? {
                None => break,
                Some(true) => {
                    build = smaller;
                    drawn.simplify()
                }
                Some(false) => drawn.complicate(),
            };
        }
        Ok(Shrunk { build, tries: tries.done })
    }
}

fn fingerprint(build: &Build) -> Digest {
    let mut bytes = Vec::new();
    for file in folder::files(build) {
        bytes.extend_from_slice(format!("{} {}\n", file.path, file.content.len()).as_bytes());
        bytes.extend_from_slice(&file.content);
    }
    Digest::of(&bytes)
}
