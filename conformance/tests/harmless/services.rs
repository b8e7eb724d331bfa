//! Every variation on a real registry and in a real daemon. Run under `registry-compose/with-services`.

use super::wrapped::{is_no_alarm, judged, variations};

const SERVICES: [&str; 8] =
    ["--registry", "container", "--require", "registry,daemon", "--target", "registry", "--target", "daemon"];

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn harmless_variations_raise_no_alarm_on_a_real_registry_and_daemon() {
    assert_eq!(
        std::env::var("CONFORMANCE_SERVICES").as_deref(),
        Ok("1"),
        "run this under registry-compose/with-services"
    );
    for profile in ["strict", "core"] {
        let scenarios = ["same-build-twice", "rebuilt-layers-re-used", "three-tags", "run-image-behind-index"];
        let before = judged(None, profile, &SERVICES, &scenarios);
        for variation in variations() {
            let is_elsewhere = !variation.on.iter().any(|target| SERVICES.contains(&target.as_str()));
            if !is_elsewhere && (variation.except.as_deref() == Some("core")) == (profile == "core") {
                is_no_alarm(&variation, &before, profile, &SERVICES, &scenarios);
            }
        }
    }
}
