//! Builds and what surrounds them: a script prints it, and the evidence says it too.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use bounded::Bounded as _;
use serde_json::{Value, json};

use super::rig::{Rig, is_root, open};

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
