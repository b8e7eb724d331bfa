//! Contacts of an exporter other than the registry: on this machine alone, at ports where nothing listens.

use std::path::Path;

use serde_json::Value;

use super::support::{Judged, executable, program, requirements, run, set};

/// Runs the reference on a layout, to which it needs no one, after this script; with what was seen of it. Nothing where
/// the suite may keep nothing from an exporter here: then the kernel need not tell it anything either.
fn after(script: &str, arguments: &[&str]) -> Option<(Judged, Value)> {
    let folder = tempfile::tempdir().unwrap();
    let evidence = folder.path().join("kept");
    let bash = format!("bash -c '{script}' 2>/dev/null");
    let exporter = executable(
        folder.path(),
        "exporter",
        &format!("{bash}\nexec {} \"$@\"", program("reference-exporter").display()),
    );
    let to = evidence.display().to_string();
    let own = ["--exporter", &exporter, "--profile", "strict", "--scenario", "minimal", "--target", "layout"];
    let judged = run(&[&own[..], &["--evidence", &to], arguments].concat());
    let outcome = outcome(&evidence);
    let seen = outcome["contacted"].clone();
    assert!(seen.is_object() || outcome["left"].is_null(), "{outcome}");
    seen.is_object().then_some((judged, seen))
}

fn outcome(evidence: &Path) -> Value {
    let text = std::fs::read_to_string(evidence.join("minimal/layout/1/export.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["outcome"].clone()
}

fn ports(seen: &Value) -> Vec<u64> {
    seen["seen"].as_array().unwrap().iter().map(|one| one["port"].as_u64().unwrap()).collect()
}

#[test]
fn a_host_that_nobody_named_is_told_by_address_and_port() {
    let Some((judged, seen)) = after("exec 3<>/dev/tcp/127.0.0.1/9", &[]) else { return };
    assert_eq!(requirements(&judged.report, "fail"), set(&["wire.hosts-named"]), "{}", judged.stderr);
    let verdicts = judged.report["verdicts"].as_array().unwrap();
    let told = verdicts.iter().find(|one| one["verdict"] == "fail").unwrap();
    assert!(told.to_string().contains("127.0.0.1:9 (tcp)"), "{told}");
    assert_eq!((&seen["seen"][0]["protocol"], &seen["seen"][0]["act"]), (&"tcp".into(), &"connect".into()), "{seen}");
}

#[test]
fn processes_in_the_background_and_many_contacts_are_seen_and_hold_nothing_up() {
    // Beyond what is kept, and by processes that the exporter did not wait for.
    let script = "for port in {20001..20300}; do : <>/dev/tcp/127.0.0.1/$port; done; \
                  for port in 20001 20002; do (setsid bash -c \": <>/dev/tcp/127.0.0.2/$port\" &) ; done; sleep 1";
    let Some((judged, seen)) = after(script, &["--timeout", "60"]) else { return };
    assert_eq!(requirements(&judged.report, "fail"), set(&["wire.hosts-named"]), "{}", judged.stderr);
    assert_eq!(ports(&seen), (20001..=20256).collect::<Vec<u64>>());
    assert_eq!(seen["more"], true);
    let script = "(setsid bash -c \": <>/dev/tcp/127.0.0.2/20001\" &); sleep 1";
    let Some((_, seen)) = after(script, &[]) else { return };
    assert_eq!(ports(&seen), [20001]);
}

#[test]
fn the_time_limit_holds_and_what_was_contacted_until_then_is_known() {
    let script = "while :; do : <>/dev/tcp/127.0.0.1/9; done";
    let Some((judged, seen)) = after(script, &["--timeout", "2"]) else { return };
    let failed = requirements(&judged.report, "fail");
    assert!(failed.contains("wire.hosts-named") && failed.contains("platform.exit-zero"), "{failed:?}");
    assert_eq!(ports(&seen), [9]);
}

#[test]
fn what_resolvers_do_with_the_machine_s_own_addresses_is_no_contact() {
    // A socket for datagrams is connected, and nothing is sent. The registry is at another address of this machine.
    let script = ": >/dev/udp/127.0.0.1/9; : >/dev/udp/::1/9; : >/dev/udp/localhost/65535";
    let Some((judged, seen)) = after(script, &[]) else { return };
    assert_eq!(ports(&seen), [9, 9, 65535]);
    assert_eq!(judged.code, Some(0), "{:?} {seen}", requirements(&judged.report, "fail"));
}
