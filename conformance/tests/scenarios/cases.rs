use bounded::Bounded as _;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::rig::{Rig, is_root, open};

/// Prints everything around it.
const SURROUNDINGS: &str = r#"
echo "umask=$(umask)"
echo "hostname=$(cat /proc/sys/kernel/hostname)"
echo "cwd=$(pwd)"
echo "user=$(id -u):$(id -g):$(id -G)"
echo "tmpdir=$TMPDIR"
touch "$TMPDIR/mine" && echo "tmp-writable=yes" || echo "tmp-writable=no"
for word; do case $last in -app) app=$word ;; -report) report=$word ;; esac; last=$word; done
echo "times=$(find "$app" "${app%/*}/layers" "${app%/*}/cnb" -printf '%Ts\n' | cut -d. -f1 | sort -u | head -n 2 | tr '\n' ' ')"
echo "first=$(find "$app" -type f -printf '%i %f\n' | sort -n | head -n 1 | cut -d' ' -f2)"
echo "arguments=$*"
touch "$report" && echo "report-writable=yes" || echo "report-writable=no"
exit 1
"#;

#[test]
fn what_is_around_the_exporter_is_what_the_step_says_and_the_evidence_says_it_too() {
    let rig = Rig::new();
    rig.exporter(SURROUNDINGS);
    let text = "targets = ['registry']\n[[files]]\npath = 'app/a'\ncontent = 'a'\n[[files]]\npath = 'app/z'\n\
        content = 'z'\n[[steps]]\n[[steps]]\numask = '077'\nworking-directory = '/'\ntemporary = 'other-tmp'\n\
        hostname = 'elsewhere'\nfile-times = 1234567890\ncreation-order = 'reversed'\narguments = ['-parallel']\n\
        environment = { TZ = 'Asia/Tokyo', LC_ALL = 'C' }\n";
    rig.scenario("around", text);
    let run = rig.run(&[]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let printed = |step: u32, name: &str| run.printed(&format!("around/registry/{step}"), name);
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!((printed(1, "umask"), printed(2, "umask")), ("0022".to_owned(), "0077".to_owned()));
    assert_eq!((printed(1, "hostname"), printed(2, "hostname")), (own.trim().to_owned(), "elsewhere".to_owned()));
    assert!(printed(1, "cwd").ends_with("/build/workspace"), "{}", printed(1, "cwd"));
    assert_eq!(printed(2, "cwd"), "/");
    assert!(printed(1, "tmpdir").ends_with("/build/tmp") && printed(2, "tmpdir").ends_with("/build/other-tmp"));
    assert_eq!(printed(2, "tmp-writable"), "yes");
    assert_ne!(printed(1, "times"), "1234567890 ");
    assert_eq!(printed(2, "times"), "1234567890 ");
    let arguments = printed(2, "arguments");
    let end = arguments.rsplit_once(' ').unwrap();
    assert!(
        end.0.ends_with(" -parallel") && end.1.ends_with(&format!("/{}/app:latest", run.project("around/registry/2"))),
        "{arguments}"
    );
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), own, "the host's own name stays");
    let inputs = |step: u32| run.export(&format!("around/registry/{step}"))["inputs"].clone();
    assert_eq!(inputs(1)["surroundings"], json!({}));
    let expected = json!({
        "TMPDIR": "other-tmp", "TZ": "Asia/Tokyo", "creation-order": "reversed", "file-times": "1234567890",
        "hostname": "elsewhere", "locale": "C", "umask": "077", "working-directory": "/",
    });
    assert_eq!(inputs(2)["surroundings"], expected);
    let read = |step: u32| serde_json::from_value::<judge::evidence::Inputs>(inputs(step)).unwrap();
    assert_eq!(read(1).differences(&read(2)), ["surroundings"]);
}

#[test]
fn an_unprivileged_exporter_writes_its_report_and_cannot_read_what_is_root_s() {
    if !is_root() {
        return;
    }
    let rig = Rig::new();
    let script = format!("cat secret 2>/dev/null && echo secret=read || echo secret=closed\n{SURROUNDINGS}");
    rig.exporter(&script);
    let text = "targets = ['registry', 'layout']\n[[files]]\npath = 'app/secret'\ncontent = 's'\nmode = '000'\n\
        [[steps]]\nuser = 'unprivileged'\nmay-refuse = 'errors.unreadable-file'\n";
    rig.scenario("nobody", text);
    let run = rig.run(&[]);
    for service in ["registry", "layout"] {
        let id = format!("nobody/{service}/1");
        assert_eq!(run.printed(&id, "user"), "65534:65534:65534");
        assert_eq!(run.printed(&id, "secret"), "closed");
        assert_eq!(
            (run.printed(&id, "report-writable"), run.printed(&id, "tmp-writable")),
            ("yes".into(), "yes".into())
        );
        let inputs = run.export(&id)["inputs"].clone();
        assert_eq!((&inputs["run_as"], &inputs["may_refuse"]), (&json!(65534), &json!("errors.unreadable-file")));
        let files = inputs["files"].as_array().unwrap();
        let secret = files.iter().find(|file| file["path"].as_str().unwrap().ends_with("/secret")).unwrap();
        assert_eq!((&secret["mode"], secret["content"].is_string()), (&json!(0), true));
    }
    // Where that user cannot come, nothing is judged and the reason is said.
    open(&rig.path("tmp"), 0o700);
    std::fs::remove_dir_all(rig.path("evidence")).unwrap();
    let run = rig.run(&[]);
    let reason = run.skipped("nobody").unwrap_or_else(|| panic!("{}", run.report));
    assert!(reason.contains("closed to other users"), "{reason}");
}

#[test]
fn a_scenario_that_needs_root_is_skipped_with_the_reason_where_others_run_it() {
    if !is_root() {
        return;
    }
    let rig = Rig::new();
    rig.exporter("exit 1");
    rig.scenario("needy", "targets = ['registry', 'layout']\nneeds = ['root']\n");
    rig.scenario("user", "targets = ['registry']\n[[steps]]\nuser = 'unprivileged'\n");
    open(&rig.path("scenarios"), 0o755);
    let report = rig.path("tmp").join("report.json");
    let mut command = rig.command();
    // As long as the program can be reached by that user.
    let output = match command
        .uid(65534)
        .gid(65534)
        .arg("--report")
        .arg(format!("json={}", report.display()))
        .output_in_time()
    {
        Ok(output) => output,
        Err(error) => panic!("the test's folders must be open to others: {error}"),
    };
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = conformance::report::json::plain(&std::fs::read(&report).unwrap()).unwrap();
    let verdicts = report["verdicts"].as_array().unwrap();
    for (scenario, service) in [("needy", "registry"), ("needy", "layout"), ("user", "registry")] {
        let of_it: Vec<&Value> =
            verdicts.iter().filter(|v| v["scenario"] == scenario && v["service"] == service).collect();
        assert!(!of_it.is_empty(), "{scenario} {service}");
        for verdict in of_it.iter().filter(|verdict| verdict["verdict"] != "n/a") {
            assert!(verdict["message"].as_str().unwrap().contains("it needs root"), "{verdict}");
        }
    }
}

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
        ("other", "mirror.internal", "HTTP/1.0 200 OK", "HTTP/1.0 200 OK", 2),
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
    let schema: Value = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
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
fn a_run_image_in_a_layout_is_gone_too() {
    let rig = Rig::new();
    rig.exporter("for word; do [ \"$last\" = -layout-dir ] && find \"$word\" -name index.json | sed 's/^/found=/'; last=$word; done; echo found=; exit 1");
    rig.scenario("gone", "targets = ['layout']\n[[steps]]\n[[steps]]\ndelete-run-image = true\n");
    let run = rig.run(&[]);
    let folder = format!("/base.internal/{}/run/sha256/", run.project("gone/layout/1"));
    assert!(run.printed("gone/layout/1", "found").contains(&folder));
    assert_eq!(run.printed("gone/layout/2", "found"), "");
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
fn steps_that_fail_leave_whole_evidence_whatever_their_images_are() {
    let rig = Rig::new();
    // A report that claims what did not happen is evidence too; one that was there before is none.
    rig.exporter("for word; do [ \"$last\" = -report ] && report=$word; last=$word; done; [ -e \"$report\" ] || echo 'x = 1' > \"$report\"; exit 3");
    let zeros = "0".repeat(64);
    let text = format!(
        "[[steps]]\nimages = []\nexpect-failure = 'errors.no-image'\n\
         [[steps]]\nimages = ['app@sha256:{zeros}', 'app:1']\nexpect-failure = 'errors.digest-as-tag'\n\
         [[steps]]\nimages = ['Not a reference', 'app:1', 'app:..']\nexpect-failure = 'errors.malformed-reference'\n\
         [[steps]]\nimages = ['app:1', 'other-registry/app:1']\nexpect-failure = 'errors.two-registries'\n\
         [[steps]]\nremove = ['layers/analyzed.toml']\nexpect-failure = 'errors.missing-analyzed'\n\
         [[steps]]\nexpect-failure = 'errors.report-unwritable'\n[[steps.files]]\npath = 'report/report.toml'\n\
         directory = true\n[[steps]]\n[[steps.files]]\npath = 'report/report.toml'\ncontent = 'old = 1'\n"
    );
    rig.scenario("errors", &format!("targets = ['registry', 'layout']\n{text}"));
    let run = rig.run(&[]);
    for service in ["registry", "layout"] {
        for (step, images, asked) in [(1, 0, 0), (2, 2, 1), (3, 3, 1), (4, 2, 2), (5, 1, 1), (6, 1, 1), (7, 1, 1)] {
            let id = format!("errors/{service}/{step}");
            let export = run.export(&id);
            assert_eq!(export["inputs"]["images"].as_array().unwrap().len(), images, "{id}");
            assert_eq!(export["tags_before"].as_object().unwrap().len(), asked, "{id}: {}", export["tags_before"]);
            let before: Vec<&String> = export["tags_before"].as_object().unwrap().keys().collect();
            let mut after: Vec<&str> =
                export["tags"].as_array().unwrap().iter().map(|tag| tag["reference"].as_str().unwrap()).collect();
            after.sort_unstable();
            assert_eq!(before, after, "{id}");
            assert!(export["tags"].as_array().unwrap().iter().all(|tag| tag["digest"].is_null()), "{id}");
            assert_eq!((&export["image"], &export["outcome"]["end"]["code"]), (&Value::Null, &json!(3)), "{id}");
            assert_eq!(export["report"].is_object(), step < 6, "{id}");
            assert!(export["troubles"].as_array().unwrap().is_empty(), "{id}");
        }
        let files = run.export(&format!("errors/{service}/5"))["inputs"]["files"].clone();
        assert!(!files.to_string().contains("analyzed.toml"));
    }
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
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    let evidence = rig.path("evidence");
    let output = command
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
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
    let child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn();
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

#[test]
fn kept_inputs_hold_sockets_and_times_and_the_script_repeats_the_surroundings() {
    let rig = Rig::new();
    rig.exporter(SURROUNDINGS);
    let text = "targets = ['registry']\n[[files]]\npath = 'app/socket'\nsocket = true\n[[files]]\npath = 'app/fifo'\n\
        fifo = true\n[[steps]]\numask = '027'\nhostname = 'elsewhere'\nworking-directory = 'layers'\n\
        file-times = 1234567890\n";
    let user = if is_root() { "user = 'unprivileged'\n" } else { "" };
    rig.scenario("kept", &format!("{text}{user}"));
    let keep = rig.path("keep");
    let run = rig.run(&["--keep", &keep.display().to_string()]);
    let kept = keep.join("kept/registry/1");
    assert_eq!(std::fs::symlink_metadata(kept.join("workspace/socket")).unwrap().mtime(), 1_234_567_890);
    let script = rig.path("evidence").join("kept/registry/1/repeat.sh");
    let output = Command::new(&script).env("TMPDIR", rig.path("tmp")).arg(&kept).output_in_time().unwrap();
    let again = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = run.export("kept/registry/1")["outcome"]["stdout"].as_str().unwrap().to_owned();
    assert!(first.contains("umask=0027") && first.contains("hostname=elsewhere"), "{first}");
    let without_inodes =
        |text: &str| text.lines().filter(|line| !line.starts_with("first=")).collect::<Vec<_>>().join("\n");
    assert_eq!(without_inodes(&again), without_inodes(&first), "{}", String::from_utf8_lossy(&output.stderr));
}
