//! Open questions: what the proposal leaves to exporters, and what each of them did.

use super::html::{Html, el, link, said, table};
use super::{Site, slug_of};
use crate::questions::{QUESTIONS, Question, answers};

/// Scenarios that are named of an answer.
const NAMED: usize = 5;

pub(super) fn index(site: &Site<'_>) -> Vec<Html> {
    let told = "The proposal says nothing of these. None of it is a verdict: an exporter that does otherwise conforms as well.";
    let rows = QUESTIONS.iter().map(|question| {
        let mut row = vec![link(&format!("questions/{}.html", slug_of(question.title)), question.title)];
        row.extend(site.records.iter().map(|record| {
            let mut seen: Vec<&str> =
                answers(record, |slug| question.observed_as.contains(&slug)).iter().map(|one| one.answer).collect();
            seen.dedup();
            if seen.is_empty() {
                el("span").at("class", "soft").text("not seen").into()
            } else {
                said("span", &seen.join("; "))
            }
        }));
        row
    });
    let mut heads = vec!["question"];
    heads.extend(site.records.iter().map(|record| record.exporter.as_str()));
    vec![said("p", told), table("Questions and answers seen", &heads, rows.collect())]
}

pub(super) fn page(site: &Site<'_>, question: &Question) -> Vec<Html> {
    let mut body = vec![said("p", question.why), said("h2", "Possible answers")];
    body.push(el("ul").all(question.answers.iter().map(|answer| said("li", answer))).into());
    if !question.reference.is_empty() {
        body.push(said("p", &format!("The reference of this project {}", question.reference)));
    }
    if !question.measured.is_empty() {
        body.push(said("p", &format!("Measured with other means than this suite: {}", question.measured)));
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
                    said("span", seen.answer),
                    said("span", &targets.join(", ")),
                    said("span", &named),
                ]
            })
        })
        .collect();
    body.push(if rows.is_empty() {
        said("p", &format!("Nothing that answers it was observed; {}.", question.shown))
    } else {
        table("Answers seen", &["exporter", "observed", "answer", "on", "in scenarios"], rows)
    });
    body
}
