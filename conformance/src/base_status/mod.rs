//! What can be told of an app image's base by its two annotations: whether the run image that it is based on is still
//! the one that its name names. Reading is in [`read`], telling in `text`; here is what it means, without any I/O.

pub mod read;
mod text;

use judge::digest::Digest;
use judge::view;
use serde::Serialize;
use strum::IntoStaticStr;

use crate::exit::Exit;
use crate::observe::Standing;

pub use text::table;

/// Version of the JSON.
pub const VERSION: u32 = 1;

/// What is to be done about an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum State {
    /// The base is what its name names, and the image is based on its layers.
    UpToDate,
    /// The name names another image than the base.
    Newer,
    /// Nothing has the name any more.
    BaseGone,
    /// The image is not based on the layers of the base that it names.
    LayersDiffer,
    /// Neither annotations nor labels say what the base is.
    NotSaid,
    /// The image or its base could not be read.
    Unread,
}

impl State {
    /// Its word in table and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    fn exit(self) -> Exit {
        match self {
            Self::UpToDate => Exit::Conformant,
            Self::Newer | Self::BaseGone | Self::LayersDiffer => Exit::NotConformant,
            Self::NotSaid => Exit::NothingJudged,
            Self::Unread => Exit::SuiteFailed,
        }
    }
}

/// Where it is written what the base is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// In the annotations `base.name` and `base.digest`.
    Annotations,
    /// In the lifecycle's label, because an annotation is missing.
    Label,
    /// Nowhere.
    Nowhere,
}

/// Whether a rebase is allowed without force, by the label `io.buildpacks.rebasable`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rebasable {
    /// `true`.
    Yes,
    /// `false`: by `-force` alone.
    No,
    /// There is no such label.
    NotSaid,
}

/// What an app image says of its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The base's name.
    pub name: Option<String>,
    /// The base's digest.
    pub digest: Option<Digest>,
    /// Where both, or what there is, were found.
    pub from: From,
    /// Whether it may be rebased.
    pub rebasable: Rebasable,
    /// The app image's diffIDs.
    pub diff_ids: Vec<String>,
}

/// A base, as far as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// It is there: under its name's digest, with its platform's, and with these layers.
    Here {
        /// The digest under the name, and that of the platform's manifest, which may be the same.
        digests: Vec<Digest>,
        /// Its diffIDs.
        diff_ids: Vec<String>,
    },
    /// Nothing is there.
    Gone,
    /// It was not asked for.
    NotAsked,
}

/// One line: an image and its base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The image, as it was named.
    pub image: String,
    /// What is to be done.
    pub state: State,
    /// One sentence on it.
    pub note: String,
    /// The name of the base; none where the image has none.
    pub base_name: Option<String>,
    /// The digest of the base; none where the image has none.
    pub base_digest: Option<String>,
    /// The digest of what the name names now; none where that was not asked or is not known.
    pub current_digest: Option<String>,
    /// Where name and digest were found.
    pub from: From,
    /// Whether it may be rebased.
    pub rebasable: Rebasable,
}

/// Reads what an app image says of its base. The label counts where an annotation is missing.
#[must_use]
pub fn said(manifest: Option<&judge::evidence::Document>, config: &judge::evidence::Document) -> Said {
    let image =
        judge::evidence::Image { manifest: manifest.cloned(), config: Some(config.clone()), layers: Vec::new() };
    let annotation =
        |key: &str| view::annotation(&image, &format!("{}{key}", view::PREFIX)).filter(|text| !text.is_empty());
    let label = view::lifecycle_label(&image);
    let in_label = |key: &str| {
        let label = label.as_ref()?;
        let of = |path: [&str; 2]| label.at(&path)?.as_str().map(str::to_owned);
        let old = label.at(&["stack", "runImage", key]).and_then(|value| value.as_str()).map(str::to_owned);
        of(["runImage", key]).or(old).filter(|text| !text.is_empty())
    };
    let digest = |text: String| Digest::parse(text.rsplit_once('@').map_or(text.as_str(), |(_, digest)| digest)).ok();
    let (name, by_annotation) = (annotation("base.name"), annotation("base.digest").and_then(digest));
    let from = match (&name, &by_annotation) {
        (Some(_), Some(_)) => From::Annotations,
        _ if in_label("image").is_some() || in_label("reference").is_some() => From::Label,
        (None, None) => From::Nowhere,
        _ => From::Annotations,
    };
    let rebasable = match view::labels(&image).get("io.buildpacks.rebasable").map(String::as_str) {
        Some("true") => Rebasable::Yes,
        Some("false") => Rebasable::No,
        _ => Rebasable::NotSaid,
    };
    Said {
        name: name.or_else(|| in_label("image")),
        digest: by_annotation.or_else(|| in_label("reference").filter(|text| text.contains('@')).and_then(digest)),
        from,
        rebasable,
        diff_ids: view::diff_ids(Some(config)),
    }
}

impl Base {
    /// The base of what was found.
    #[must_use]
    pub fn of(found: &Standing) -> Self {
        let digests = [&found.named.digest, &found.manifest.digest].map(Clone::clone).to_vec();
        Self::Here { digests, diff_ids: view::diff_ids(Some(&found.config)) }
    }

    fn is_under(&self, said: &Said) -> Option<bool> {
        match self {
            Self::Here { diff_ids, .. } => Some(!diff_ids.is_empty() && said.diff_ids.starts_with(diff_ids)),
            Self::Gone | Self::NotAsked => None,
        }
    }
}

/// What it comes to: `current` is what the name names, `old` what the digest names.
#[must_use]
pub fn row(image: &str, said: &Said, current: &Base, old: &Base) -> Row {
    let (state, note) = state(said, current, old);
    let current_digest = match current {
        Base::Here { digests, .. } => digests.first().map(ToString::to_string),
        Base::Gone | Base::NotAsked => None,
    };
    Row {
        image: image.to_owned(),
        state,
        note,
        base_name: said.name.clone(),
        base_digest: said.digest.as_ref().map(ToString::to_string),
        current_digest,
        from: said.from,
        rebasable: said.rebasable,
    }
}

fn state(said: &Said, current: &Base, old: &Base) -> (State, String) {
    let Some(name) = &said.name else {
        return (State::NotSaid, "neither base.name nor the label of the lifecycle names a run image".to_owned());
    };
    let differ = |what: &str| (State::LayersDiffer, format!("the image is not based on the layers of {what}"));
    let Base::Here { digests, .. } = current else {
        let kept = match old {
            Base::Here { .. } => "; the base itself is still there by its digest",
            Base::Gone => ", nor the base by its digest",
            Base::NotAsked => "",
        };
        return (State::BaseGone, format!("nothing has the name {name} any more{kept}"));
    };
    let Some(digest) = &said.digest else {
        // Without a digest the layers tell.
        return match current.is_under(said) {
            Some(true) => {
                (State::UpToDate, format!("no digest of the base is known; the image is based on the layers of {name}"))
            }
            _ => (
                State::Newer,
                format!("no digest of the base is known; the image is not based on the layers of {name}"),
            ),
        };
    };
    if digests.contains(digest) {
        return match current.is_under(said) {
            Some(true) => (State::UpToDate, format!("{name} is still the base")),
            _ => differ(&format!("{name}, which it says is its base")),
        };
    }
    if current.is_under(said) == Some(true) && old.is_under(said) != Some(true) {
        return differ(&format!("{digest}, but on those of {name} now: the digest is of before"));
    }
    match old {
        Base::Here { .. } if old.is_under(said) == Some(false) => {
            differ(&format!("{digest}, which it says is its base"))
        }
        Base::Gone => (State::Newer, format!("{name} has moved on; the base itself is gone")),
        _ => (State::Newer, format!("{name} has moved on")),
    }
}

/// An image, or its base, that could not be read.
#[must_use]
pub fn unread(image: &str, said: Option<&Said>, reason: String) -> Row {
    Row {
        image: image.to_owned(),
        state: State::Unread,
        note: reason,
        base_name: said.and_then(|said| said.name.clone()),
        base_digest: said.and_then(|said| said.digest.as_ref()).map(ToString::to_string),
        current_digest: None,
        from: said.map_or(From::Nowhere, |said| said.from),
        rebasable: said.map_or(Rebasable::NotSaid, |said| said.rebasable),
    }
}

/// The exit code that rows come to: 3, then 1, then 4, then 0.
#[must_use]
pub fn exit(rows: &[Row]) -> Exit {
    rows.iter().fold(Exit::Conformant, |exit, row| exit.or(row.state.exit()))
}

/// The rows as JSON.
#[must_use]
pub fn json(rows: &[Row]) -> String {
    format!("{:#}\n", serde_json::json!({ "version": VERSION, "images": rows }))
}

#[cfg(test)]
mod tests;
