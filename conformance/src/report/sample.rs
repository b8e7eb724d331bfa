//! One report with every verdict and hostile text, for the tests of every format.

use judge::difference::{Comparison, Difference, Relation};
use judge::evidence::Target;
use judge::observation::Observation;
use judge::profile::Profile;
use judge::verdict::{Answer, Level, Verdict};

use super::{Report, SCHEMA_VERSION, Totals, headline};
use crate::exit::Exit;
use crate::record::{ExporterFacts, PathFacts, ServiceFacts, Tool};

/// Markup, quotes, an escape sequence, a bell, a direction override, a line end.
const HOSTILE: &str = "<b>&\"'</b>\u{1b}[31mred\u{7}\u{202e}txt\n\u{2028}";

/// A verdict whose texts are hostile where it tells any.
pub(super) fn verdict(requirement: &str, answer: Answer, base: Level, level: Level) -> Verdict {
    let tells = !matches!(answer, Answer::Pass);
    let text = |name: &str| if tells { format!("{name} {HOSTILE}") } else { String::new() };
    Verdict {
        id: format!("minimal/registry/{requirement}"),
        scenario: "minimal".to_owned(),
        target: Target::Registry,
        service: "registry".to_owned(),
        exports: vec!["minimal/registry/1".to_owned()],
        requirement: requirement.to_owned(),
        level,
        base_level: base,
        verdict: answer,
        known: None,
        follows_from: None,
        followed_by: Vec::new(),
        message: text("message"),
        expected: text("expected"),
        found: text("found"),
        evidence: text("evidence"),
        source: "rfc-196-oci-annotations.md, How it Works (revision)".to_owned(),
        repeat: "conformance run --scenario minimal".to_owned(),
    }
}

fn difference(relation: Relation) -> Difference {
    let permitted = relation == Relation::Expected;
    let when = |text: &str| if permitted { text.to_owned() } else { String::new() };
    Difference {
        field: format!("manifest.annotations/{HOSTILE}"),
        relation,
        class: when("annotations-lost"),
        source: when("daemons.md"),
        left: HOSTILE.to_owned(),
        right: String::new(),
    }
}

/// The report.
pub(crate) fn report() -> Report {
    let verdicts = vec![
        verdict("base.digest-present", Answer::Fail, Level::Optional, Level::Must),
        verdict("base.pair", Answer::Warn, Level::Should, Level::Should),
        verdict("base.name-present", Answer::Absent, Level::Optional, Level::Optional),
        verdict("base.digest-pinned", Answer::NotApplicable, Level::Must, Level::Must),
        verdict("platform.exit-zero", Answer::Pass, Level::Must, Level::Must),
        verdict("platform.env", Answer::Skipped, Level::Must, Level::Must),
        verdict("digest.report-tags", Answer::Error, Level::Must, Level::Must),
    ];
    Report {
        schema: SCHEMA_VERSION,
        tool: Tool { name: "conformance".to_owned(), version: "0.0.0".to_owned(), catalogue: "0".to_owned() },
        exporter: ExporterFacts {
            name: format!("name {HOSTILE}"),
            path: "/exporter".to_owned(),
            sha256: format!("sha256:{}", "0".repeat(64)),
        },
        platform_api: "0.15".to_owned(),
        profile: Profile::Rfc196.name().to_owned(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        seconds: 1.25,
        paths: PathFacts {
            build: "/build".to_owned(),
            isolated: false,
            reason: Some("no namespace".to_owned()),
            exposed: None,
        },
        targets: Target::ALL.to_vec(),
        shard: None,
        narrowed: None,
        services: vec![ServiceFacts {
            name: "registry".to_owned(),
            kind: "embedded".to_owned(),
            version: HOSTILE.to_owned(),
            store: None,
            observed: true,
            note: "no container".to_owned(),
        }],
        scenarios: vec!["minimal".to_owned()],
        scenario_milliseconds: [("minimal".to_owned(), 1_042)].into(),
        exports: 1,
        headlines: headline::headlines(&verdicts, &Target::ALL, &Profile::Rfc196, headline::Extent::Full),
        totals: Totals::of(&verdicts),
        verdicts,
        observations: vec![Observation {
            question: "created".to_owned(),
            scenario: "minimal".to_owned(),
            target: Target::Registry,
            service: "registry".to_owned(),
            answer: HOSTILE.to_owned(),
            evidence: "minimal/registry/1/config.json".to_owned(),
        }],
        differences: vec![Comparison {
            scenario: "minimal".to_owned(),
            step: 1,
            left: "registry".into(),
            right: "daemon:classic".into(),
            identical: vec!["config.Env".to_owned()],
            differences: vec![difference(Relation::Expected), difference(Relation::Unexpected)],
        }],
        left_behind: vec!["host.example/app:1 (405)".to_owned()],
        evidence: None,
        baseline: None,
        troubles: vec!["--require daemon: it was not observed".to_owned()],
        exit_code: Exit::SuiteFailed,
    }
}
