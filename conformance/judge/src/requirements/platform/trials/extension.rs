//! What is asked of the image of a build whose run image was extended.

use serde_json::{Value, json};

use super::edits::{config, plain, set, unlabelled};
use crate::digest::Digest;
use crate::evidence::{Document, Entry, Export};
use crate::sample::{self, edit_layers};
use crate::trial::Trials;

/// Changes what the config says of the base's layers: the run image's is at 0, the extension's at 1.
fn layers(change: fn(&mut Vec<Value>)) -> impl Fn(&mut Export) + 'static {
    config(move |config| change(config["rootfs"]["diff_ids"].as_array_mut().unwrap()))
}

pub(super) fn trials() -> Vec<Trials> {
    const REBASABLE: &str = "io.buildpacks.rebasable";
    let variable_lost =
        || config(|c| c["config"]["Env"].as_array_mut().unwrap().retain(|entry| entry != "LANG=C.UTF-8"));
    let told = |value: &'static str| {
        move |e: &mut Export| {
            let extended = e.run_image.extension.as_mut().unwrap();
            let mut config: Value = serde_json::from_slice(&extended.config.bytes).unwrap();
            config["config"]["Labels"][REBASABLE] = json!(value);
            extended.config = Document::new(config.to_string().into_bytes(), None);
        }
    };
    vec![
        Trials::of("platform.based-on-extended")
            .from(sample::extended)
            .rejects("the run image alone", layers(|ids| drop(ids.remove(1))))
            .rejects("its layer above one of the build", layers(|ids| ids.swap(1, 2)))
            .rejects("another layer in its place", layers(|ids| ids[1] = json!(Digest::of(b"other"))))
            .rejects("no layer", layers(Vec::clear))
            .accepts("its layer twice", layers(|ids| ids.insert(1, ids[1].clone())))
            .ignores("a run image that was not extended", |e| e.run_image.extension = None),
        Trials::of("platform.base-config-preserved")
            .from(sample::extended)
            .follows("the run image alone", "platform.based-on-extended", move |e| {
                layers(|ids| drop(ids.remove(1)))(e);
                variable_lost()(e);
            })
            .rejects("a variable of an extension is lost", variable_lost())
            .rejects("the user is the run image's", set("User", json!("1000")))
            .rejects("a label is the run image's", plain("base", "sentinel-label-base")),
        Trials::of("platform.label-rebasable-extended")
            .from(sample::extended)
            .rejects("false, where every extension allows it", plain(REBASABLE, "false"))
            .rejects("none", unlabelled(REBASABLE))
            .rejects("true, where one does not allow it", told("false"))
            .rejects("true, where the extended image's is another word", told("yes"))
            .accepts("false, where one does not allow it", move |e| {
                told("false")(e);
                plain(REBASABLE, "false")(e);
            })
            .ignores("a run image that was not extended", |e| e.run_image.extension = None),
        Trials::of("layer.nothing-else").from(sample::extended).rejects(
            "a file of no input above the layers of extensions",
            |e| {
                let of_the_app = e.image.as_ref().unwrap().layers[5].blob.as_ref().unwrap().entries[1].clone();
                edit_layers(e, |own| {
                    own.push(sample::layer("more", vec![Entry { path: "/opt/more".to_owned(), ..of_the_app }]));
                });
            },
        ),
        Trials::of("digest.history-true").from(sample::extended).rejects(
            "no entry for the layer of an extension",
            config(|c| drop(c["history"].as_array_mut().unwrap().remove(1))),
        ),
    ]
}
