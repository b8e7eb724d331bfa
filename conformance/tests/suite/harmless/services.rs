//! Every variation on a real registry or in a real daemon. Run under `registry-compose/with-services`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::wrapped::{Judged, Variation, is_no_alarm, judged, variations};
use crate::support::needs_services;

const REGISTRY: &[&str] = &["--registry", "executable", "--require", "registry", "--target", "registry"];
const DAEMON: &[&str] =
    &["--registry", "executable", "--require", "registry,daemon", "--target", "registry", "--target", "daemon"];

/// Runs at once: most of a run's time is spent waiting for services.
const AT_ONCE: usize = 3;

/// Profile, arguments and scenarios of a run.
type Place = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Where a variation is tried, and with what: what means something in a daemon is tried there, next to the registry.
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
    needs_services();
    let unwrapped = Mutex::new(BTreeMap::new());
    let all = variations();
    let next = Mutex::new(all.iter().filter(|variation| variation.on != ["layout"]));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(variation) = taken(&next) {
                    try_it(variation, &unwrapped);
                }
            });
        }
    });
}

/// The next one; the lock is not held while it is tried.
fn taken<'a>(next: &Mutex<impl Iterator<Item = &'a Variation>>) -> Option<&'a Variation> {
    next.lock().ok()?.next()
}

fn try_it(variation: &Variation, unwrapped: &Mutex<BTreeMap<Place, Arc<Judged>>>) {
    let profile = if variation.except.as_deref() == Some("core") { "core" } else { "strict" };
    let (arguments, scenarios) = place(variation);
    let key = (profile, arguments, scenarios);
    let known = unwrapped.lock().unwrap().get(&key).cloned();
    let before = known.unwrap_or_else(|| Arc::new(judged(None, profile, arguments, scenarios)));
    unwrapped.lock().unwrap().insert(key, Arc::clone(&before));
    is_no_alarm(variation, &before, profile, arguments, scenarios);
}
