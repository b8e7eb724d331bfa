//! Open questions: what the proposal leaves to exporters, and what each of them did.

use super::html::{Html, el, said, table, ticked};
use super::{Site, slug_of};
use crate::questions::{QUESTIONS, Question, answers};
use crate::report::terminal::shorter;

/// Scenarios that are named of an answer.
const NAMED: usize = 5;
/// Answers that a cell of the index has; the question's page has all.
const ANSWERS: usize = 3;
/// Longest answer in the index, in characters.
const LONGEST: usize = 90;

pub(super) fn index(site: &Site<'_>) -> Vec<Html> {
    let told = "The proposal says nothing of these. None of it is a verdict: an exporter that does otherwise conforms as well.";
    let rows = QUESTIONS.iter().map(|question| {
        let to = format!("questions/{}.html", slug_of(question.title));
        let mut row: Vec<Html> = vec![el("a").at("href", to).with(ticked(question.title)).into()];
        row.extend(site.records.iter().map(|record| {
            let mut seen: Vec<&str> =
                answers(record, |slug| question.observed_as.contains(&slug)).iter().map(|one| one.answer).collect();
            seen.dedup();
            if seen.is_empty() {
                return el("span").at("class", "soft").text("not seen").into();
            }
            let mut told: Vec<String> = seen.iter().take(ANSWERS).map(|answer| shorter(answer, LONGEST)).collect();
            if seen.len() > ANSWERS {
                told.push(format!("and {} more", seen.len() - ANSWERS));
            }
            ticked(&told.join("; "))
        }));
        row
    });
    let mut heads = vec!["question"];
    heads.extend(site.records.iter().map(|record| record.exporter.as_str()));
    vec![said("p", told), table("Questions and answers seen", &heads, rows.collect())]
}

pub(super) fn page(site: &Site<'_>, question: &Question) -> Vec<Html> {
    let mut body = vec![el("p").with(ticked(question.why)).into(), said("h2", "Possible answers")];
    body.push(el("ul").all(question.answers.iter().map(|answer| el("li").with(ticked(answer)))).into());
    if !question.reference.is_empty() {
        body.push(el("p").with(ticked(&format!("The reference of this project {}", question.reference))).into());
    }
    if !question.measured.is_empty() {
        let told = format!("Measured with other means than this suite: {}", question.measured);
        body.push(el("p").with(ticked(&told)).into());
    }
    body.push(said("h2", "Who answers how"));
    let rows: Vec<Vec<Html>> = site
        .records
        .iter()
        .flat_map(|record| {
            answers(record, |slug| question.observed_as.contains(&slug)).into_iter().map(|seen| {
                let scenarios: Vec<&str> = seen.scenarios.iter().copied().collect();
                let more = scenarios.len().saturating_sub(NAMED);
                let mut named = scenarios[..scenarios.len().min(NAMED)].join(", ");
                if more > 0 {
                    named = format!("{named} and {more} more");
                }
                let targets: Vec<&str> = seen.targets.iter().copied().collect();
                vec![
                    said("span", &record.exporter),
                    said("code", seen.slug),
                    ticked(&shorter(seen.answer, 400)),
                    said("span", &targets.join(", ")),
                    said("span", &named),
                ]
            })
        })
        .collect();
    body.push(if rows.is_empty() {
        el("p").with(ticked(&format!("Nothing that answers it was observed; {}.", question.shown))).into()
    } else {
        table("Answers seen", &["exporter", "observed", "answer", "on", "in scenarios"], rows)
    });
    body
}
