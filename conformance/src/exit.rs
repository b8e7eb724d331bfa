//! Exit codes of every subcommand, and which one holds where several do.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use strum::FromRepr;

/// How the program ends; its number in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, FromRepr)]
#[repr(u8)]
#[serde(into = "u8", try_from = "u8")]
pub enum Exit {
    /// Everything judged conforms to the deciding profile.
    Conformant = 0,
    /// Something judged does not.
    NotConformant = 1,
    /// The command line, or a file that it names, is wrong.
    Usage = 2,
    /// The suite or its services failed, or a required service was missing.
    SuiteFailed = 3,
    /// Nothing was judged.
    NothingJudged = 4,
    /// Ended by a signal from the user.
    Interrupted = 130,
}

impl Exit {
    /// What holds of several that may be so: the strongest of those that are, else [`Self::Conformant`].
    #[must_use]
    pub fn strongest<const N: usize>(of: [(bool, Self); N]) -> Self {
        of.into_iter().filter(|(is_so, _)| *is_so).fold(Self::Conformant, |exit, (_, other)| exit.or(other))
    }

    /// The number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
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

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        exit.code()
    }
}

impl TryFrom<u8> for Exit {
    type Error = String;

    fn try_from(code: u8) -> Result<Self, String> {
        Self::from_repr(code).ok_or_else(|| format!("{code} is not an exit code of this program"))
    }
}

/// Its number.
impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code())
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
    fn reports_have_its_number_and_no_other() {
        for exit in (0..=u8::MAX).filter_map(Exit::from_repr) {
            assert_eq!(serde_json::to_value(exit).unwrap(), exit.code());
            assert_eq!(serde_json::from_value::<Exit>(exit.code().into()).unwrap(), exit);
        }
        assert!(serde_json::from_value::<Exit>(5.into()).unwrap_err().to_string().contains("5 is not an exit code"));
    }

    #[test]
    fn the_strongest_of_what_is_so_holds() {
        use Exit::{Conformant, NotConformant, NothingJudged, SuiteFailed};
        assert_eq!(
            Exit::strongest([(false, SuiteFailed), (true, NothingJudged), (true, NotConformant)]),
            NotConformant
        );
        assert_eq!(Exit::strongest([(false, SuiteFailed)]), Conformant);
    }

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
