//! Every variation on a real registry or in a real daemon. Run under `registry-compose/with-services`.

use std::collections::BTreeMap;

use super::wrapped::{Judged, Variation, is_no_alarm, judged, variations};

const REGISTRY: &[&str] = &["--registry", "container", "--require", "registry", "--target", "registry"];
const DAEMON: &[&str] =
    &["--registry", "container", "--require", "registry,daemon", "--target", "registry", "--target", "daemon"];

/// Where a variation is tried, and with what: what means something in a daemon is tried there, beside the registry.
fn place(variation: &Variation) -> (&'static [&'static str], &'static [&'static str]) {
    let in_daemon = variation.on.iter().any(|target| target == "daemon");
    match variation.name.as_str() {
        "base-digest-of-platform" => (REGISTRY, &["run-image-behind-index"]),
        "base-name-is-mirror" | "layer-data" => (REGISTRY, &["several-buildpacks"]),
        "build-label-order" => (DAEMON, &["several-buildpacks"]),
        name if name.starts_with("tar-pax") || name.contains("layer") && in_daemon => {
            (DAEMON, &["rebuilt-layers-re-used"])
        }
        _ if in_daemon => (DAEMON, &["three-tags"]),
        _ => (REGISTRY, &["three-tags"]),
    }
}

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn harmless_variations_raise_no_alarm_on_a_real_registry_and_daemon() {
    assert_eq!(
        std::env::var("CONFORMANCE_SERVICES").as_deref(),
        Ok("1"),
        "run this under registry-compose/with-services"
    );
    let mut before: BTreeMap<(&str, _, _), Judged> = BTreeMap::new();
    for variation in variations().iter().filter(|variation| variation.on != ["layout"]) {
        let profile = if variation.except.as_deref() == Some("core") { "core" } else { "strict" };
        let (arguments, scenarios) = place(variation);
        let unwrapped = before
            .entry((profile, arguments, scenarios))
            .or_insert_with(|| judged(None, profile, arguments, scenarios));
        is_no_alarm(variation, unwrapped, profile, arguments, scenarios);
    }
}
