//! What is rejected of the form of annotations and of their keys, and what is not.

use super::*;

pub(super) fn form() -> Vec<Trials> {
    let doubled = "\"annotations\":{\"org.opencontainers.image.title\":\"x\",";
    vec![
        Trials::of("annotations.string-map")
            .rejects("null", annotations(json!(null)))
            .rejects("an array", annotations(json!([])))
            .rejects("a string", annotations(json!("a=b")))
            .rejects("a number as value", annotations(json!({ "a.b": 1 })))
            .rejects("null as value", annotations(json!({ "a.b": null })))
            .rejects("a list as value", manifest(|m| m["annotations"][TITLE] = json!(["x"])))
            .rejects("a boolean as value", manifest(|m| m["annotations"]["x.y"] = json!(true)))
            .rejects("a manifest that is not JSON", |e| raw_manifest(e, "{", ""))
            .accepts("an empty object", annotations(json!({})))
            .accepts("an empty string as value", key("a.b", ""))
            .accepts("a value that looks like a number", key("a.b", "1"))
            .accepts("no annotations", manifest(|m| drop(m.as_object_mut().unwrap().shift_remove("annotations")))),
        Trials::of("annotations.unique-keys")
            .rejects("an annotation twice, other value", raw("\"annotations\":{", doubled))
            .rejects(
                "an annotation twice, one value",
                raw("\"annotations\":{", "\"annotations\":{\"x.y\":\"1\",\"x.y\":\"1\","),
            )
            .rejects(
                "the same key, once escaped",
                raw("\"annotations\":{", "\"annotations\":{\"x.y\":\"1\",\"x.\\u0079\":\"1\","),
            )
            .rejects("annotations twice", raw("\"schemaVersion\":2,", "\"annotations\":{},\"schemaVersion\":2,"))
            .rejects("a field twice", raw("\"schemaVersion\":2,", "\"schemaVersion\":2,\"schemaVersion\":2,"))
            .rejects("a descriptor's field twice", raw("\"size\":", "\"size\":1,\"size\":"))
            .accepts("keys that differ in case", key("org.opencontainers.image.Title", "x"))
            .accepts("one key in two objects", manifest(|m| m["layers"][0]["annotations"] = json!({ TITLE: "x" }))),
        Trials::of("annotations.descriptor-rules")
            .from(described)
            .rejects("a number as value", manifest(|m| m["layers"][0]["annotations"]["a.b"] = json!(1)))
            .rejects("an array", manifest(|m| m["layers"][0]["annotations"] = json!([])))
            .rejects("null on the config", manifest(|m| m["config"]["annotations"] = json!(null)))
            .rejects("a key twice", raw("\"a.b\":\"c\"", "\"a.b\":\"c\",\"a.b\":\"c\""))
            .accepts("an empty object", manifest(|m| m["layers"][1]["annotations"] = json!({})))
            .accepts("another value", manifest(|m| m["layers"][0]["annotations"]["a.b"] = json!("ä")))
            .ignores(
                "no annotation",
                manifest(|m| drop(m["layers"][0].as_object_mut().unwrap().remove("annotations"))),
            ),
    ]
}

pub(super) fn keys() -> Vec<Trials> {
    let mut domains = Trials::of("annotations.reverse-domain-keys");
    for bad in ["title", "my key", "com..x", "", ".com", "com.", "com.ex ample.x"] {
        domains = domains.rejects(format!("the key '{bad}'"), key(bad, "x"));
    }
    for good in ["com.example.key", "dev.example/part", "x.y", "com.example.a-b_c", "io.buildpacks.x"] {
        domains = domains.accepts(format!("the key '{good}'"), key(good, "x"));
    }
    domains = domains.accepts("a bare word that a buildpack gave", |e| sample::contribute(e, &[("bare", "x")]));
    let mut reserved = Trials::of("annotations.reserved-namespace");
    for bad in ["image.licence", "image.Title", "image.source ", "image.base", "mine", "image.", "image.base.digests"] {
        reserved = reserved.rejects(format!("the key '{bad}'"), key(format!("org.opencontainers.{bad}"), "x"));
    }
    for bad in ["image.exposedports", "image.os.name", "image.stop-signal"] {
        reserved = reserved.rejects(format!("the key '{bad}'"), key(format!("org.opencontainers.{bad}"), "x"));
    }
    for good in ["url", "vendor", "description", "created"] {
        reserved = reserved.accepts(format!("the key '{good}'"), set(good, "x"));
    }
    for good in ["os", "os.version", "os.features", "architecture", "variant", "author", "exposedPorts", "stopSignal"] {
        reserved = reserved.accepts(format!("the key '{good}' of a converted config"), set(good, "x"));
    }
    reserved = reserved
        .accepts("a neighbour of the namespace", key("org.opencontainersx.y", "x"))
        .accepts("what a buildpack gave", |e| sample::contribute(e, &[("org.opencontainers.mine", "x")]));
    vec![
        domains,
        reserved,
        Trials::of("annotations.ref-name-only-in-index")
            .rejects("ref.name on the manifest", set("ref.name", "latest"))
            .rejects("an empty ref.name", set("ref.name", ""))
            .accepts(
                "ref.name on a descriptor",
                manifest(|m| {
                    m["layers"][0]["annotations"] = json!({ "org.opencontainers.image.ref.name": "x" });
                }),
            )
            .accepts("a key that ends like it", key("com.example.ref.name", "x"))
            .accepts("one that a buildpack gave", contributes("ref.name", "x")),
    ]
}
