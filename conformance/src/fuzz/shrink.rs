//! Makes a failing build smaller while the same requirement fails, within a number of tries and a time.

use std::collections::HashMap;
use std::time::Instant;

use judge::digest::Digest;
use judge::verdict::{Answer, Verdict};

use super::build::Build;
use super::draw::draw;
use super::{Failing, FuzzError, Fuzzer, case_name, folder};

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

impl Fuzzer {
    pub(super) async fn shrink(&self, number: u64, failing: &Failing) -> Result<Shrunk, FuzzError> {
        let begun = Instant::now();
        let mut drawn = draw(self.settings.seed, number)?;
        let mut shrunk = Shrunk { build: drawn.current(), tries: 0 };
        // Builds that differ may be the same scenario, because what cannot be laid out is left out.
        let mut known = HashMap::from([(fingerprint(&shrunk.build), true)]);
        let mut goes_on = drawn.simplify();
        while goes_on {
            let build = drawn.current();
            let mark = fingerprint(&build);
            let fails = match known.get(&mark) {
                Some(fails) => *fails,
                None if shrunk.tries >= MOST_TRIES || begun.elapsed() >= self.settings.shrink => break,
                None => {
                    shrunk.tries += 1;
                    self.progress.shrinking(number, &failing.requirement, shrunk.tries);
                    let scenario = folder::scenario(&build, &case_name(number))?;
                    let options = self.narrow(failing, scenario)?;
                    let Some(report) = self.run(options, false).await? else { break };
                    let fails = failed(report.verdicts, failing).is_some();
                    known.insert(mark, fails);
                    fails
                }
            };
            if fails {
                shrunk.build = build;
                goes_on = drawn.simplify();
            } else {
                goes_on = drawn.complicate();
            }
        }
        Ok(shrunk)
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
