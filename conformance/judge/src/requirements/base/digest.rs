//! The digest: whether it is the run image's, and whether it leads to it.

use super::at;
use crate::digest::Digest;
use crate::evidence::{Export, Image, RunImageInDaemon, Target};
use crate::requirement::{holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// Digests by which the analysed run image can rightly be called: that of the reference, and behind an index also that
/// of the chosen platform's manifest.
pub(super) fn right_digests(export: &Export) -> Vec<Digest> {
    let pinned = view::pinned(export).unwrap_or_else(|| export.run_image.digest.clone());
    let mut right = vec![pinned];
    if export.run_image.index.is_some() {
        right.extend([export.run_image.digest.clone(), export.run_image.manifest.digest.clone()]);
    }
    right
}

pub(super) fn base_digest_is_the_analysed_run_image(export: &Export, found: &str) -> Finding {
    let right = right_digests(export);
    holds_when(right.iter().any(|digest| digest.as_str() == found), || {
        violated("base.digest is not the analysed run image", &right[0], view::cut(found), at(export, "base.digest"))
    })
}

pub(super) fn the_digest_resolves(export: &Export, found: &str) -> Finding {
    let Ok(digest) = Digest::parse(found) else {
        return violated(
            "base.digest is not a valid digest",
            "sha256:<64 digits>",
            view::cut(found),
            at(export, "base.digest"),
        );
    };
    let served = export.base.as_ref().map(|base| &base.fetched);
    let document = served.and_then(|served| served.document.as_ref());
    match (document, served) {
        (Some(document), _) if document.digest == digest => Finding::Holds,
        (Some(document), _) => {
            let found = format!("bytes of {}", document.digest);
            violated(
                "the run image's repository serves other bytes under base.digest",
                digest,
                found,
                at(export, "base.digest"),
            )
        }
        (None, Some(served)) => {
            let found = format!("status {}", served.status);
            violated(
                "the run image's repository has nothing under base.digest",
                digest,
                found,
                at(export, "base.digest"),
            )
        }
        (None, None) => Finding::Skipped("what lies under base.digest was not fetched".to_owned()),
    }
}

pub(super) fn the_digest_is_no_image_id(export: &Export, found: &str) -> Finding {
    let own = export.image.as_ref().and_then(|image| image.config.as_ref()).map(|config| &config.digest);
    let ids = [Some(&export.run_image.config.digest), own].into_iter().flatten().map(Digest::as_str);
    let of_the_daemon = export.run_image.in_daemon.as_ref().filter(|run| !is_in_a_repository(run, found));
    let is_one = ids.chain(of_the_daemon.map(|run| run.id.as_str())).any(|id| id == found);
    holds_when(!is_one, || {
        violated("base.digest is an imageID", &right_digests(export)[0], found, at(export, "base.digest"))
    })
}

/// Whether the daemon has the digest of some repository: a containerd store's ID can be both.
fn is_in_a_repository(run_image: &RunImageInDaemon, digest: &str) -> bool {
    run_image.digests().any(|known| known == digest)
}

pub(super) fn the_digest_stays_after_the_tag_moved(export: &Export, found: &str) -> Finding {
    let Some(moved) = export.run_image.tag_moved_to.as_ref().filter(|_| export.target == Target::Registry) else {
        return not_applicable("the run image's tag did not move between analysis and export");
    };
    let right = right_digests(export);
    holds_when(right.iter().any(|digest| digest.as_str() == found), || {
        let message = if found == moved.as_str() {
            "base.digest is what the run image's tag names now"
        } else {
            "base.digest is not the analysed digest"
        };
        violated(message, &right[0], view::cut(found), at(export, "base.digest"))
    })
}

pub(super) fn the_base_s_layers_come_first(export: &Export, _: &str) -> Finding {
    let Some(base) = export.base.as_ref() else {
        return Finding::Skipped("what lies under base.digest was not fetched".to_owned());
    };
    if base.fetched.document.is_none() {
        return not_applicable("nothing lies under base.digest, which base.digest-resolves judges");
    }
    let expected = view::diff_ids(base.config.as_ref());
    let found = export.image.as_ref().map(|image: &Image| view::diff_ids(image.config.as_ref())).unwrap_or_default();
    let place = export.at("config.json#/rootfs/diff_ids");
    if expected.is_empty() {
        return violated(
            "what lies under base.digest is not an image with layers",
            "an image",
            "no diff_ids",
            at(export, "base.digest"),
        );
    }
    holds_when(found.starts_with(&expected), || {
        let found = found.iter().take(expected.len()).cloned().collect::<Vec<_>>().join(", ");
        violated("the first layers are not those of the image under base.digest", expected.join(", "), found, place)
    })
}
