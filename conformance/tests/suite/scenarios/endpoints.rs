//! Registries that a scenario names, and run images there.

use std::net::TcpStream;
use std::process::{Command, Stdio};

use bounded::Bounded as _;
use serde_json::{Value, json};

use super::rig::Rig;
use crate::support::conformance;

/// Prints how every host answers that it is given, and whether its run image is there.
const PLACES: &str = r#"
for word; do
  [ "$last" = -insecure-registry ] && hosts="$hosts $word"
  [ "$last" = -analyzed ] && analyzed=$word
  last=$word
done
echo "hosts=$hosts"
for host in $hosts; do echo "$host=$(get "$host" /v2/ 2>/dev/null)"; done
reference=$(sed -n 's/^reference = "\(.*@.*\)"/\1/p' "$analyzed" | tail -n 1)
path=${reference#*/}
echo "run-image=$(get "${reference%%/*}" "/v2/${path%@*}/manifests/${path#*@}" 2>/dev/null)"
name=$(sed -n 's/^image = "\(.*\)"/\1/p' "$analyzed" | tail -n 1)
path=${name#*/}
echo "run-image-tag=$(get "${name%%/*}" "/v2/${path%:*}/manifests/${path##*:}" 2>/dev/null)"
exit 1
"#;

#[test]
fn places_answer_as_their_names_say_and_are_gone_after_the_run() {
    let rig = Rig::new();
    rig.exporter(PLACES);
    for place in ["other", "closed", "silent", "guarded"] {
        let text = format!(
            "targets = ['registry', 'layout']\nimages = ['app:1', '{place}-registry/team/app:2']\n\
             [run-image]\nname = '{place}-registry/run:base'\n[[steps]]\n[[steps]]\nimages = ['app:1']\n"
        );
        rig.scenario(place, &text);
    }
    let run = rig.run(&[]);
    let mut hosts = Vec::new();
    for (place, in_layouts, answer, run_image, asked) in [
        ("other", "mirror.internal:5000", "HTTP/1.0 200 OK", "HTTP/1.0 200 OK", 2),
        ("closed", "edge.internal", "refused", "refused", 1),
        ("silent", "backup.internal", "", "", 1),
        ("guarded", "vault.internal", "HTTP/1.0 401 Unauthorized", "HTTP/1.0 401 Unauthorized", 2),
    ] {
        let id = format!("{place}/registry/1");
        let given = run.printed(&id, "hosts");
        let [main, other] = given.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{place}: {given}") };
        assert_eq!(run.printed(&id, main), "HTTP/1.0 200 OK");
        assert_eq!(run.printed(&id, other), answer, "{place}");
        assert_eq!(run.printed(&id, "run-image"), run_image, "{place}");
        hosts.extend([main.to_owned(), other.to_owned()]);
        let export = run.export(&id);
        let images = export["inputs"]["images"].as_array().unwrap();
        let project = run.project(&id);
        assert_eq!(images[1], format!("{other}/{project}/team/app:2"));
        assert_eq!(export["run_image"]["name"], format!("{other}/{project}/run:base"));
        assert_eq!(export["tags_before"].as_object().unwrap().len(), asked, "{place}");
        assert_eq!(export["tags"].as_array().unwrap().len(), asked, "{place}");
        let layout = run.export(&format!("{place}/layout/1"));
        assert_eq!(layout["inputs"]["images"][1], format!("{in_layouts}/{project}/team/app:2"));
        assert_eq!(layout["run_image"]["name"], export["run_image"]["name"]);
    }
    let services = run.report["services"].as_array().unwrap();
    let names: Vec<&str> = services.iter().map(|service| service["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["registry", "other-registry", "closed-registry", "silent-registry", "guarded-registry", "daemon", "layout"]
    );
    assert!(services.iter().all(|service| service["observed"] == (service["name"] != "daemon")), "{services:?}");
    for host in hosts {
        assert!(TcpStream::connect(&host).is_err(), "{host} still listens");
    }
    let schema: Value = serde_json::from_str(include_str!("../../../../docs/report.schema.json")).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&run.report));
}

#[test]
fn places_are_started_only_where_a_chosen_scenario_names_them() {
    let rig = Rig::new();
    rig.exporter("exit 1");
    rig.scenario("plain", "targets = ['registry']\n");
    rig.scenario("other", "targets = ['registry']\nimages = ['other-registry/app:1']\n");
    let run = rig.run(&["--scenario", "plain"]);
    let services = run.report["services"].as_array().unwrap();
    assert!(services.iter().all(|service| service["name"] != "other-registry"), "{services:?}");
}

#[test]
fn a_run_image_is_gone_where_the_step_says_so_and_back_for_the_next() {
    let rig = Rig::new();
    rig.exporter(PLACES);
    for (name, more) in [("plain", ""), ("index", "index = 'index'\n"), ("other", "name = 'other-registry/run:base'\n")]
    {
        let text = format!(
            "targets = ['registry']\n[run-image]\n{more}[[steps]]\n[[steps]]\ndelete-run-image = true\n[[steps]]\n"
        );
        rig.scenario(name, &text);
    }
    let run = rig.run(&[]);
    for name in ["plain", "index", "other"] {
        for (step, expected) in [(1, "HTTP/1.0 200 OK"), (2, "HTTP/1.0 404 Not Found"), (3, "HTTP/1.0 200 OK")] {
            let id = format!("{name}/registry/{step}");
            assert_eq!(run.printed(&id, "run-image"), expected, "{id}");
            assert_eq!(run.printed(&id, "run-image-tag"), expected, "{id}");
        }
    }
}

#[test]
fn an_image_behind_an_index_is_analysed_by_the_digest_that_is_asked_for() {
    let rig = Rig::new();
    rig.exporter(PLACES);
    for which in ["index", "manifest"] {
        for format in ["oci", "docker-schema2"] {
            let text = format!(
                "targets = ['registry', 'layout']\n[run-image]\nindex = '{which}'\nformat = '{format}'\n\
                 [[run-image.layers]]\n[[run-image.layers]]\nfiles = {{ a = 'x' }}\n[[run-image.layers]]\nfiles = {{ a = 'x' }}\n"
            );
            rig.scenario(&format!("{which}-{format}"), &text);
        }
    }
    let run = rig.run(&[]);
    for name in ["index-oci", "index-docker-schema2", "manifest-oci", "manifest-docker-schema2"] {
        for service in ["registry", "layout"] {
            let image = run.export(&format!("{name}/{service}/1"))["run_image"].clone();
            let of = if name.starts_with("index") { "index" } else { "manifest" };
            assert_eq!(image["digest"], image[of]["digest"], "{name} {service}");
            assert!(image["index"]["digest"].is_string());
            assert!(image["reference"].as_str().unwrap().ends_with(image["digest"].as_str().unwrap()));
        }
        assert_eq!(run.printed(&format!("{name}/registry/1"), "run-image"), "HTTP/1.0 200 OK");
    }
}

#[test]
fn a_chosen_mirror_and_a_literal_name_are_what_the_analysis_says() {
    let rig = Rig::new();
    rig.exporter(&format!(
        "for word; do [ \"$last\" = -run ] && sed -n 's/^\\(image\\|mirrors\\) = /&/p' \"$word\" | sed 's/ = /=/'; last=$word; done\n{PLACES}"
    ));
    rig.scenario(
        "mirror",
        "targets = ['registry']\n[run-image]\nchosen-mirror = 'team/run:base'\nmirrors = ['m.example/r']\n",
    );
    rig.scenario("literal", "targets = ['registry']\n[run-image]\nanalysed-name = 'run'\n");
    let run = rig.run(&[]);
    let image = run.export("mirror/registry/1")["run_image"].clone();
    let (name, reference) = (image["name"].as_str().unwrap(), image["reference"].as_str().unwrap());
    let mirror = run.project("mirror/registry/1");
    assert!(name.ends_with(&format!("/{mirror}/team/run:base")), "{image}");
    assert!(reference.contains(&format!("/{mirror}/team/run@sha256:")), "{image}");
    assert!(run.printed("mirror/registry/1", "image").ends_with(&format!("/{mirror}/run:base\"")));
    assert_eq!(run.printed("mirror/registry/1", "mirrors"), format!("[\"{name}\", \"m.example/r\"]"));
    assert_eq!(run.printed("mirror/registry/1", "run-image"), "HTTP/1.0 200 OK");
    let image = run.export("literal/registry/1")["run_image"].clone();
    assert_eq!(image["name"], "run");
    assert!(
        image["reference"].as_str().unwrap().contains(&format!("/{}/run@sha256:", run.project("literal/registry/1")))
    );
    assert_eq!(run.printed("literal/registry/1", "image"), "\"run\"");
}

#[test]
fn an_exporter_that_waits_for_a_registry_gets_the_time_that_its_description_allows() {
    let rig = Rig::new();
    rig.exporter("sleep 2.5; exit 1");
    let file = rig.path("slow.toml");
    let command = rig.path("exporter");
    std::fs::write(&file, format!("name = 'slow'\ncommand = ['{}']\nunreachable-limit = 1\n", command.display()))
        .unwrap();
    let text = "targets = ['registry']\n[run-image]\nname = 'silent-registry/run:base'\n[[steps]]\n\
        expect-failure = 'errors.unreachable-registry'\n[[steps]]\n";
    rig.scenario("waits", text);
    let evidence = rig.path("evidence");
    let output = conformance()
        .args(["run", "--registry", "embedded", "--timeout", "1", "--exporter-file"])
        .arg(&file)
        .arg("--scenarios")
        .arg(rig.path("scenarios"))
        .arg("--evidence")
        .arg(&evidence)
        .output_in_time()
        .unwrap();
    let end = |step: u32| -> Value {
        let path = evidence.join(format!("waits/registry/{step}/export.json"));
        let bytes = std::fs::read(path).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        serde_json::from_slice::<Value>(&bytes).unwrap()["outcome"]["end"].clone()
    };
    assert_eq!(end(1), json!({ "how": "exited", "code": 1 }));
    assert_eq!(end(2), json!({ "how": "timed-out", "code": 1 }));
}

#[test]
fn ctrl_c_ends_the_places_too() {
    let rig = Rig::new();
    // Only the scenario's export, and not its control, is told of three registries.
    let of_scenario = "case $* in *insecure*insecure*insecure*) ;; *) exit 1;; esac";
    rig.exporter(&format!("{of_scenario}; echo \"$*\" > {}; sleep 60", rig.path("arguments").display()));
    let text = "targets = ['registry']\nimages = ['app:1', 'other-registry/app:1']\n[run-image]\n\
        name = 'silent-registry/run:base'\n";
    rig.scenario("waits", text);
    let mut command = rig.command();
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.unwrap();
    let mut arguments = String::new();
    for _ in 0..200 {
        arguments = std::fs::read_to_string(rig.path("arguments")).unwrap_or_default();
        if !arguments.is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let hosts: Vec<&str> =
        words.windows(2).filter(|pair| pair[0] == "-insecure-registry").map(|pair| pair[1]).collect();
    assert_eq!(hosts.len(), 3, "{arguments}");
    assert!(hosts.iter().all(|host| TcpStream::connect(host).is_ok()));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(hosts.iter().all(|host| TcpStream::connect(host).is_err()));
    assert!(rig.left().is_empty(), "{:?}", rig.left());
}
