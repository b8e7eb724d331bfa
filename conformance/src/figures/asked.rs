//! Single figures as text, for a reader who repeats what a document quotes: the very words that the document has.

use std::fmt::Write as _;

use judge::requirements;
use judge::view::RFC_KEYS;

use super::quoted::{judged, so_many, travelled};
use super::{ASPECTS, Figures, OfExporter};
use crate::globs::Patterns;
use crate::report::terminal::visible;

/// What is asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// Requirements; none where none is.
    pub requirements: Option<Patterns>,
    /// Places, each with the one that it is compared with.
    pub pairs: Vec<(String, String)>,
}

impl Asked {
    /// The figures that are asked for, exporter by exporter.
    #[must_use]
    pub fn render(&self, figures: &Figures) -> String {
        let mut out = String::new();
        for of in &figures.exporters {
            let _ = writeln!(out, "{}", visible(&of.name));
            let _ = self.one(&mut out, of);
        }
        out
    }

    fn one(&self, out: &mut String, of: &OfExporter) -> std::fmt::Result {
        if let Some(patterns) = &self.requirements {
            for row in requirements::all().filter(|row| patterns.matches(row.id)) {
                let told = judged(of, row.id).map_or_else(|| "not judged".to_owned(), |told| told + " judged cases");
                writeln!(out, "  {:<36}  {told}", row.id)?;
            }
        }
        for (left, right) in &self.pairs {
            self::pair(out, of, left, right)?;
        }
        Ok(())
    }
}

fn pair(out: &mut String, of: &OfExporter, left: &str, right: &str) -> std::fmt::Result {
    writeln!(out, "  {} ↔ {}", visible(left), visible(right))?;
    let Some(pair) = of.pair(left, right) else { return writeln!(out, "    not compared") };
    for aspect in ASPECTS {
        let told = travelled(of, aspect, left, right).unwrap_or_else(|| "none there".to_owned());
        writeln!(out, "    {aspect:<16}  {told}")?;
    }
    let Some(all) = so_many(pair.nine()) else { return Ok(()) };
    writeln!(out, "    {:<16}  {all} kept", "annotations")?;
    for key in RFC_KEYS {
        let told = so_many(pair.annotations.get(key).copied().unwrap_or_default());
        writeln!(out, "    {key:<16}  {}", told.map_or_else(|| "none there".to_owned(), |told| told + " kept"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::source;
    use super::super::{Kept, Pair};
    use super::*;
    use crate::stores::Travel;

    #[test]
    fn what_is_asked_for_is_said_in_the_words_that_documents_quote() {
        let mut figures = Figures::of(&[source()]);
        let of = &mut figures.exporters[0];
        let travel = Travel { kept: 302, changed: 7, lost: 0 };
        of.pairs = vec![Pair {
            left: "registry".to_owned(),
            right: "layout".to_owned(),
            builds: 309,
            annotations: [("base.name".to_owned(), Kept { kept: 3, all: 4 })].into(),
            aspects: [("manifest digest".to_owned(), travel)].into(),
        }];
        let name = of.name.clone();
        let slug = of.requirements.keys().next().unwrap().clone();
        let requirements = Some(Patterns::try_from(vec![slug.clone(), "rebase.exit-zero".to_owned()]).unwrap());
        let pairs = [("registry", "layout"), ("layout", "nowhere")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let text = Asked { requirements, pairs: pairs.into() }.render(&figures);
        for figure in [format!("verdicts|{slug}"), "digest|registry|layout".to_owned(), "annotations|layout".to_owned()]
        {
            let quoted = super::super::filled(&format!("{{{name}|{figure}}}"), &figures, &[]).unwrap();
            assert!(text.contains(&quoted), "{quoted}: {text}");
        }
        assert!(text.contains("not judged") && text.contains("not compared"), "{text}");
    }
}
