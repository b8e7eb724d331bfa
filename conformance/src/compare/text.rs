//! The changes for people: on a terminal, as Markdown for a comment, and as a page. Equal changes are one line.

use std::fmt::{self, Write as _};

use judge::verdict::Answer;

use super::groups::{self, FieldGroup, Group};
use super::{Changes, DigestChange, OnlyThere};
use crate::report::html::escaped;
use crate::report::terminal::visible;

/// How a document looks.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Terminal,
    Markdown,
    Html,
}

/// The page: a style, no script, nothing from elsewhere.
pub(super) const PAGE: &str = include_str!("page.html");

pub(super) fn render(changes: &Changes, form: Form) -> String {
    let mut out = String::new();
    let _ = whole(changes, form, &mut out);
    out
}

fn whole(changes: &Changes, form: Form, out: &mut String) -> fmt::Result {
    let (old, new) = (visible(&changes.exporters[0]), visible(&changes.exporters[1]));
    match form {
        Form::Terminal => writeln!(out, "old  {old}\nnew  {new}")?,
        Form::Markdown => writeln!(out, "**{}**\n\nold {}, new {}", conclusion(changes), code(&old), code(&new))?,
        Form::Html => {
            let (old, new) = (escaped(&old), escaped(&new));
            writeln!(out, "<h1>{}</h1>", conclusion(changes))?;
            writeln!(out, "<dl><dt>old</dt><dd>{old}</dd><dt>new</dt><dd>{new}</dd></dl>")?;
        }
    }
    beside(changes, form, out)?;
    for (title, found) in [
        ("newly failing", &changes.newly_failing),
        ("failing, and not judged before", &changes.failing_and_new),
        ("fixed", &changes.fixed),
        ("changed", &changes.changed),
        ("judged differently, though the exporter did the same", &changes.judged_differently),
    ] {
        section(out, form, title, found.len(), &groups::of(found).iter().map(line).collect::<Vec<_>>())?;
    }
    for (what, added, removed) in [
        ("requirements", &changes.added_requirements, &changes.removed_requirements),
        ("scenarios", &changes.added_scenarios, &changes.removed_scenarios),
    ] {
        section(out, form, &format!("{what} added"), added.changed.len(), &added.changed)?;
        section(out, form, &format!("{what} removed"), removed.changed.len(), &removed.changed)?;
        not_asked(out, form, what, "old", added)?;
        not_asked(out, form, what, "new", removed)?;
    }
    digests(changes, form, out)?;
    if let Some(note) = &changes.note {
        paragraph(out, form, note)?;
    }
    match form {
        Form::Terminal => writeln!(out, "\n{}", conclusion(changes)),
        Form::Markdown | Form::Html => Ok(()),
    }
}

/// What each run came to, and a line for each requirement of which they came to something else.
fn beside(changes: &Changes, form: Form, out: &mut String) -> fmt::Result {
    const STANDING: usize = 11;
    let rows = &changes.beside.rows;
    let [old, new] = &changes.beside.tallies;
    match form {
        Form::Terminal => {
            writeln!(out, "\nrequirements, old  {old}\nrequirements, new  {new}")?;
            let width = rows.iter().map(|row| row.requirement.len()).max().unwrap_or_default();
            if !rows.is_empty() {
                writeln!(out, "\n  {:<width$}  {:<STANDING$}  new", "side by side", "old")?;
            }
            rows.iter().try_for_each(|row| {
                let [old, new] = &row.standings;
                writeln!(out, "  {:<width$}  {old:<STANDING$}  {new}", visible(&row.requirement))
            })
        }
        Form::Markdown => {
            writeln!(out, "\n| requirement | old | new |\n|---|---|---|\n| all | {old} | {new} |")?;
            rows.iter().try_for_each(|row| {
                let [old, new] = &row.standings;
                writeln!(out, "| {} | {old} | {new} |", code(&row.requirement))
            })
        }
        Form::Html => {
            let head =
                "<tr><th scope=\"col\">requirement</th><th scope=\"col\">old</th><th scope=\"col\">new</th></tr>";
            writeln!(out, "<table><caption>Side by side</caption><thead>{head}</thead><tbody>")?;
            writeln!(out, "<tr><th scope=\"row\">all</th><td>{old}</td><td>{new}</td></tr>")?;
            for row in rows {
                let [old, new] =
                    row.standings.each_ref().map(|word| format!("<td class=\"{}\">{word}</td>", class(word)));
                writeln!(out, "<tr><th scope=\"row\">{}</th>{old}{new}</tr>", escaped(&row.requirement))?;
            }
            out.write_str("</tbody></table>\n")
        }
    }
}

fn class(standing: &str) -> &'static str {
    match standing {
        "broken" => "bad",
        "holds" => "good",
        _ => "unsure",
    }
}

fn paragraph(out: &mut String, form: Form, text: &str) -> fmt::Result {
    match form {
        Form::Terminal | Form::Markdown => writeln!(out, "\n{text}"),
        Form::Html => writeln!(out, "<p>{}</p>", escaped(text)),
    }
}

fn conclusion(changes: &Changes) -> String {
    match (changes.newly_failing.len(), groups::of(&changes.newly_failing).len()) {
        (0, _) => "no regression".to_owned(),
        (verdicts, requirements) => format!("regressions: {requirements} (verdicts: {verdicts})"),
    }
}

fn section(out: &mut String, form: Form, title: &str, count: usize, lines: &[String]) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    let counted = if lines.len() == count { count.to_string() } else { format!("{}, in all {count}", lines.len()) };
    match form {
        Form::Terminal => writeln!(out, "\n{title} ({counted})")?,
        Form::Markdown => writeln!(out, "\n### {title} ({counted})\n")?,
        Form::Html => writeln!(out, "<h2>{} ({counted})</h2>\n<ul>", escaped(title))?,
    }
    lines.iter().try_for_each(|line| match form {
        Form::Terminal => writeln!(out, "  {line}"),
        Form::Markdown => writeln!(out, "- {}", code(line)),
        Form::Html => writeln!(out, "<li>{}</li>", escaped(line)),
    })?;
    if matches!(form, Form::Html) { out.write_str("</ul>\n") } else { Ok(()) }
}

/// Text that Markdown takes as it is.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('\n', " "))
}

fn not_asked(out: &mut String, form: Form, what: &str, run: &str, only: &OnlyThere) -> fmt::Result {
    match only.not_asked.len() {
        0 => Ok(()),
        count => paragraph(out, form, &format!("{what} that the {run} run was not asked for: {count}")),
    }
}

fn line(group: &Group<'_>) -> String {
    let old = group.old.map_or("not judged", Answer::name);
    let first = group.changes[0];
    let message = visible(&first.message);
    let new = group.new;
    if group.changes.len() == 1 {
        return format!("{}  {old} → {new}  {message}", first.id);
    }
    let ids: Vec<&str> = group.changes.iter().map(|change| change.id.as_str()).collect();
    format!("{}  {old} → {new}  {}  {message}", group.requirement, groups::places(&ids))
}

fn digests(changes: &Changes, form: Form, out: &mut String) -> fmt::Result {
    let all = &changes.digests;
    let ids: Vec<&str> = all.iter().map(|change| change.export.as_str()).collect();
    if !all.is_empty() {
        let title = format!("digests changed in {}, by fields", groups::places(&ids));
        let mut lines: Vec<String> = groups::of_fields(all).iter().map(field).collect();
        lines.extend(all.iter().filter(|change| change.fields.is_empty()).map(without_fields));
        section(out, form, &title, lines.len(), &lines)?;
    }
    if !changes.only_the_address.is_empty() {
        let count = changes.only_the_address.len();
        let text = format!("digests that are others only because the registry has another address: {count}");
        paragraph(out, form, &text)?;
    }
    if !changes.digests_compared {
        paragraph(out, form, "digests were not compared: that needs the evidence of both runs")?;
    }
    Ok(())
}

fn field(group: &FieldGroup<'_>) -> String {
    let places = match group.exports.as_slice() {
        [one] => format!("in {one}"),
        many => format!("in {}", groups::places(many)),
    };
    let (old, new) = (shown(group.values.0), shown(group.values.1));
    let many = if group.kinds > 1 { format!("{} kinds of values, one is ", group.kinds) } else { String::new() };
    format!("{}: {many}{old} → {new}  {places}", visible(&group.field))
}

fn without_fields(change: &DigestChange) -> String {
    let name = |digest: &Option<String>| digest.clone().unwrap_or_else(|| "no image".to_owned());
    format!("{}  {} → {}", change.export, name(&change.old), name(&change.new))
}

fn shown(value: &str) -> String {
    const LONGEST: usize = 120;
    let cut: String = value.chars().take(LONGEST).collect();
    let more = if cut.len() < value.len() { "…" } else { "" };
    if value.is_empty() { "(absent)".to_owned() } else { visible(&cut) + more }
}
