//! What several subcommands select by: a baseline, a profile.

use std::path::Path;

use crate::baseline::Baseline;
use crate::error::context;
use crate::profile_file;
use jiff::civil::Date;
use judge::profile::Profile;

use super::Failure;

/// The baseline that was given, and the day by which its dates are taken: in UTC, so that every machine agrees.
pub(super) fn known(file: Option<&Path>) -> Result<Option<(Baseline, Date)>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    Ok(Some((Baseline::read(file).map_err(Failure::usage)?, today)))
}

/// The profile that a report or a run names.
pub(super) fn profile_named(given: Option<Profile>, name: &str) -> Result<Profile, Failure> {
    match given {
        Some(profile) => Ok(profile),
        None => profile_file::named(name).map_err(|error| {
            Failure::usage(context("use the profile of the evidence (its file can be named by --profile)")(error))
        }),
    }
}
