//! What a run came to, requirement by requirement: how many hold, and what is to be fixed, by cause, the one that
//! explains most first. Every format for people shows these groups.

use std::collections::{BTreeMap, BTreeSet};

use judge::requirement::Requirement;
use judge::requirements;
use judge::verdict::{Answer, Verdict};
use strum::IntoStaticStr;

use super::Report;

/// How many requirements came to what. Each counts once, as the worst that was seen of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// They pass wherever they were judged.
    pub hold: usize,
    /// They fail somewhere, and no baseline names all of it.
    pub broken: usize,
    /// They fail, and a baseline names every failure.
    pub known: usize,
    /// They are violated only where another one is.
    pub follow: usize,
    /// A violated SHOULD.
    pub doubtful: usize,
    /// The suite or a service failed.
    pub undecided: usize,
    /// No case showed them: not applicable, skipped, or an option that is not there.
    pub unseen: usize,
    /// The run asked nothing of them: they were not selected, or are of a target or phase that it did not have.
    pub unasked: usize,
}

impl Tally {
    /// Counts the requirements of a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let mut tally = Self::default();
        let worst = worst(report);
        // Of another catalogue it is not known what else it has.
        if report.tool.catalogue == judge::CATALOGUE_VERSION {
            tally.unasked = requirements::all().filter(|row| !worst.contains_key(row.id)).count();
        }
        for standing in worst.into_values() {
            *match standing {
                RequirementAnswer::Unseen => &mut tally.unseen,
                RequirementAnswer::Holds => &mut tally.hold,
                RequirementAnswer::Doubtful => &mut tally.doubtful,
                RequirementAnswer::Follows => &mut tally.follow,
                RequirementAnswer::Known => &mut tally.known,
                RequirementAnswer::Undecided => &mut tally.undecided,
                RequirementAnswer::Broken => &mut tally.broken,
            } += 1;
        }
        tally
    }

    /// The tally in words, such as `118 hold, 24 broken, 12 doubtful, 20 not seen`: holding ones are always named.
    #[must_use]
    pub fn words(self) -> String {
        let others = [
            (self.broken, "broken"),
            (self.follow, "broken as a consequence"),
            (self.known, "broken but known"),
            (self.undecided, "undecided"),
            (self.doubtful, "doubtful"),
            (self.unseen, "not seen"),
            (self.unasked, "not asked"),
        ];
        let shown = others.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        std::iter::once(format!("{} hold", self.hold)).chain(shown).collect::<Vec<_>>().join(", ")
    }
}

/// What each requirement came to, as the worst that was seen of it.
fn worst(report: &Report) -> BTreeMap<&str, RequirementAnswer> {
    let mut worst: BTreeMap<&str, RequirementAnswer> = BTreeMap::new();
    for verdict in &report.verdicts {
        let followers = verdict.followed_by.iter().map(|slug| (slug.as_str(), RequirementAnswer::Follows));
        for (slug, standing) in followers.chain([(verdict.requirement.as_str(), RequirementAnswer::of(verdict))]) {
            let seen = worst.entry(slug).or_insert(RequirementAnswer::Unseen);
            *seen = (*seen).max(standing);
        }
    }
    worst
}

/// What each requirement came to, in a word or two.
#[must_use]
pub fn standings(report: &Report) -> BTreeMap<&str, &'static str> {
    worst(report).into_iter().map(|(slug, standing)| (slug, standing.name())).collect()
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
enum RequirementAnswer {
    #[strum(serialize = "not seen")]
    Unseen,
    Holds,
    Doubtful,
    Follows,
    Known,
    Undecided,
    Broken,
}

impl RequirementAnswer {
    fn name(self) -> &'static str {
        self.into()
    }

    fn of(verdict: &Verdict) -> Self {
        match verdict.verdict {
            Answer::Pass => Self::Holds,
            Answer::Fail if is_known(verdict) => Self::Known,
            Answer::Fail => Self::Broken,
            Answer::Warn => Self::Doubtful,
            Answer::Error => Self::Undecided,
            Answer::Absent | Answer::NotApplicable | Answer::Skipped => Self::Unseen,
        }
    }
}

/// How pressing a group is, the most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// A violated MUST that no baseline names.
    Broken,
    /// The suite or a service failed.
    Undecided,
    /// A violated SHOULD.
    Doubtful,
    /// A violation that the baseline names.
    Known,
}

/// Verdicts of one kind on one requirement, and the requirements that say the very same.
#[derive(Debug, Clone)]
pub struct Group<'a> {
    /// How pressing it is.
    pub weight: Weight,
    /// The verdicts, in the report's order; at least one.
    pub verdicts: Vec<&'a Verdict>,
    /// Other requirements that are violated with the same words of the same exporter.
    pub likewise: Vec<&'a str>,
    /// Requirements that are violated only because of this one.
    pub followers: Vec<&'a str>,
    /// Requirements that this one leaves violated or unjudged: what fixing it decides.
    pub explains: usize,
}

impl<'a> Group<'a> {
    /// The first verdict, which stands for the others.
    #[must_use]
    pub fn first(&self) -> &'a Verdict {
        self.verdicts[0]
    }

    /// The requirement's row in this program's catalogue; none where the report is of another one.
    fn row(&self) -> Option<&'static Requirement> {
        requirements::named(&self.first().requirement)
    }

    /// Its level, with that of the catalogue where the profile raises it.
    #[must_use]
    pub fn level(&self) -> String {
        let Verdict { level, base_level, .. } = self.first();
        if level == base_level { level.to_string() } else { format!("{level} (core: {base_level})") }
    }

    /// What follows from it, such as `1 more follows from it: base.pair`; empty where nothing does.
    #[must_use]
    pub fn so_too(&self) -> String {
        if self.followers.is_empty() {
            return String::new();
        }
        format!("{} from it: {}", follow(self.followers.len()), self.followers.join(", "))
    }

    /// How much fixing it decides, such as `2 more requirements`; empty where nothing hangs on it.
    #[must_use]
    pub fn explained(&self) -> String {
        match self.explains {
            0 => String::new(),
            1 => "1 more requirement, violated or not judged in the same cases".to_owned(),
            number => format!("{number} more requirements, violated or not judged in the same cases"),
        }
    }

    /// Why the requirement is asked, and how an exporter's author fixes a violation; empty where the exporter is not at
    /// fault, and where the report is of another catalogue.
    #[must_use]
    pub fn advice(&self) -> (&'static str, &'static str) {
        let row = self.row().filter(|_| self.weight != Weight::Undecided);
        row.map_or(("", ""), |row| (row.why, row.remedy))
    }

    /// The verdicts by what they say, values of single scenarios aside: each is shown with an example of its own.
    #[must_use]
    pub fn alike(&self) -> Vec<Vec<&'a Verdict>> {
        let mut found: Vec<(String, Vec<&Verdict>)> = Vec::new();
        for verdict in &self.verdicts {
            let mut said = without_values(&verdict.message);
            // Builds fail for different reasons, and what the exporter last said tells them apart.
            if EXITS.contains(&verdict.requirement.as_str()) {
                said += &without_values(&verdict.found);
            }
            match found.iter_mut().find(|(same, _)| *same == said) {
                Some((_, verdicts)) => verdicts.push(verdict),
                None => found.push((said, vec![verdict])),
            }
        }
        found.into_iter().map(|(_, verdicts)| verdicts).collect()
    }

    /// Why it is known and until when, where it is; each reason once.
    #[must_use]
    pub fn known(&self) -> String {
        let mut reasons: Vec<String> = Vec::new();
        for known in self.verdicts.iter().filter_map(|verdict| known_words(verdict)) {
            if !reasons.contains(&known) {
                reasons.push(known);
            }
        }
        reasons.join("; ")
    }
}

/// Requirements whose violations say the same whatever the cause.
const EXITS: [&str; 2] = ["platform.exit-zero", "rebase.exit-zero"];

/// That so many follow.
pub(super) fn follow(number: usize) -> String {
    if number == 1 { "1 more follows".to_owned() } else { format!("{number} more follow") }
}

/// Whether it is a failure that the baseline names.
#[must_use]
pub fn is_known(verdict: &Verdict) -> bool {
    verdict.verdict == Answer::Fail && verdict.known.is_some()
}

/// Why a failure is known and until when; none where it is not.
#[must_use]
pub fn known_words(verdict: &Verdict) -> Option<String> {
    let known = verdict.known.as_ref()?;
    let until = known.until.as_ref().map(|until| format!(" (until {until})")).unwrap_or_default();
    Some(format!("{}{until}", known.reason))
}

/// What is violated or undecided, the most pressing first; of those as pressing, the one that explains most.
#[must_use]
pub fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut found: BTreeMap<(Weight, &str), Vec<&Verdict>> = BTreeMap::new();
    let mut order: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, verdict) in report.verdicts.iter().enumerate() {
        let weight = match verdict.verdict {
            Answer::Fail if is_known(verdict) => Weight::Known,
            Answer::Fail => Weight::Broken,
            Answer::Error => Weight::Undecided,
            Answer::Warn => Weight::Doubtful,
            _ => continue,
        };
        order.entry(&verdict.requirement).or_insert(at);
        found.entry((weight, &verdict.requirement)).or_default().push(verdict);
    }
    let unjudged = unjudged(report);
    let mut groups: Vec<Group<'_>> = found
        .into_iter()
        .map(|((weight, _), verdicts)| {
            let followers = followers(&verdicts);
            let left = verdicts.iter().filter_map(|verdict| unjudged.get(verdict.id.as_str())).flatten();
            let explains = followers.iter().chain(left).collect::<BTreeSet<_>>().len();
            Group { weight, verdicts, likewise: Vec::new(), followers, explains }
        })
        .collect();
    let first = |group: &Group<'_>| order.get(group.first().requirement.as_str()).copied();
    groups.sort_by_key(|group| {
        (group.weight, std::cmp::Reverse(group.explains), std::cmp::Reverse(group.verdicts.len()), first(group))
    });
    folded(groups)
}

/// Requirements that were skipped because of a verdict, by that verdict's id.
fn unjudged(report: &Report) -> BTreeMap<&str, Vec<&str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for verdict in &report.verdicts {
        if let Some(cause) = &verdict.follows_from {
            found.entry(cause).or_default().push(&verdict.requirement);
        }
    }
    found
}

/// What is violated only because these are, each once.
fn followers<'a>(verdicts: &[&'a Verdict]) -> Vec<&'a str> {
    let mut once: Vec<&str> = Vec::new();
    for follower in verdicts.iter().flat_map(|verdict| &verdict.followed_by) {
        if !once.contains(&follower.as_str()) {
            once.push(follower);
        }
    }
    once
}

/// Requirements that say the same, with the same words of the exporter and in the same cases, as one group.
fn folded(groups: Vec<Group<'_>>) -> Vec<Group<'_>> {
    let mut kept: Vec<Group<'_>> = Vec::new();
    for group in groups {
        match kept.iter_mut().find(|other| say_the_same(other, &group)) {
            Some(other) => other.likewise.push(&group.first().requirement),
            None => kept.push(group),
        }
    }
    kept
}

fn say_the_same(one: &Group<'_>, other: &Group<'_>) -> bool {
    let said = |verdict: &Verdict| (verdict.message.clone(), verdict.found.clone());
    one.weight == other.weight && !one.first().found.is_empty() && said(one.first()) == said(other.first())
}

/// The message without what differs from scenario to scenario.
fn without_values(message: &str) -> String {
    let words = message.split_whitespace().filter(|word| !word.contains("sha256:") && !word.contains('/'));
    words.collect::<Vec<_>>().join(" ")
}

/// The theme of a requirement: its slug up to the first dot.
#[must_use]
pub(crate) fn theme_of(requirement: &str) -> &str {
    requirement.split('.').next().unwrap_or_default()
}

/// Where a verdict counts in a bar of what holds, what is doubtful and what is broken; none where nothing was judged.
#[must_use]
pub(crate) fn bar_of(answer: Answer) -> Option<usize> {
    match answer {
        Answer::Pass | Answer::Absent => Some(0),
        Answer::Warn => Some(1),
        Answer::Fail | Answer::Error => Some(2),
        Answer::NotApplicable | Answer::Skipped => None,
    }
}
