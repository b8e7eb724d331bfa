//! What the theme rejects, and what it must not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::evidence::{Document, End, ScenarioEvidence, Target};
use crate::sample::{self, annotate, edit_manifest, on};
use crate::trial::{self, Trial, Trials, Wanted};

const ON: Target = Target::Layout;

fn root(change: impl Fn(&mut LayoutRoot) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| change(&mut export.layout.as_mut().unwrap().roots[0])
}

fn second(change: impl Fn(&mut LayoutRoot) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| change(&mut export.layout.as_mut().unwrap().roots[1])
}

fn index(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    root(move |root| {
        let mut value: Value = serde_json::from_slice(&root.index.as_ref().unwrap().bytes).unwrap();
        change(&mut value);
        root.index = Some(Document::new(value.to_string().into_bytes(), None));
    })
}

fn version(text: &'static str) -> impl Fn(&mut Export) + 'static {
    root(move |root| root.oci_layout = Some(Document::new(text.as_bytes().to_vec(), None)))
}

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all([path(), valid(), first(), blobs(), tags(), report_tags(), annotations(), known(), experimental()])
}

fn path() -> Trials {
    Trials::of("layout.path")
        .rejects("nothing there", root(|root| root.present = false))
        .rejects("no index there", root(|root| root.index = None))
        .rejects(
            "an index that is too large to be read",
            root(|root| {
                root.index = None;
                root.unread = vec![("index.json".to_owned(), (16 << 20) + 1)];
            }),
        )
        .rejects("it is elsewhere", |e| {
            let layout = e.layout.as_mut().unwrap();
            layout.folders = vec!["app.example/app".to_owned()];
            layout.roots[0].present = false;
            layout.roots[0].index = None;
        })
        .accepts("another folder as well", |e| e.layout.as_mut().unwrap().folders.push("run.example/run".to_owned()))
        .rejects("a registry with a port elsewhere", |e| {
            let root = &mut e.layout.as_mut().unwrap().roots[0];
            "host.example:5000/app".clone_into(&mut root.reference);
            root.present = false;
        })
        .from(sample::with_two_tags)
        .rejects("of two the second is not there", second(|root| root.present = false))
        .rejects("of two the first is not there", root(|root| root.present = false))
}

fn first() -> Trials {
    let another = |i: &mut serde_json::Value, at: usize| {
        let mut one = i["manifests"][0].clone();
        one["digest"] = json!("sha256:0000000000000000000000000000000000000000000000000000000000000000");
        i["manifests"].as_array_mut().unwrap().insert(at, one);
    };
    Trials::of("layout.image-comes-first")
        .rejects("another image comes first", index(move |i| another(i, 0)))
        .accepts("another image comes second", index(move |i| another(i, 1)))
        .accepts(
            "an index comes first",
            index(move |i| {
                another(i, 0);
                i["manifests"][0]["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
            }),
        )
}

fn valid() -> Trials {
    Trials::of("layout.valid")
        .rejects("no oci-layout", root(|root| root.oci_layout = None))
        .rejects("another version", version(r#"{"imageLayoutVersion":"2"}"#))
        .rejects("a shorter version", version(r#"{"imageLayoutVersion":"1.0"}"#))
        .rejects("a version that is a number", version(r#"{"imageLayoutVersion":1}"#))
        .rejects("no version", version("{}"))
        .rejects("an empty oci-layout", version(""))
        .rejects("a blob of other bytes", root(|root| root.blobs[3].digest = Digest::of(b"other")))
        .rejects(
            "two blobs' bytes swapped",
            root(|root| {
                let digest = root.blobs[3].digest.clone();
                root.blobs[3].digest = root.blobs[4].digest.clone();
                root.blobs[4].digest = digest;
            }),
        )
        .rejects("the manifest's blob one byte longer", root(|root| root.blobs[0].size += 1))
        .rejects("the manifest's blob is not there", root(|root| drop(root.blobs.remove(0))))
        .rejects(
            "a size one off in the index",
            index(|i| i["manifests"][0]["size"] = json!(i["manifests"][0]["size"].as_u64().unwrap() - 1)),
        )
        .rejects("no size in the index", index(|i| drop(i["manifests"][0].as_object_mut().unwrap().remove("size"))))
        .rejects("the imageID in the index", |e| {
            let id = e.image_id().unwrap().to_string();
            index(move |i| i["manifests"][0]["digest"] = json!(id))(e);
        })
        .rejects(
            "a digest in capitals in the index",
            index(|i| {
                let old = i["manifests"][0]["digest"].as_str().unwrap().to_uppercase().replace("SHA", "sha");
                i["manifests"][0]["digest"] = json!(old);
            }),
        )
        .rejects(
            "no media type in the index",
            index(|i| drop(i["manifests"][0].as_object_mut().unwrap().remove("mediaType"))),
        )
        .rejects(
            "the manifest as an index",
            index(|i| i["manifests"][0]["mediaType"] = json!("application/vnd.oci.image.index.v1+json")),
        )
        .rejects("no digest in the index", index(|i| drop(i["manifests"][0].as_object_mut().unwrap().remove("digest"))))
        .rejects("an index without schemaVersion", index(|i| drop(i.as_object_mut().unwrap().remove("schemaVersion"))))
        .rejects("an index of schemaVersion 1", index(|i| i["schemaVersion"] = json!(1)))
        .rejects("an index without manifests", index(|i| drop(i.as_object_mut().unwrap().remove("manifests"))))
        .rejects("an index that is not JSON", root(|root| root.index = Some(Document::new(b"[".to_vec(), None))))
        .rejects("no index", root(|root| root.index = None))
        .follows("nothing at all", "layout.path", root(|root| root.present = false))
        .accepts(
            "fields and annotations in the index",
            index(|i| {
                i["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
                i["annotations"] = json!({ "com.example.x": "y" });
                i["manifests"][0]["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
            }),
        )
        .accepts("a field more in oci-layout", version("{ \"x\": 1,\n \"imageLayoutVersion\": \"1.0.0\" }\n"))
        .accepts(
            "a blob more",
            root(|root| {
                let mut more = root.blobs[0].clone();
                more.digest = Digest::of(b"more");
                more.path = format!("blobs/sha256/{}", more.digest.encoded());
                root.blobs.push(more);
            }),
        )
        .accepts(
            "a blob by another algorithm",
            root(|root| {
                let mut more = root.blobs[0].clone();
                more.path = format!("blobs/sha512/{}", "0".repeat(128));
                root.blobs.push(more);
            }),
        )
        .accepts("the run image's blobs left out", |e| {
            let base: Vec<String> = e.image.as_ref().unwrap().layers[..2]
                .iter()
                .map(|layer| layer.name.replacen("sha256:", "blobs/sha256/", 1))
                .collect();
            root(move |root| root.blobs.retain(|blob| !base.contains(&blob.path)))(e);
        })
        .from(sample::with_two_tags)
        .rejects("of two the second is not true", second(|root| root.blobs[0].size += 1))
}

fn leave_out(index: usize) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let layer = &mut export.image.as_mut().unwrap().layers[index];
        layer.blob = None;
        layer.left_out = true;
    }
}

fn blobs() -> Trials {
    Trials::of("layout.app-blobs-present")
        .rejects("the app's layer is left out", leave_out(5))
        .rejects("the first own layer is left out", leave_out(2))
        .rejects("the last layer is left out", leave_out(8))
        .rejects("a layer is missing", |e| e.image.as_mut().unwrap().layers[4].blob = None)
        .rejects("no config", |e| e.image.as_mut().unwrap().config = None)
        .accepts("a run image's layer is left out", leave_out(0))
        .accepts("all of the run image's layers are left out", |e| {
            leave_out(0)(e);
            leave_out(1)(e);
        })
        .accepts("a layer that is the run image's is left out twice", |e| {
            leave_out(0)(e);
            let layers = &mut e.image.as_mut().unwrap().layers;
            layers[3] = layers[0].clone();
        })
}

fn tags() -> Trials {
    let other = || Some(Digest::of(b"other").to_string());
    Trials::of("layout.all-tags")
        .rejects("one more is missing", |e| e.inputs.images.push("app.example/app:2".to_owned()))
        .rejects("the only one is missing", |e| e.tags[0].digest = None)
        .from(sample::with_two_tags)
        .rejects("the second is missing", |e| e.tags[1].digest = None)
        .follows("the second is not at its path", "layout.path", |e| {
            second(|root| root.present = false)(e);
            e.tags[1].digest = None;
        })
        .rejects("the second is another image", move |e| e.tags[1].digest = other())
        .rejects("the first is another image", move |e| e.tags[0].digest = other())
        .accepts("the two in other order", |e| e.tags.swap(0, 1))
        .accepts("the second blob by blob alone", second(|root| drop(root.blobs.pop())))
}

fn report_tags() -> Trials {
    let named = |to: &'static str| move |e: &mut Export| sample::edit_report(e, "app.example/app:latest", to);
    Trials::of("layout.report-tags")
        .rejects("the path of the layout", named("/layout/app.example/app/latest"))
        .rejects("a path with a tag", named("/layout/app.example/app:latest"))
        .rejects("a relative path", named("./app.example/app/latest"))
        .rejects("another tag", named("app.example/app:other"))
        .rejects("a digest reference", |e| {
            let digest = Digest::of(b"x");
            sample::edit_report(e, "app.example/app:latest", &format!("app.example/app@{digest}"));
        })
        .rejects("a number", |e| sample::edit_report(e, "'app.example/app:latest'", "1"))
        .rejects("none", |e| sample::edit_report(e, "tags=['app.example/app:latest']", "tags=[]"))
        .rejects("no list", |e| sample::edit_report(e, "tags=", "tag="))
        .follows("no report", "platform.report-written", |e| e.report = None)
        .accepts("without the tag that is the usual one", named("app.example/app"))
        .from(sample::with_two_tags)
        .rejects("of two the second is a path", |e| {
            sample::edit_report(e, "app.example/app:2", "/layout/app.example/app/2");
        })
        .rejects("of two the first is missing", |e| sample::edit_report(e, "'app.example/app:latest',", ""))
        .accepts("in other order", |e| {
            let both = "'app.example/app:latest','app.example/app:2'";
            sample::edit_report(e, both, "'app.example/app:2','app.example/app:latest'");
        })
}

fn annotations() -> Trials {
    const TITLE: &str = "org.opencontainers.image.title";
    const NAME: &str = "org.opencontainers.image.base.name";
    let set = |key: &'static str, value: Option<&'static str>| move |e: &mut Export| annotate(e, key, value);
    Trials::of("layout.same-annotations")
        .rejects("one is dropped", set(TITLE, None))
        .rejects("one byte other", set(TITLE, Some("Name")))
        .rejects("another name of the run image", set(NAME, Some("x")))
        .rejects("none at all", |e| edit_manifest(e, |m| m["annotations"] = json!({})))
        .rejects("one more", set("com.example.more", Some("x")))
        .rejects("two values changed places", |e| {
            annotate(e, TITLE, Some("Ada"));
            annotate(e, "org.opencontainers.image.authors", Some("N\u{e4}me"));
        })
        .rejects("a value of another type", |e| edit_manifest(e, |m| m["annotations"][TITLE] = json!(["N\u{e4}me"])))
        .accepts("ref.name", set("org.opencontainers.image.ref.name", Some("x")))
        .accepts("another order", |e| crate::harmless::HARMLESS[0].1(e))
        .whole("another run image on the registry", Wanted::Held, |evidence, _| {
            let registry = on(evidence, Target::Registry);
            "elsewhere.example/run:base".clone_into(&mut registry.run_image.name);
            annotate(registry, NAME, Some("elsewhere.example/run:base"));
        })
        .whole("no registry export", Wanted::NotJudged, |evidence, _| {
            evidence.exports.retain(|export| export.target != Target::Registry);
        })
}

fn known() -> Trials {
    const TITLE: &str = "org.opencontainers.image.title";
    let set = |key: &'static str, value: Option<&'static str>| move |e: &mut Export| annotate(e, key, value);
    let layout = |change: fn(&mut Value)| move |e: &mut Export| sample::edit_config(e, change);
    Trials::of("layout.differences-known")
        .rejects("an annotation less", set(TITLE, None))
        .rejects("another annotation", set(TITLE, Some("x")))
        .rejects("another variable", layout(|c| c["config"]["Env"][0] = json!("LANG=de")))
        .rejects("another label", layout(|c| c["config"]["Labels"]["k"] = json!("x")))
        .rejects("another history", layout(|c| c["history"][1]["created_by"] = json!("z")))
        .rejects("another layer", |e| sample::edit_layers(e, |own| own[3] = sample::layer("changed", Vec::new())))
        .rejects("layers compressed otherwise", |e| {
            let image = e.image.as_mut().unwrap();
            *image = sample::recompressed(image);
        })
        .rejects("another digest in the report", |e| sample::edit_report(e, "digest='sha256:", "digest='sha256:0"))
        .rejects("a layer of the app is not there", |e| e.image.as_mut().unwrap().layers[5].blob = None)
        .follows("other tags in the report", "layout.report-tags", |e| {
            sample::edit_report(e, "app:latest'", "app:other'");
        })
        .follows("a reference to another run image", "platform.label-run-image", |e| {
            sample::edit_label(e, "io.buildpacks.lifecycle.metadata", |l| l["runImage"]["reference"] = json!("x"));
        })
        .rejects("a reference to another run image, and another history", |e| {
            sample::edit_label(e, "io.buildpacks.lifecycle.metadata", |l| l["runImage"]["reference"] = json!("x"));
            sample::edit_config(e, |c| c["history"][1]["created_by"] = json!("z"));
        })
        .accepts("urls of a layer", |e| edit_manifest(e, |m| m["layers"][3]["urls"] = json!(["https://a.example/b"])))
        .accepts("a layer of the run image is left out", |e| {
            let layer = &mut e.image.as_mut().unwrap().layers[1];
            layer.blob = None;
            layer.left_out = true;
        })
        .accepts("ref.name", set("org.opencontainers.image.ref.name", Some("x")))
        .accepts("another order", |e| crate::harmless::HARMLESS[0].1(e))
        .whole("configs in their descriptors, in another order", Wanted::Held, |evidence, _| {
            crate::harmless::HARMLESS[0].1(on(evidence, ON));
            evidence.exports.iter_mut().filter(|export| export.target != Target::Daemon).for_each(embed_config);
        })
        .whole("a config's data is another's", Wanted::Rejected, |evidence, _| {
            evidence.exports.iter_mut().filter(|export| export.target != Target::Daemon).for_each(embed_config);
            edit_manifest(on(evidence, ON), |m| m["config"]["data"] = json!(STANDARD.encode(b"{}")));
        })
        .whole("no registry export", Wanted::NotJudged, |evidence, _| {
            evidence.exports.retain(|export| export.target != Target::Registry);
        })
}

/// Puts the config into its descriptor too.
fn embed_config(export: &mut Export) {
    let image = export.image.as_ref().unwrap();
    let config = STANDARD.encode(&image.config.as_ref().unwrap().bytes);
    edit_manifest(export, |manifest| manifest["config"]["data"] = json!(config));
}

/// A layout exported with each value of the variable, as the specification wants it to end.
pub(super) fn gate() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    let template = on(&mut evidence, ON).clone();
    let export = |(index, mode): (usize, &str)| {
        let mut export = template.clone();
        export.step = index + 1;
        export.inputs.environment.remove("CNB_EXPERIMENTAL_MODE");
        if !mode.is_empty() {
            export.inputs.environment.insert("CNB_EXPERIMENTAL_MODE".to_owned(), mode.to_owned());
        }
        if matches!(mode, "" | "error") {
            export.outcome.end = End::Exited(1);
            export.inputs.expected_failure = Some("layout.experimental-gate".to_owned());
        }
        if mode == "warn" {
            "Warning: OCI layout is an EXPERIMENTAL feature".clone_into(&mut export.outcome.stderr);
        }
        export.outcome.stdout = format!(
            "\u{1b}[36mTimer:\u{1b}[0m Saving /layout/experimental/app ran for {}3.8ms at 2026-11-28T10:00:0{index}Z",
            index + 1
        );
        export
    };
    evidence.exports = ["", "error", "warn", "silent"].into_iter().enumerate().map(export).collect();
    evidence
}

fn experimental() -> Trials {
    let end = |end: End| move |e: &mut Export| e.outcome.end = end;
    Trials::of("layout.experimental-gate")
        .from(gate)
        .rejects("open when unset", end(End::Exited(0)))
        .accepts("another exit when unset", end(End::Exited(11)))
        .step(2)
        .rejects("open with error", end(End::Exited(0)))
        .step(3)
        .follows("shut with warn", "platform.exit-zero", end(End::Exited(1)))
        .rejects("warn says nothing", |e| e.outcome.stderr.clear())
        .rejects("warn says nothing but that it was slower", |e| {
            "Timer: Exporter ran for 7m3.2s [4711] 127.0.0.1:5000".clone_into(&mut e.outcome.stderr);
        })
        .rejects("warn speaks of a folder of that name alone", |e| {
            "saved /layout/warn/experimental/app and ./oci/x".clone_into(&mut e.outcome.stderr);
        })
        .accepts("warn says it on the other stream", |e| e.outcome.stdout = std::mem::take(&mut e.outcome.stderr))
        .accepts("warn says it in colours", |e| {
            "\u{1b}[33;1mexperimental\u{1b}[0m feature".clone_into(&mut e.outcome.stderr);
        })
        .accepts("warn says it as JSON", |e| {
            r#"{"time":"2026-11-28T10:00:00Z","msg":"layout: experimental"}"#.clone_into(&mut e.outcome.stderr);
        })
        .accepts("warn says it in other words", |e| {
            "export to an OCI layout may change in a later release".clone_into(&mut e.outcome.stderr);
        })
        .step(4)
        .follows("shut with silent", "platform.exit-zero", end(End::Exited(1)))
        .rejects("silent says the same as warn", |e| {
            "Warning: OCI layout is an EXPERIMENTAL feature".clone_into(&mut e.outcome.stderr);
        })
        .rejects("silent warns in colours, at another time", |e| {
            "\u{1b}[33m10:00:01 experimental\u{1b}[0m".clone_into(&mut e.outcome.stderr);
        })
        .rejects("silent warns in other words", |e| "WARN[0001] layout is unstable".clone_into(&mut e.outcome.stderr))
        .accepts("silent says something else", |e| "done".clone_into(&mut e.outcome.stderr))
        .accepts("silent tells of another warning", |e| "warning: 1 slice is empty".clone_into(&mut e.outcome.stderr))
        .accepts("silent says where the layout is", |e| {
            "wrote an OCI layout to /tmp/experimental/app".clone_into(&mut e.outcome.stderr);
        })
        .accepts("silent names the variable", |e| {
            "CNB_EXPERIMENTAL_MODE is silent".clone_into(&mut e.outcome.stderr);
        })
        .whole("every mode is refused", Wanted::Follows("platform.exit-zero"), |evidence, _| {
            evidence.exports.iter_mut().for_each(|export| export.outcome.end = End::Exited(3));
        })
        .whole("no other value than silent", Wanted::NotJudged, |evidence, _| drop(evidence.exports.drain(..3)))
}
