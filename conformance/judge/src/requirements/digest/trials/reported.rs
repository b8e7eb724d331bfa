//! Trials of what the report says.

use super::*;

/// The report's digest, changed.
fn digest(change: fn(&str) -> String) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let real = export.manifest_digest().unwrap().to_string();
        edit_report(export, &real, &change(&real));
    }
}

/// The report's size, written in another way.
fn size(change: fn(usize) -> String) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let real = export.image.as_ref().unwrap().manifest.as_ref().unwrap().bytes.len();
        edit_report(export, &format!("manifest-size={real}"), &format!("manifest-size={}", change(real)));
    }
}

/// The report of the run before: of an image without the title.
fn earlier(export: &mut Export) {
    let mut before = export.clone();
    annotate(&mut before, "org.opencontainers.image.title", None);
    export.report = before.report;
}

pub(super) fn reported() -> Vec<Trials> {
    let tags = || Trials::of("digest.report-tags");
    vec![
        Trials::of("digest.report-agrees")
            .rejects("another digest", digest(|_| other()))
            .rejects("capitals", digest(str::to_uppercase))
            .rejects("capital digits", digest(|real| real.to_uppercase().replace("SHA", "sha")))
            .rejects("without algorithm", digest(|real| real.replace("sha256:", "")))
            .rejects("a space after it", digest(|real| format!("{real} ")))
            .rejects("one digit lost", digest(|real| real[..70].to_owned()))
            .rejects("with its repository", digest(|real| format!("host.example/app@{real}")))
            .rejects("empty", digest(|_| String::new()))
            .rejects("the imageID", |e| {
                let id = e.image_id().unwrap().to_string();
                let real = e.manifest_digest().unwrap().to_string();
                edit_report(e, &real, &id);
            })
            .rejects("none", report("\ndigest=", "\ndigests="))
            .follows("no report", "platform.report-written", |e| e.report = None)
            .rejects("the report of the run before", earlier)
            .rejects("the registry serves other bytes", |e| {
                let manifest = e.image.as_mut().unwrap().manifest.as_mut().unwrap();
                *manifest = crate::evidence::Document::new(b"{}".to_vec(), None);
            })
            .accepts("keys in other order", |e| {
                let real = e.manifest_digest().unwrap().to_string();
                edit_report(e, &format!("digest='{real}'\n"), "");
                edit_report(e, "[image]\n", &format!("[image]\ndigest = \"{real}\"\n"));
            })
            .accepts("fields and tables more", report("[image]\n", "[build]\nbom=[]\n[image]\nmore=1\n")),
        Trials::of("digest.report-manifest-size")
            .rejects("one more", size(|real| (real + 1).to_string()))
            .rejects("one less", size(|real| (real - 1).to_string()))
            .rejects("a fraction", size(|real| format!("{real}.0")))
            .rejects("a string with a space", size(|real| format!("' {real}'")))
            .rejects("a string of another number", size(|real| format!("'{}'", real + 1)))
            .rejects("negative", size(|real| format!("-{real}")))
            .rejects("in a list", size(|real| format!("[{real}]")))
            .rejects("zero", size(|_| "0".to_owned()))
            .rejects("none", report("manifest-size", "size"))
            .rejects("the config's size", |e| {
                let config = e.image.as_ref().unwrap().config.as_ref().unwrap().bytes.len();
                let real = e.image.as_ref().unwrap().manifest.as_ref().unwrap().bytes.len();
                edit_report(e, &real.to_string(), &config.to_string());
            })
            .rejects("the report of the run before", earlier)
            .accepts("a string", size(|real| format!("'{real}'")))
            .accepts("in hexadecimal", size(|real| format!("{real:#x}"))),
        tags()
            .rejects("one more", report("app:latest'", "app:latest', 'host.example/x:1'"))
            .rejects("none listed", report("'host.example/app:latest'", ""))
            .rejects("not a list", report("tags=", "tag="))
            .rejects("another tag", report("app:latest'", "app:2'"))
            .rejects("another repository", report("example/app:", "example/App:"))
            .rejects("a digest reference", |e| {
                let real = e.manifest_digest().or(e.image_id()).unwrap().to_string();
                edit_report(e, "app:latest'", &format!("app@{real}'"));
            })
            .rejects(
                "something other than the strings",
                report("['host.example/app:latest']", "['host.example/app:latest', 1]"),
            )
            .rejects("a string instead of a list", report("['host.example/app:latest']", "'host.example/app:latest'"))
            .follows("no report", "platform.report-written", |e| e.report = None)
            .accepts("the default tag left out", report("app:latest'", "app'"))
            .accepts("one twice", report("app:latest'", "app:latest','host.example/app:latest'"))
            .from(sample::with_two_tags)
            .rejects("of two tags the second is missing", report(",'host.example/app:2'", ""))
            .rejects("of two tags the first is there twice", report("app:2'", "app:latest'"))
            .accepts("two tags in other order", |e| {
                edit_report(
                    e,
                    "'host.example/app:latest','host.example/app:2'",
                    "'host.example/app:2','host.example/app:latest'",
                );
            }),
    ]
}
