//! Trials of descriptors, and of the layers that the config names.

use super::*;
use crate::evidence::Compression;

pub(super) fn descriptors() -> Vec<Trials> {
    vec![
        Trials::of("digest.descriptors-true")
            .rejects(
                "a layer's size one off",
                manifest(|m| m["layers"][3]["size"] = json!(m["layers"][3]["size"].as_u64().unwrap() + 1)),
            )
            .rejects(
                "a layer's size is the uncompressed one of another",
                manifest(|m| m["layers"][3]["size"] = m["layers"][4]["size"].clone()),
            )
            .rejects("no size", manifest(|m| drop(m["layers"][3].as_object_mut().unwrap().remove("size"))))
            .rejects(
                "a size that is a string",
                manifest(|m| m["layers"][3]["size"] = json!(m["layers"][3]["size"].to_string())),
            )
            .rejects("no list of layers", manifest(|m| drop(m.as_object_mut().unwrap().remove("layers"))))
            .rejects("a gzip layer as a plain tar", media_type("application/vnd.oci.image.layer.v1.tar"))
            .rejects("a gzip layer as zstd", media_type("application/vnd.oci.image.layer.v1.tar+zstd"))
            .rejects("a plain tar as gzip", |e| {
                let blob = e.image.as_mut().unwrap().layers[3].blob.as_mut().unwrap();
                blob.compression = Compression::None;
            })
            .accepts("a true sha512 of a layer", |e| named_by_sha512(e, b"the layer"))
            .rejects("another sha512 of a layer", |e| {
                named_by_sha512(e, b"the layer");
                e.image.as_mut().unwrap().layers[3].blob.as_mut().unwrap().named = Some(sha512(b"other bytes"));
            })
            .ignores("a sha512 of a layer that no one computed", |e| {
                named_by_sha512(e, b"the layer");
                e.image.as_mut().unwrap().layers[3].blob.as_mut().unwrap().named = None;
            })
            .rejects("a sha512 that no one computed, and a wrong size", |e| {
                named_by_sha512(e, b"the layer");
                e.image.as_mut().unwrap().layers[3].blob.as_mut().unwrap().named = None;
                edit_manifest(e, |m| m["layers"][3]["size"] = json!(1));
            })
            .accepts("a true sha512 of the config", |e| {
                let digest = sha512(&e.image.as_ref().unwrap().config.as_ref().unwrap().bytes);
                edit_manifest(e, |m| m["config"]["digest"] = json!(digest));
            })
            .rejects("another sha512 of the config", manifest(|m| m["config"]["digest"] = json!(sha512(b"x"))))
            .accepts("Docker's name of gzip", media_type("application/vnd.docker.image.rootfs.diff.tar.gzip"))
            .accepts("a media type of its own", media_type("application/vnd.example.layer.tar+zstd"))
            .rejects("the config's size one off", manifest(|m| m["config"]["size"] = json!(1)))
            .rejects("another digest of a layer", manifest(|m| m["layers"][3]["digest"] = json!(Digest::of(b"x"))))
            .rejects(
                "a digest in capitals",
                manifest(|m| {
                    let old = m["layers"][3]["digest"].as_str().unwrap().to_uppercase().replace("SHA", "sha");
                    m["layers"][3]["digest"] = json!(old);
                }),
            )
            .rejects("a diffID where a digest belongs", |e| {
                let id = e.image.as_ref().unwrap().layers[3].blob.as_ref().unwrap().diff_id.clone();
                edit_manifest(e, |m| m["layers"][3]["digest"] = json!(id));
            })
            .rejects(
                "two layers swapped in the manifest alone",
                manifest(|m| m["layers"].as_array_mut().unwrap().swap(3, 4)),
            )
            .rejects("another config's digest", manifest(|m| m["config"]["digest"] = json!(Digest::of(b"x"))))
            .rejects("a layer is not served", layers(|layers| layers[4].blob = None))
            .rejects("a layer's bytes are other ones", layers(|layers| layers[4].blob = layers[5].blob.clone()))
            .rejects("the config is not served", |e| e.image.as_mut().unwrap().config = None)
            .rejects("no config", manifest(|m| drop(m.as_object_mut().unwrap().remove("config"))))
            .accepts(
                "other members of a descriptor",
                manifest(|m| m["layers"][3]["annotations"] = json!({ "a.b": "c" })),
            )
            .rejects("a layer that may be fetched elsewhere, served with another size", |e| {
                edit_manifest(e, |m| {
                    m["layers"][0]["urls"] = json!(["https://elsewhere.example/x"]);
                    m["layers"][0]["size"] = json!(1);
                });
            })
            .accepts("a layer kept elsewhere", |e| {
                edit_manifest(e, |m| m["layers"][0]["urls"] = json!(["https://elsewhere.example/x"]));
                e.image.as_mut().unwrap().layers[0].blob = None;
            })
            .on(&[Target::Layout])
            .accepts(
                "a run image's layer left out",
                layers(|layers| {
                    layers[0] = Layer { blob: None, left_out: true, ..layers[0].clone() };
                }),
            ),
    ]
}

pub(super) fn diff_ids() -> Vec<Trials> {
    let swapped = |path: &'static str| config(move |c| c.pointer_mut(path).unwrap().as_array_mut().unwrap().swap(3, 4));
    vec![
        Trials::of("digest.diff-ids-true")
            .rejects("two layers swapped", layers(|layers| layers.swap(3, 4)))
            .rejects("one doubled and one lost", layers(|layers| layers[4] = layers[3].clone()))
            .rejects(
                "one shifted in",
                layers(|layers| {
                    let first = layers[2].clone();
                    layers.insert(2, first);
                    layers.pop();
                }),
            )
            .rejects("the last is lost", layers(|layers| drop(layers.pop())))
            .rejects("one more", layers(|layers| layers.push(sample::layer("more", Vec::new()))))
            .rejects("one cannot be unpacked", layers(|layers| layers[2].problem = Some("unpack it: cut".to_owned())))
            .rejects("one is not there", layers(|layers| layers[2].blob = None))
            .rejects("two diffIDs swapped", swapped("/rootfs/diff_ids"))
            .rejects("a diffID lost", config(|c| drop(c["rootfs"]["diff_ids"].as_array_mut().unwrap().pop())))
            .rejects(
                "a diffID in capitals",
                config(|c| {
                    let old = c["rootfs"]["diff_ids"][3].as_str().unwrap().to_uppercase().replace("SHA", "sha");
                    c["rootfs"]["diff_ids"][3] = json!(old);
                }),
            )
            .rejects(
                "the digest where a diffID belongs",
                config(|c| c["rootfs"]["diff_ids"][3] = json!(Digest::of(b"gzip"))),
            )
            .rejects("no config", |e| e.image.as_mut().unwrap().config = None)
            .accepts(
                "a tar without its end",
                layers(|layers| {
                    (layers[2].problem, layers[2].fault) =
                        (Some("it ends inside an entry".to_owned()), Some(LayerFault::Tar));
                }),
            )
            .accepts("one layer twice by design", |e| edit_layers(e, |own| own.push(own[3].clone())))
            .accepts("no layer of its own but one", |e| edit_layers(e, |own| own.truncate(1))),
    ]
}
