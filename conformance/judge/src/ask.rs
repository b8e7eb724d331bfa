//! A requirement asked about a case: its judge, where what it needs is there.

use crate::evidence::{Export, Phase, watched};
use crate::requirement::{Case, EXIT_ZERO, Needs, REBASE_EXIT_ZERO, Requirement};
use crate::verdict::Finding;
use crate::view;

/// Asks the judge where what it needs is there; says why not where it is not.
pub(crate) fn ask(case: &Case<'_>, requirement: &Requirement) -> Finding {
    let good = || case.exports.iter().filter(|export| export.is_good_build());
    if let Some(reason) = too_early(case, requirement) {
        return reason;
    }
    if requirement.needs != Needs::Process {
        if good().next().is_none() {
            return Finding::NotApplicable("no export of this scenario is meant to succeed".to_owned());
        }
        if good().any(|export| !export.outcome.succeeded()) {
            return match requirement.phase {
                Phase::Exporter => Finding::skipped_after("the export failed", EXIT_ZERO),
                Phase::Rebaser => Finding::skipped_after("the rebase failed", REBASE_EXIT_ZERO),
            };
        }
        if let Some(trouble) = good().find_map(|export| export.troubles.first()) {
            return Finding::Error(trouble.clone());
        }
    }
    if requirement.needs == Needs::Image && good().any(|export| export.image.is_none()) {
        let without = || good().filter(|export| export.image.is_none());
        let what = if without().any(|export| has_an_index_beyond_limits(export)) {
            "the index.json of its layout is too large to be read (16 MiB)"
        } else if without().any(|export| has_a_manifest_beyond_limits(export)) {
            "its manifest is too large to be read (16 MiB)"
        } else {
            "no image is there"
        };
        return Finding::Skipped(format!("the exporter exited 0, yet {what}"));
    }
    // An index has neither config nor layers, and nothing else can be said of it.
    let is_index = |export: &Export| export.image.as_ref().is_some_and(view::is_index);
    if requirement.needs == Needs::Image && requirement.id != NO_INDEX[0] && good().any(|export| is_index(export)) {
        return Finding::skipped_after("an index is there in place of an image", NO_INDEX);
    }
    let (found, has_read_entries) = watched(|| (requirement.judge)(case));
    if has_read_entries && requirement.id != WHOLE_TAR[0] && good().any(|export| has_a_layer_cut_short(export)) {
        return of_a_part(found);
    }
    // What is not seen to be wrong of a manifest that no one can read is not right for that.
    let unreadable = |export: &Export| export.image.as_ref().is_some_and(view::has_no_readable_manifest);
    if found == Finding::Holds && requirement.needs == Needs::Image && good().any(|export| unreadable(export)) {
        return Finding::skipped_after("the manifest is not a JSON object", MANIFEST);
    }
    found
}

/// A finding that rests on the entries of a layer of which not all could be read: what holds of those is not known to
/// hold of the layer, and what is missing among them need not be missing there.
fn of_a_part(found: Finding) -> Finding {
    match found {
        Finding::Holds => Finding::skipped_after("not all entries of a layer could be read", WHOLE_TAR),
        other => other.following(WHOLE_TAR),
    }
}

fn has_a_layer_cut_short(export: &Export) -> bool {
    export.image.as_ref().is_some_and(|image| {
        view::new_layers(export, image).iter().any(|(_, layer)| layer.blob.is_some() && layer.problem.is_some())
    })
}

/// The requirement that tells of a layer whose entries cannot all be read.
const WHOLE_TAR: &[&str] = &["layer.tar-whole"];

/// The requirement that tells of a manifest which is none.
const MANIFEST: &[&str] = &["manifest.schema"];

/// The requirement that tells of an index in place of an image.
const NO_INDEX: &[&str] = &["manifest.image-under-tag"];

fn too_early(case: &Case<'_>, requirement: &Requirement) -> Option<Finding> {
    let number = |version: &str| -> Option<(u32, u32)> {
        let (major, minor) = version.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let api = &case.exports.first()?.platform_api;
    (number(api)? < number(requirement.since)?).then(|| {
        Finding::NotApplicable(format!("it holds from Platform API {}, and {api} was used", requirement.since))
    })
}

/// Most bytes of a manifest that is read.
const MOST_OF_MANIFEST: u64 = 16 << 20;

fn has_an_index_beyond_limits(export: &Export) -> bool {
    let first = export.layout.as_ref().and_then(|layout| layout.roots.first());
    first.is_some_and(|root| root.unread_size("index.json").is_some())
}

/// Whether a manifest is there that has more bytes than are read of one: a registry answers for it and it has no
/// digest, or a layout has its blob.
fn has_a_manifest_beyond_limits(export: &Export) -> bool {
    let blobs = || export.layout.iter().flat_map(|layout| &layout.roots).flat_map(|root| &root.blobs);
    let is_large_blob = |digest: &str| {
        let path = format!("blobs/{}", digest.replacen(':', "/", 1));
        blobs().any(|blob| blob.path == path && blob.size > MOST_OF_MANIFEST)
    };
    export.tags.iter().any(|tag| match &tag.digest {
        None => tag.status == 200,
        Some(digest) => is_large_blob(digest),
    })
}
