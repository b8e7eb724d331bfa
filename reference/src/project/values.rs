//! Arrays as the one string that an annotation is: authors joined, licences as one SPDX expression.

use spdx::expression::{ExprNode, Operator};
use spdx::{Expression, ParseMode};

use super::address;
use super::descriptor::Licence;

/// What is between two authors.
const BETWEEN_AUTHORS: &str = ", ";

/// Identifiers that were once in the list stay: the descriptor's author wrote them, and readers know them.
const MODE: ParseMode = ParseMode {
    allow_slash_as_or_operator: false,
    allow_imprecise_license_names: false,
    allow_postfix_plus_on_gpl: true,
    allow_deprecated: true,
    allow_unknown: false,
};

/// The authors as one text, in their order; none where there is none.
#[must_use]
pub fn authors(authors: &[String]) -> Option<String> {
    (!authors.is_empty()).then(|| authors.join(BETWEEN_AUTHORS))
}

/// The licences as one SPDX expression that asks for all of them, and what was renamed for it.
#[must_use]
pub fn licences(licences: &[Licence]) -> (Option<String>, Vec<String>) {
    let mut warnings = Vec::new();
    let mut terms: Vec<(String, bool)> = Vec::new();
    for licence in licences {
        let Some(term) = term(licence, &mut warnings) else { continue };
        if !terms.contains(&term) {
            terms.push(term);
        }
    }
    let is_one = terms.len() == 1;
    let terms: Vec<String> = terms
        .into_iter()
        .map(|(text, is_choice)| if is_choice && !is_one { format!("({text})") } else { text })
        .collect();
    ((!terms.is_empty()).then(|| terms.join(" AND ")), warnings)
}

/// One licence's part, and whether it is a choice, which binds less than what joins the parts.
fn term(licence: &Licence, warnings: &mut Vec<String>) -> Option<(String, bool)> {
    if let Some(text) = &licence.r#type {
        let text = text.trim();
        if let Ok(expression) = Expression::parse_mode(text, MODE) {
            let is_choice = expression.iter().any(|node| matches!(node, ExprNode::Op(Operator::Or)));
            return Some((text.to_owned(), is_choice));
        }
        let named = reference(text);
        warnings.push(format!("the licence '{text}' is not an SPDX expression and is called {named}"));
        return Some((named, false));
    }
    let uri = licence.uri.as_ref()?;
    // What is not an address may hold anything.
    let shown = address::page(uri).ok().map_or_else(String::new, |found| found.url);
    let named = reference(shown.split_once("://").map_or(shown.as_str(), |(_, rest)| rest));
    warnings.push(format!("a licence has a uri and no type, and is called {named}"));
    Some((named, false))
}

/// A name for a licence that the SPDX list does not have: letters, digits, `.` and `-` of its own name.
fn reference(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-')
        .map(|word| word.trim_matches('-'))
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() { "LicenseRef-unnamed".to_owned() } else { format!("LicenseRef-{}", words.join("-")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[(&str, &str)]) -> (Option<String>, usize) {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let given: Vec<Licence> =
            given.iter().map(|(r#type, uri)| Licence { r#type: text(r#type), uri: text(uri) }).collect();
        let (expression, warnings) = licences(&given);
        if let Some(expression) = &expression {
            assert!(Expression::parse_mode(expression, MODE).is_ok(), "{expression}");
        }
        (expression, warnings.len())
    }

    #[test]
    fn licences_become_one_expression_that_asks_for_all() {
        for (given, expected, warnings) in [
            (&[][..], None, 0),
            (&[("MIT", "")], Some("MIT"), 0),
            (&[("MIT OR Apache-2.0", "")], Some("MIT OR Apache-2.0"), 0),
            (&[("MIT OR Apache-2.0", ""), ("BSD-3-Clause", "")], Some("(MIT OR Apache-2.0) AND BSD-3-Clause"), 0),
            (&[("MIT AND ISC", ""), ("0BSD", "")], Some("MIT AND ISC AND 0BSD"), 0),
            (
                &[("GPL-2.0-only WITH Classpath-exception-2.0", ""), ("MIT", "x")],
                Some("GPL-2.0-only WITH Classpath-exception-2.0 AND MIT"),
                0,
            ),
            (&[("GPL-2.0+", ""), ("GPL-3.0", "")], Some("GPL-2.0+ AND GPL-3.0"), 0),
            (&[("MIT", ""), ("MIT", "")], Some("MIT"), 0),
            (&[("Our Licence (v2)", "")], Some("LicenseRef-Our-Licence-v2"), 1),
            (&[("", "https://u:secret@e.example/LICENSE.txt")], Some("LicenseRef-e.example-LICENSE.txt"), 1),
            (&[("", "")], None, 0),
            (&[("é", "")], Some("LicenseRef-unnamed"), 1),
            (&[("LicenseRef-Own", "")], Some("LicenseRef-Own"), 0),
        ] {
            assert_eq!(of(given), (expected.map(str::to_owned), warnings), "{given:?}");
        }
    }

    #[test]
    fn authors_keep_their_order_and_their_bytes() {
        assert_eq!(authors(&[]), None);
        let given = ["Ann <ann@e.example>", "e\u{301} & Co"].map(str::to_owned);
        assert_eq!(authors(&given).unwrap(), "Ann <ann@e.example>, e\u{301} & Co");
    }
}
