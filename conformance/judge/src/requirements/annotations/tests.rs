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

#[test]
fn a_time_has_date_time_and_offset() {
    for (text, is_it) in [
        ("1985-04-12T23:20:50.52Z", true),
        ("1985-04-12t23:20:50z", true),
        ("1996-12-19 16:39:57-08:00", true),
        ("1996-12-19T16:39:57+08:00", true),
        ("1996-12-19T16:39:57+0800", false),
        ("1996-12-19T16:39:57", false),
        ("1996-12-19T16:39Z", false),
        ("1996-12-19", false),
        ("1996-13-19T16:39:57Z", false),
        ("1996-12-19T16:39:57-08:00[America/Tijuana]", false),
        ("", false),
    ] {
        assert_eq!(super::is_rfc_3339(text), is_it, "{text}");
    }
}

#[test]
fn a_url_has_a_scheme_and_a_host() {
    for (text, is_it) in [
        ("https://host.example/x", true),
        ("git+ssh://host.example", true),
        ("1ttp://host.example", false),
        ("ht_tp://host.example", false),
        ("://host.example", false),
        ("https:///x", false),
        ("https://host.example/a b", false),
        ("host.example/x", false),
    ] {
        assert_eq!(super::values::is_absolute_url(text), is_it, "{text}");
    }
}
