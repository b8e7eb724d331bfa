//! Badges: one for each exporter and profile, as SVG and as the JSON that shields.io's endpoint reads.

use std::collections::BTreeMap;

use judge::evidence::Target;
use serde_json::json;

use super::html::{Html, el};
use crate::report::Report;
use crate::report::headline::{Headline, TargetAnswer};

/// What a badge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Badge {
    /// Its left half.
    pub(super) label: String,
    /// Its right half.
    pub(super) message: String,
    /// The colour's name at shields.io.
    pub(super) colour: &'static str,
}

/// The worst of the targets decides; what is conformant says where, so that nothing is claimed that was not observed.
pub(super) fn badge(report: &Report, headline: &Headline) -> Badge {
    let any = |standing| headline.targets.values().any(|is| *is == standing);
    let (mut message, colour) = if any(TargetAnswer::NotConformant) {
        ("not conformant".to_owned(), "red")
    } else if any(TargetAnswer::Undecided) {
        ("undecided".to_owned(), "yellow")
    } else if any(TargetAnswer::Conformant) {
        (format!("conformant: {}", on(&headline.targets, TargetAnswer::Conformant)), "brightgreen")
    } else if any(TargetAnswer::NothingFailed) {
        // A quick run, which gives no answer.
        (format!("nothing failed: {}", on(&headline.targets, TargetAnswer::NothingFailed)), "lightgrey")
    } else {
        ("not observed".to_owned(), "lightgrey")
    };
    if !headline.shown && colour != "lightgrey" {
        message += " (as core)";
    }
    if is_narrowed(report) {
        message += " (part of the suite)";
    }
    Badge { label: format!("OCI annotations, {}", headline.profile), message, colour }
}

/// The targets that have this standing.
fn on(targets: &BTreeMap<Target, TargetAnswer>, wanted: TargetAnswer) -> String {
    let is = |(_, standing): &(&Target, &TargetAnswer)| **standing == wanted;
    targets.iter().filter(is).map(|(target, _)| target.name()).collect::<Vec<_>>().join(", ")
}

/// Whether only some scenarios or requirements were run, or a run was ended before it had run all of them.
pub(super) fn is_narrowed(report: &Report) -> bool {
    report.shard.is_some()
        || report.exit_code == crate::exit::Exit::Interrupted
        || report.narrowed.as_ref().is_some_and(|narrowed| *narrowed != crate::record::RunFilter::default())
}

impl Badge {
    /// The JSON endpoint of shields.io.
    pub(super) fn endpoint(&self) -> String {
        let Self { label, message, colour } = self;
        format!("{:#}\n", json!({ "schemaVersion": 1, "label": label, "message": message, "color": colour }))
    }

    /// The picture. It stands alone, so its colours are its own; both halves have enough contrast with white text.
    pub(super) fn svg(&self) -> String {
        let width = |words: &str| 7 * words.chars().count() + 14;
        let (left, right) = (width(&self.label), width(&self.message));
        let fill = match self.colour {
            "brightgreen" => "#1a6f3a",
            "red" => "#b42318",
            "yellow" => "#7a4f00",
            _ => "#5a6675",
        };
        let said = format!("{}: {}", self.label, self.message);
        let half = |x: usize, width: usize, fill: &str| {
            el("rect").at("x", x).at("width", width).at("height", 20).at("fill", fill)
        };
        let words = |x: usize, width: usize, words: &str| {
            el("text").at("x", x + width / 2).at("y", 14).at("textLength", width - 14).text(words)
        };
        let texts = el("g")
            .at("fill", "#fff")
            .at("text-anchor", "middle")
            .at("font-family", "Verdana,DejaVu Sans,sans-serif")
            .at("font-size", 11)
            .with(words(0, left, &self.label))
            .with(words(left, right, &self.message));
        let svg = el("svg")
            .at("xmlns", "http://www.w3.org/2000/svg")
            .at("width", left + right)
            .at("height", 20)
            .at("role", "img")
            .at("aria-label", &said)
            .with(el("title").text(&said))
            .with(half(0, left, "#3a4350"))
            .with(half(left, right, fill))
            .with(texts);
        Html::from(svg).into_string() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn of(standings: &[(Target, TargetAnswer)]) -> Badge {
        let mut report = sample::report();
        (report.narrowed, report.shard) = (None, None);
        let targets = standings.iter().copied().collect();
        badge(&report, &Headline { profile: "core".to_owned(), targets, shown: true, text: String::new() })
    }

    #[test]
    fn the_worst_target_decides_and_nothing_unobserved_is_claimed() {
        let good = of(&[(Target::Registry, TargetAnswer::Conformant), (Target::Daemon, TargetAnswer::NotObserved)]);
        assert_eq!((good.message.as_str(), good.colour), ("conformant: registry", "brightgreen"));
        let bad = of(&[(Target::Registry, TargetAnswer::Conformant), (Target::Layout, TargetAnswer::NotConformant)]);
        assert_eq!((bad.message.as_str(), bad.colour), ("not conformant", "red"));
        let unsure = of(&[(Target::Registry, TargetAnswer::Conformant), (Target::Layout, TargetAnswer::Undecided)]);
        assert_eq!(unsure.colour, "yellow");
        assert_eq!(of(&[]).message, "not observed");
        let quick =
            of(&[(Target::Registry, TargetAnswer::NothingFailed), (Target::Layout, TargetAnswer::NothingFailed)]);
        assert_eq!((quick.message.as_str(), quick.colour), ("nothing failed: registry, layout", "lightgrey"));
    }

    #[test]
    fn a_profile_of_which_nothing_was_exercised_is_called_as_core() {
        let mut report = sample::report();
        (report.narrowed, report.shard) = (None, None);
        let targets = [(Target::Registry, TargetAnswer::Conformant)].into();
        let headline = Headline { profile: "strict".to_owned(), targets, shown: false, text: String::new() };
        assert_eq!(badge(&report, &headline).message, "conformant: registry (as core)");
    }

    #[test]
    fn the_endpoint_has_what_shields_io_asks_for() {
        let json: serde_json::Value = serde_json::from_str(&of(&[]).endpoint()).unwrap_or_default();
        assert_eq!((json["schemaVersion"].as_u64(), json["color"].as_str()), (Some(1), Some("lightgrey")));
        assert!(of(&[]).svg().starts_with("<svg xmlns="));
    }
}
