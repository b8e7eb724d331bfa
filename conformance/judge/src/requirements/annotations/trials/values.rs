//! What is rejected of values and of where they are from, and what is not.

use super::*;

pub(super) fn values() -> Vec<Trials> {
    let mut created = Trials::of("annotations.created-rfc3339").from(dated);
    for bad in [
        "1985-04-12",
        "yesterday",
        "1985-04-12T23:20:50",
        "",
        "1985-13-12T23:20:50Z",
        "1985-04-12T23:20:50Z[UTC]",
        "1767225600",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T00:00Z",
        "Thu, 01 Jan 2026 00:00:00 GMT",
        "2026-02-30T00:00:00Z",
        "1996-12-19T16:39:57-08:00:30",
    ] {
        created = created.rejects(format!("'{bad}'"), set("created", bad));
    }
    for good in ["1985-04-12T23:20:50.52Z", "1996-12-19T16:39:57-08:00", "2026-01-01t00:00:00z", "2026-01-01 00:00:00Z"]
    {
        created = created.accepts(format!("'{good}'"), set("created", good));
    }
    created = created.rejects("not the date that a buildpack contributes", |e| {
        sample::contribute(e, &[("org.opencontainers.image.created", "2026-01-01T00:00:00Z")]);
        annotate(e, "org.opencontainers.image.created", Some("yesterday"));
    });
    created = created.ignores("none", |e| annotate(e, "org.opencontainers.image.created", None));
    created = created.from(sample::scenario).ignores("a buildpack's", contributes("created", "yesterday"));
    let mut licenses = Trials::of("annotations.licenses-spdx");
    for bad in ["the usual", "Apache 2.0", "apache-2.0", "Apache-2.0, MIT", "", "Apache-2.0 OR", "Apache-2.0 / MIT"] {
        licenses = licenses.rejects(format!("'{bad}'"), set("licenses", bad));
    }
    for good in ["MIT OR Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", "LicenseRef-mine", "GPL-2.0"] {
        licenses = licenses.accepts(format!("'{good}'"), set("licenses", good));
    }
    licenses = licenses
        .follows("the run image's own", LEAK, |e| leaks("licenses", "the usual")(e))
        .ignores(
            "an input that is not an expression",
            given("[source.metadata]\nlicenses='the usual'\n", "licenses", "the usual"),
        )
        .ignores("a buildpack's", contributes("licenses", "the usual"));
    let other = "[source.metadata]\nrepository='git@git.example:app'\n";
    vec![
        created,
        licenses,
        Trials::of("annotations.url-values")
            .rejects("source without scheme", set("source", "git.example/app"))
            .rejects("source without host", set("source", "https:///app"))
            .rejects("documentation cut to its scheme", set("documentation", "https://"))
            .rejects("white space in documentation", set("documentation", "https://docs.example/a b"))
            .rejects("an empty source", set("source", ""))
            .follows("the run image's own source", LEAK, leaks("source", "git.example/app"))
            .rejects("the run image's own source next to a documentation that is not a URL", |e| {
                leaks("source", "git.example/app")(e);
                set("documentation", "https://")(e);
            })
            .accepts("another absolute URL", set("source", "ssh://git@git.example/app"))
            .accepts("a URL that is not ASCII", set("documentation", "https://docs.example/ä?q=世界#x"))
            .accepts("source alone", |e| annotate(e, "org.opencontainers.image.documentation", None))
            .ignores("an input that is not a URL", move |e| {
                annotate(e, "org.opencontainers.image.documentation", None);
                given(other, "source", "git@git.example:app")(e);
            })
            .ignores("a buildpack's", |e| {
                annotate(e, "org.opencontainers.image.documentation", None);
                contributes("source", "git.example/app")(e);
            }),
    ]
}

pub(super) fn origin() -> Vec<Trials> {
    let mut inherited = Trials::of("annotations.not-inherited");
    for name in RFC_KEYS {
        inherited =
            inherited.rejects(format!("the run image's value as {name}"), set(name, "sentinel-annotation-title"));
    }
    inherited = inherited
        .rejects("the value of one of its labels", set("version", "sentinel-label-version"))
        .rejects("another key's value", set("title", "sentinel-annotation"))
        .rejects("all that the run image has", |e| {
            leaks("title", "theirs")(e);
            leaks("base.name", "below.example/base:1")(e);
        })
        .accepts("a key of its own kept", key("x.y", "sentinel-annotation"))
        .accepts("a value that holds one", set("title", "sentinel-annotation-title of mine"))
        .ignores("a run image without annotations and labels", |e| e.run_image.sentinels.clear());
    let moved = |manifest: &mut Value| {
        let map = manifest["annotations"].as_object_mut().unwrap();
        let first = map.shift_remove("org.opencontainers.image.base.name").unwrap();
        map.insert("org.opencontainers.image.base.name".to_owned(), first);
    };
    vec![
        inherited,
        Trials::of("annotations.stable-order")
            .from(sample::repeated)
            .rejects("the first key last", manifest(moved))
            .rejects("two neighbours swapped", |e| {
                raw_manifest(
                    e,
                    "image.authors\":\"Ada\",\"org.opencontainers.image.version\":\"1.2\"",
                    "image.version\":\"1.2\",\"org.opencontainers.image.authors\":\"Ada\"",
                );
            })
            .accepts("another value", set("title", "x"))
            .accepts("a key more", key("x.y", "x"))
            .whole("the same order, any, both times", Wanted::Held, |evidence, target| {
                for step in [1, 2] {
                    edit_manifest(sample::step(evidence, target, step), |manifest| {
                        let map = manifest["annotations"].as_object_mut().unwrap();
                        let first = map.shift_remove("org.opencontainers.image.base.name").unwrap();
                        map.insert("org.opencontainers.image.base.name".to_owned(), first);
                    });
                }
            })
            .ignores("other inputs", |e| drop(e.inputs.environment.insert("X".to_owned(), "1".to_owned()))),
        Trials::of("annotations.no-label-substitute")
            .rejects("another source as label", label("source", "elsewhere"))
            .rejects("the run image's digest in capitals as label", label("base.digest", "sha256:ABC"))
            .rejects("another name than the run image's label", label("version", "1.3"))
            .rejects("another value than a buildpack gave", |e| {
                let given = "[[labels]]\nkey='org.opencontainers.image.source'\nvalue='theirs'\n";
                edit_input(e, "/layers/config/metadata.toml", given);
                label("source", "elsewhere")(e);
            })
            .rejects("a value that a buildpack gave another label", |e| {
                let given = "[[labels]]\nkey='com.example.source'\nvalue='theirs'\n";
                edit_input(e, "/layers/config/metadata.toml", given);
                label("source", "theirs")(e);
            })
            .on(&[crate::evidence::Target::Daemon])
            .rejects("the annotation as label of a daemon", label("source", "https://git.example/app"))
            .on(WITH_MANIFEST)
            .accepts("the label says what the annotation does", label("source", "https://git.example/app"))
            .on(crate::requirement::EVERYWHERE)
            .accepts("a label of another key", label("url", "x"))
            .accepts("what a buildpack gave", |e| {
                edit_input(
                    e,
                    "/layers/config/metadata.toml",
                    "[[labels]]\nkey='org.opencontainers.image.source'\nvalue='theirs'\n",
                );
                label("source", "theirs")(e);
            }),
    ]
}
