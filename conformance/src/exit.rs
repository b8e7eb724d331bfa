//! Exit codes of every subcommand, and which one holds where several do.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything judged conforms to the deciding profile.
    Conformant,
    /// Something judged does not.
    NotConformant,
    /// The command line, or a file that it names, is wrong.
    Usage,
    /// The suite or its services failed, or a required service was missing.
    SuiteFailed,
    /// Nothing was judged.
    NothingJudged,
    /// Ended by a signal from the user.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Conformant => 0,
            Self::NotConformant => 1,
            Self::Usage => 2,
            Self::SuiteFailed => 3,
            Self::NothingJudged => 4,
            Self::Interrupted => 130,
        }
    }

    /// The one that holds where both do: 2, then 3, then 1, then 4, then 0; an interruption above all.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Interrupted => 5,
            Self::Usage => 4,
            Self::SuiteFailed => 3,
            Self::NotConformant => 2,
            Self::NothingJudged => 1,
            Self::Conformant => 0,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_precedence_holds() {
        use Exit::{Conformant, NotConformant, NothingJudged, SuiteFailed, Usage};
        let order = [Usage, SuiteFailed, NotConformant, NothingJudged, Conformant];
        for (index, stronger) in order.iter().enumerate() {
            for weaker in &order[index..] {
                assert_eq!((stronger.or(*weaker), weaker.or(*stronger)), (*stronger, *stronger));
            }
        }
    }
}
