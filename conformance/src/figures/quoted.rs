//! Figures in text: `{reference|annotations|layout}` becomes `444 of 444`. A figure that is not there is an error, so
//! that no document quotes what was not measured.

use super::{Figures, Kept, OfExporter};
use crate::consumers::{Consumer, Gain, KnownBy};

/// Text that names a figure which is not there. Messages read after "failed to".
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("fill in the figure {{{figure}}}: nothing that was given has it")]
pub struct QuoteError {
    /// The figure as the text names it.
    pub figure: String,
}

/// The text with every figure filled in.
///
/// # Errors
/// [`QuoteError`] naming the first one that is not there.
pub fn filled(text: &str, figures: &Figures, consumers: &[Consumer]) -> Result<String, QuoteError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').ok_or_else(|| QuoteError { figure: after.to_owned() })?;
        let figure = figure(name, figures, consumers).ok_or_else(|| QuoteError { figure: name.to_owned() })?;
        out.push_str(before);
        out.push_str(&figure);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

fn figure(name: &str, figures: &Figures, consumers: &[Consumer]) -> Option<String> {
    let words: Vec<&str> = name.split('|').collect();
    if let ["consumers", what] = words[..] {
        return of_consumers(what, consumers).map(|count| count.to_string());
    }
    let (who, what) = words.split_first()?;
    let named =
        |one: &&OfExporter| one.name == *who || one.name.strip_prefix(who).is_some_and(|tail| tail.starts_with(' '));
    of_exporter(what, figures.exporters.iter().find(named)?)
}

fn of_consumers(what: &str, consumers: &[Consumer]) -> Option<usize> {
    let gain = Gain::of(consumers, |_| true);
    Some(match what {
        "looked up" => consumers.iter().filter(|one| one.known_by != KnownBy::NotFound).count(),
        "annotations" => gain.annotations,
        "labels" => gain.labels,
        "both" => gain.both,
        "only annotations" => gain.only_annotations,
        "only labels" => gain.only_labels,
        "not found" => gain.not_found,
        _ => return None,
    })
}

fn of_exporter(what: &[&str], of: &OfExporter) -> Option<String> {
    match *what {
        ["annotations", place] => so_many(of.pair("registry", place)?.nine()),
        ["annotation", key, place] => so_many(*of.pair("registry", place)?.annotations.get(key)?),
        ["digest", left, right] => travelled(of, "manifest digest", left, right),
        [aspect @ ("imageID" | "diffIDs" | "layer digests"), left, right] => travelled(of, aspect, left, right),
        ["verdicts", slug] => judged(of, slug),
        ["headline", profile] => of.headlines.get(profile).cloned(),
        ["bytes"] => of.cost.as_ref().map(|cost| format!("{} (from {} to {})", cost.usual, cost.least, cost.most)),
        _ => None,
    }
}

/// How many of how many; none of none is no figure.
pub(super) fn so_many(Kept { kept, all }: Kept) -> Option<String> {
    (all > 0).then(|| format!("{kept} of {all}"))
}

/// In how many of the judged cases a requirement holds.
pub(super) fn judged(of: &OfExporter, slug: &str) -> Option<String> {
    of.requirements.get(slug).map(|judged| format!("{} of {}", judged.pass, judged.all()))
}

/// What became of something between two places.
pub(super) fn travelled(of: &OfExporter, aspect: &str, left: &str, right: &str) -> Option<String> {
    let pair = of.pair(left, right)?;
    let travel = pair.aspects.get(aspect)?;
    (travel.all() > 0)
        .then(|| format!("{} in {}", travel.words(), crate::report::terminal::counted(travel.all(), "build")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::source;
    use super::*;

    #[test]
    fn a_figure_is_filled_in_and_one_that_is_not_there_is_an_error() {
        let figures = Figures::of(&[source()]);
        let name = figures.exporters[0].name.clone();
        let slug = figures.exporters[0].requirements.keys().next().unwrap().clone();
        let judged = figures.exporters[0].requirements[&slug];
        let text = format!("a {{{name}|verdicts|{slug}}} b");
        assert_eq!(filled(&text, &figures, &[]).unwrap(), format!("a {} of {} b", judged.pass, judged.all()));
        for absent in ["nobody|bytes", "consumers|nothing", "open"] {
            let error = filled(&format!("x {{{absent}}}"), &figures, &[]).unwrap_err();
            assert_eq!(error.figure, absent);
        }
        assert!(filled("never closed {a", &figures, &[]).is_err());
        assert_eq!(filled("{consumers|both}", &figures, &[]).unwrap(), "0");
    }
}
