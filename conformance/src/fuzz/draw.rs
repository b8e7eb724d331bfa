//! Cases from a seed: the same seed and number give the same build, whatever was drawn before.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::strategy;
use crate::generated::Build;

/// A drawn build that can be shrunk.
pub type Drawn = Box<dyn ValueTree<Value = Build>>;

/// Why no build could be drawn.
#[derive(Debug, thiserror::Error)]
#[error("draw case {number}: {reason}")]
pub struct DrawError {
    /// The case.
    pub number: u64,
    /// What the generator says.
    pub reason: String,
}

/// Draws one case.
///
/// # Errors
/// [`DrawError`] where the generator refuses every attempt: a fault of the generator.
pub fn draw(seed: u64, number: u64) -> Result<Drawn, DrawError> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let drawn = strategy::build().new_tree(&mut runner);
    drawn.map_err(|reason| DrawError { number, reason: reason.to_string() })
}

/// A build that is not drawn: whole parts of it can be made plain, but nothing piece by piece.
#[must_use]
pub fn fixed(build: Build) -> Drawn {
    Box::new(Fixed(build))
}

struct Fixed(Build);

impl ValueTree for Fixed {
    type Value = Build;

    fn current(&self) -> Build {
        self.0.clone()
    }

    fn simplify(&mut self) -> bool {
        false
    }

    fn complicate(&mut self) -> bool {
        false
    }
}
