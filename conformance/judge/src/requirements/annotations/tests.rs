//! Each rule seen to hold and to fail.

use super::*;
use crate::evidence::{Document, Target};
use crate::sample::{self, find, on};

#[test]
fn hostile_documents_are_judged_without_a_panic() {
    for bytes in [
        &b"\xff\xfe"[..],
        b"[]",
        b"{\"annotations\":[1]}",
        b"null",
        b"",
        b"{\"layers\":{},\"config\":7,\"manifests\":[[]]}",
    ] {
        let mut evidence = sample::repeated();
        for target in Target::ALL {
            let export = on(&mut evidence, target);
            export.image.as_mut().unwrap().manifest = Some(Document::new(bytes.to_vec(), None));
            set_config_raw(export, bytes);
            export.report = Some(Document::new(bytes.to_vec(), None));
        }
        for row in crate::requirements::all() {
            for target in row.targets {
                let _ = find(&evidence, row.id, *target);
            }
        }
    }
}

fn set_config_raw(export: &mut Export, bytes: &[u8]) {
    export.image.as_mut().unwrap().config = Some(Document::new(bytes.to_vec(), None));
    export.run_image.config = Document::new(bytes.to_vec(), None);
}
