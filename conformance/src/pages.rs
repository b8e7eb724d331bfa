//! Pages of the documentation that messages and `--help` name, compiled in: an installed program has no folder of
//! documents, and pages of another version would not fit it.

/// Name and text.
const PAGES: [(&str, &str); 18] = [
    ("alternatives", include_str!("../../docs/alternatives.md")),
    ("ci", include_str!("../../docs/ci.md")),
    ("compare", include_str!("../../docs/compare.md")),
    ("consumers", include_str!("../../docs/consumers.md")),
    ("evidence", include_str!("../../docs/evidence.md")),
    ("exporter-description", include_str!("../../docs/exporter-description.md")),
    ("fuzz", include_str!("../../docs/fuzz.md")),
    ("install", include_str!("../../docs/install.md")),
    ("judging", include_str!("../../docs/judging.md")),
    ("profile", include_str!("../../docs/profile.md")),
    ("project", include_str!("../../docs/project.md")),
    ("promises", include_str!("../../docs/promises.md")),
    ("rebase", include_str!("../../docs/rebase.md")),
    ("results", include_str!("../../docs/results.md")),
    ("rfc-196", include_str!("../../docs/rfc-196.md")),
    ("scenario", include_str!("../../docs/scenario.md")),
    ("site", include_str!("../../docs/site.md")),
    ("trust", include_str!("../../docs/trust.md")),
];

/// The names, a line each with the page's title.
#[must_use]
pub fn names() -> String {
    let title = |text: &'static str| text.lines().next().unwrap_or_default().trim_start_matches("# ");
    PAGES.iter().fold(String::new(), |out, (name, text)| out + &format!("{name:<22} {}\n", title(text)))
}

/// The text of a page.
#[must_use]
pub fn named(name: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Help of a command and of all below it.
    fn helps(command: &mut clap::Command) -> Vec<String> {
        let mut found = vec![command.render_long_help().to_string()];
        found.extend(command.get_subcommands_mut().flat_map(helps));
        found
    }

    #[test]
    fn every_page_that_the_help_names_is_there_and_none_is_named_by_its_file() {
        let mut named_there = 0;
        for text in helps(&mut crate::cli::Cli::command()) {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(!words.contains("docs/"), "{words}");
            for after in words.split("conformance docs ").skip(1) {
                let name = after.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default();
                assert!(named(name).is_some(), "{name}");
                named_there += 1;
            }
        }
        assert!(named_there >= 8, "{named_there}");
        assert!(PAGES.iter().all(|(name, text)| text.starts_with("# ") && names().contains(name)));
    }
}
