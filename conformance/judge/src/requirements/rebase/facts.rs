//! A rebase in hand: the app image as it was, the one that is there now, and what of the old run image is in the first.

use crate::evidence::{Export, Image, Rebase};
use crate::json::Json;
use crate::requirement::Case;
use crate::verdict::Finding;
use crate::view;

/// A rebase that had to succeed and did.
pub(super) struct Rebased<'a> {
    pub(super) export: &'a Export,
    pub(super) given: &'a Rebase,
    pub(super) before: &'a Image,
    pub(super) after: &'a Image,
}

/// Asks `judge` of every such rebase.
pub(super) fn each<'a>(case: &Case<'a>, judge: impl Fn(&Rebased<'a>) -> Finding) -> Finding {
    case.each_image(|export, after| {
        let given = export.rebase.as_ref();
        match given.and_then(|given| Some((given, given.app.as_ref()?))) {
            Some((given, before)) => judge(&Rebased { export, given, before, after }),
            None => Finding::NotApplicable("there was no app image to be rebased".to_owned()),
        }
    })
}

/// As [`each`], where both images have a manifest.
pub(super) fn each_manifest<'a>(case: &Case<'a>, judge: impl Fn(&Rebased<'a>, &Json, &Json) -> Finding) -> Finding {
    each(case, |rebased| {
        match (view::json(rebased.before.manifest.as_ref()), view::json(rebased.after.manifest.as_ref())) {
            (Some(before), Some(after)) => judge(rebased, &before, &after),
            (None, _) => Finding::NotApplicable("the store keeps no manifests".to_owned()),
            (_, None) => Finding::Skipped("the rebased image has no manifest that is JSON".to_owned()),
        }
    })
}

impl Rebased<'_> {
    /// The diffIDs of the app image's own layers: those above the layer that its label calls the run image's last. Two
    /// answers or more where several layers have that diffID; none where none has it.
    pub(super) fn app_layers(&self) -> Vec<Vec<String>> {
        let ids = view::diff_ids(self.before.config.as_ref());
        let label = view::lifecycle_label(self.before);
        let run_image = label.as_deref().and_then(run_image_of);
        let top = run_image.and_then(|run| run.get("topLayer")?.as_str()).unwrap_or_default();
        let ends = ids.iter().enumerate().filter(|(_, id)| *id == top).map(|(index, _)| index + 1);
        ends.map(|end| ids[end..].to_vec()).collect()
    }

    /// The name under which the new run image was asked for: that of the command line, else that of the label.
    pub(super) fn run_image_name(&self) -> String {
        self.given.run_image.clone().or_else(|| label_text(self.before, "image")).unwrap_or_default()
    }

    /// Whether the label lists the name under which the new run image was asked for.
    pub(super) fn is_listed(&self) -> bool {
        let name = self.run_image_name();
        let label = view::lifecycle_label(self.before);
        let run_image = label.as_deref().and_then(run_image_of);
        let mirrors = run_image.and_then(|run| run.get("mirrors")?.items()).unwrap_or_default();
        let image = run_image.and_then(|run| run.get("image"));
        image.into_iter().chain(mirrors).filter_map(Json::as_str).any(|one| crate::reference::is_same_image(one, &name))
    }
}

/// The run image in the lifecycle's label.
pub(super) fn run_image_of(label: &Json) -> Option<&Json> {
    label.get("runImage")
}

/// A text of the run image in the label.
pub(super) fn label_text(image: &Image, key: &str) -> Option<String> {
    let label = view::lifecycle_label(image)?;
    Some(run_image_of(&label)?.get(key)?.as_str()?.to_owned())
}
