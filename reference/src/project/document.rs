//! The document: descriptor, version control and overrides put together, in an order of keys that does not change.

use toml::{Table, Value};

use super::descriptor::Descriptor;
use super::git::Facts;
use super::{Dirty, KeySource, Made, Options, address, values};

/// Keys whose values are addresses.
const ADDRESSES: [&str; 2] = ["repository", "documentation-url"];
/// What a marked commit ends with.
const MARK: &str = "-dirty";

/// The document of what was found.
pub(super) fn made(descriptor: Option<&Descriptor>, facts: Option<&Facts>, options: &Options) -> Made {
    let mut document = Document::default();
    if let Some(descriptor) = descriptor {
        document.describe(descriptor);
    }
    if let Some(facts) = facts {
        document.version(facts, options.dirty);
    }
    for (place, value) in &options.overrides {
        document.replace(place, value);
    }
    document.finish()
}

#[derive(Default)]
struct Document {
    r#type: Option<String>,
    version: Table,
    metadata: Table,
    warnings: Vec<String>,
}

impl Document {
    fn put(&mut self, key: &str, value: Option<String>) {
        let Some(value) = value else { return };
        let value = if ADDRESSES.contains(&key) {
            match address::page(&value) {
                Ok(found) => {
                    if found.cleaned {
                        self.warnings.push(format!("{key} is taken without credentials"));
                    }
                    found.url
                }
                Err(reason) => {
                    self.warnings.push(format!("{key} is left out: {reason}"));
                    return;
                }
            }
        } else {
            value
        };
        self.metadata.insert(key.to_owned(), value.into());
    }

    fn describe(&mut self, descriptor: &Descriptor) {
        self.warnings.extend(descriptor.warnings.iter().cloned());
        let (licences, renamed) = values::licences(&descriptor.licences);
        self.warnings.extend(renamed);
        self.put("id", descriptor.id.clone());
        self.put("name", descriptor.name.clone());
        self.put("version", descriptor.version.clone());
        self.put("authors", values::authors(&descriptor.authors));
        self.put("licenses", licences);
        self.put("documentation-url", descriptor.documentation_url.clone());
        self.put("repository", descriptor.source_url.clone());
    }

    fn version(&mut self, facts: &Facts, dirty: Dirty) {
        self.warnings.extend(facts.warnings.iter().cloned());
        let stated = self.metadata.get("repository").and_then(Value::as_str).map(str::to_owned);
        match (stated, &facts.repository) {
            (None, Some(remote)) => {
                self.metadata.insert("repository".to_owned(), remote.clone().into());
            }
            (Some(stated), Some(remote)) if !is_same(&stated, remote) => {
                self.warnings
                    .push(format!("the descriptor's source-url {stated} is taken, and the remote is {remote}"));
            }
            _ => {}
        }
        let Some(commit) = &facts.commit else { return };
        self.r#type = Some("git".to_owned());
        let is_changed = facts.dirty || facts.untracked;
        let mark = if is_changed { MARK } else { "" };
        let shown = if dirty == Dirty::Mark { mark } else { "" };
        self.version.insert("commit".to_owned(), format!("{commit}{shown}").into());
        if let Some(describe) = &facts.describe {
            self.version.insert("describe".to_owned(), format!("{describe}{mark}").into());
        }
        self.version.insert("dirty".to_owned(), facts.dirty.into());
        for (key, is_so) in [("untracked", facts.untracked), ("shallow", facts.shallow)] {
            if is_so {
                self.version.insert(key.to_owned(), true.into());
            }
        }
        if is_changed {
            let what = if facts.dirty { "changes" } else { "untracked files" };
            self.warnings
                .push(format!("the work tree {} has {what} that the commit does not have", facts.root.display()));
        }
        if let Some(path) = &facts.path {
            self.metadata.insert("path".to_owned(), path.clone().into());
        }
    }

    /// An override; an empty one removes the key.
    fn replace(&mut self, place: &KeySource, value: &str) {
        let is_empty = value.is_empty();
        match place {
            KeySource::Type => self.r#type = (!is_empty).then(|| value.to_owned()),
            KeySource::Version(key) => {
                self.version.remove(key);
                if !is_empty {
                    self.version.insert(key.clone(), value.into());
                }
            }
            KeySource::Metadata(key) => {
                self.metadata.remove(key);
                self.put(key, (!is_empty).then(|| value.to_owned()));
            }
        }
    }

    fn finish(mut self) -> Made {
        let mut source = Table::new();
        if let Some(kind) = self.r#type {
            source.insert("type".to_owned(), kind.into());
        }
        for (name, table) in [("version", self.version), ("metadata", self.metadata)] {
            if !table.is_empty() {
                source.insert(name.to_owned(), table.into());
            }
        }
        if source.is_empty() {
            self.warnings.push("nothing is known of the source: no descriptor, no commit, no --set".to_owned());
        }
        let file = Table::from_iter([("source".to_owned(), Value::Table(source))]);
        Made { text: toml::to_string(&file).unwrap_or_default(), warnings: self.warnings }
    }
}

/// Whether two addresses name one repository for a reader, whatever way leads there.
fn is_same(one: &str, two: &str) -> bool {
    let bare = |text: &str| {
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let text = text.strip_prefix("git@").unwrap_or(text);
        let text = text.trim_end_matches('/');
        text.strip_suffix(".git").unwrap_or(text).to_ascii_lowercase()
    };
    bare(one) == bare(two)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::descriptor;

    fn options(overrides: &[(&str, &str)], dirty: Dirty) -> Options {
        let overrides =
            overrides.iter().map(|(key, value)| (super::super::cli::place(key).unwrap(), (*value).to_owned()));
        Options {
            source: ".".into(),
            descriptor: None,
            overrides: overrides.collect(),
            git: true,
            remote: None,
            dirty,
            limit: std::time::Duration::from_secs(1),
        }
    }

    fn facts() -> Facts {
        Facts {
            root: "/src".into(),
            commit: Some("c0ffee".to_owned()),
            describe: Some("v1-2-gc0ffee".to_owned()),
            dirty: true,
            repository: Some("ssh://git@e.example/team/app.git".to_owned()),
            ..Facts::default()
        }
    }

    #[test]
    fn descriptor_version_control_and_overrides_have_their_order() {
        let descriptor = descriptor::parse(
            "[_]\nschema-version='0.2'\nname='n'\nauthors=['A','B']\nsource-url='https://u:secret@e.example/team/app'\n\
             [[_.licenses]]\ntype='MIT'\n",
        )
        .unwrap();
        let made = made(Some(&descriptor), Some(&facts()), &options(&[("name", ""), ("version", "2")], Dirty::Keep));
        insta::assert_snapshot!(made.text, @r#"
        [source]
        type = "git"

        [source.version]
        commit = "c0ffee"
        describe = "v1-2-gc0ffee-dirty"
        dirty = true

        [source.metadata]
        authors = "A, B"
        licenses = "MIT"
        repository = "https://e.example/team/app"
        version = "2"
        "#);
        assert_eq!(made.warnings.len(), 2, "{:?}", made.warnings);
        assert!(!made.warnings.concat().contains("secret"));
    }

    #[test]
    fn a_changed_tree_is_said_where_it_is_asked_for_and_another_remote_is_told() {
        let descriptor = descriptor::parse("[project]\nsource-url='https://other.example/x'\n").unwrap();
        let marked = made(Some(&descriptor), Some(&facts()), &options(&[], Dirty::Mark));
        assert!(marked.text.contains("commit = \"c0ffee-dirty\""), "{}", marked.text);
        assert!(marked.warnings.iter().any(|warning| warning.contains("other.example")), "{:?}", marked.warnings);
        let nothing = made(None, None, &options(&[], Dirty::Keep));
        assert_eq!((nothing.text.as_str(), nothing.warnings.len()), ("[source]\n", 1));
    }
}
