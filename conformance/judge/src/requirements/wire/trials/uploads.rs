//! What is rejected of uploads that could have been left out, and what must not be.

use super::{ASKED, MOUNTED, UPLOADED, again, at, fault, layers, own, pushed, with};
use crate::digest::Digest;
use crate::evidence::{Export, FaultKind};
use crate::sample;
use crate::trial::{Trials, Wanted};

/// One more upload of the layer: a session that begins, and its end.
fn more(begins: u64, ends: u64) -> impl Fn(&mut Export) + Copy + 'static {
    move |export| {
        again(UPLOADED - 1, at(begins, begins + 1))(export);
        again(UPLOADED, move |record| {
            at(ends, ends + 1)(record);
            record.target = record.target.replace("/u1", "/u2");
        })(export);
    }
}

pub(super) fn no_reupload() -> Trials {
    let twice = more(55, 60);
    let at_once = more(31, 42);
    let third = more(55, 60);
    Trials::of("wire.no-reupload")
        .from(pushed)
        .rejects("a blob that was found", with(ASKED, |record| record.status = 200))
        .rejects("a blob twice", twice)
        .rejects("a blob that was found, sent in one request", |e| {
            with(ASKED, |record| record.status = 200)(e);
            let digest = own(e);
            with(UPLOADED, move |record| {
                record.method = "POST".to_owned();
                record.target = format!("/v2/app/blobs/uploads/?digest={digest}");
            })(e);
        })
        .whole("a blob of the build before", Wanted::Rejected, |evidence, target| {
            let mut second = sample::on(evidence, target).clone();
            (second.step, second.id) = (2, format!("{}/2", second.id.trim_end_matches("/1")));
            evidence.exports.push(second);
        })
        .whole("a rebuild that sends nothing", Wanted::Held, |evidence, target| {
            let mut second = sample::on(evidence, target).clone();
            second.step = 2;
            second.wire.as_mut().unwrap().truncate(1);
            evidence.exports.push(second);
        })
        .rejects("a blob twice, begun again as the first is known to be there", move |e| {
            twice(e);
            e.wire.as_mut().unwrap().iter_mut().filter(|one| one.sequence == 55).for_each(at(41, 42));
        })
        .rejects("a third after two at the same time", move |e| {
            at_once(e);
            third(e);
        })
        .accepts("two at the same time", at_once)
        .accepts("two at the same time, and one that ends in another repository", move |e| {
            at_once(e);
            again(UPLOADED, |record| {
                at(41, 44)(record);
                record.target = record.target.replace("/v2/app/", "/v2/other/");
            })(e);
        })
        .accepts("two in one request each, one as the other ends", |e| {
            let digest = own(e);
            with(UPLOADED, move |record| {
                record.method = "POST".to_owned();
                record.target = format!("/v2/app/blobs/uploads/?digest={digest}");
            })(e);
            again(UPLOADED, at(41, 42))(e);
        })
        .accepts(
            "to another repository",
            again(UPLOADED, |record| {
                record.target = record.target.replace("/v2/app/", "/v2/other/");
            }),
        )
        .accepts("a mount of what is there", again(MOUNTED, at(60, 61)))
        .accepts("a blob that is sent without asking", |e| drop(e.wire.as_mut().unwrap().remove(ASKED)))
        .ignores("a registry that failed on purpose", move |e| {
            twice(e);
            e.inputs.faults = vec![fault(FaultKind::Status)];
        })
        .ignores("nothing was sent", |e| e.wire.as_mut().unwrap().truncate(1))
        .ignores("no recorder", |e| e.wire = None)
}

pub(super) fn mount() -> Trials {
    let sent = |e: &mut Export| {
        let base = layers(&e.run_image.manifest)[0].clone();
        again(UPLOADED, move |record| record.target = format!("/v2/app/blobs/uploads/u2?digest={base}"))(e);
    };
    let alone = move |e: &mut Export| {
        sent(e);
        e.wire.as_mut().unwrap().remove(MOUNTED);
    };
    Trials::of("wire.mount")
        .from(pushed)
        .rejects("a layer that is sent", alone)
        .rejects("a mount of another layer", move |e| {
            sent(e);
            with(MOUNTED, |record| {
                record.target = format!("/v2/app/blobs/uploads/?mount={}&from=run", Digest::of(b"x"));
            })(e);
        })
        .rejects("a mount that is asked for with the upload", move |e| {
            sent(e);
            with(MOUNTED, |record| record.sequence = 40)(e);
        })
        .rejects("a mount in another repository", move |e| {
            sent(e);
            with(MOUNTED, |record| record.target = record.target.replace("/v2/app/", "/v2/other/"))(e);
        })
        .accepts("a mount that is declined", move |e| {
            with(MOUNTED, |record| record.status = 202)(e);
            sent(e);
        })
        .accepts("a mount that is refused", move |e| {
            with(MOUNTED, |record| record.status = 405)(e);
            sent(e);
        })
        .ignores("a run image in another registry", move |e| {
            alone(e);
            e.run_image.reference = e.run_image.reference.replace("host.example", "other.example");
        })
        .ignores("a run image in the same repository", move |e| {
            alone(e);
            e.run_image.reference = e.run_image.reference.replace("/run@", "/app@");
        })
        .ignores("it was there", |e| drop(e.wire.as_mut().unwrap().remove(MOUNTED)))
        .ignores("no recorder", |e| e.wire = None)
}
