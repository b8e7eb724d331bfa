//! The files of one export next to its `export.json`: documents as they were observed, what was printed, and a script
//! that repeats it.

use std::path::{Path, PathBuf};

use judge::evidence::{Document, Export, Image};
use judge::repeat::quoted;
use serde_json::json;

/// Names and bytes of the files.
pub(super) fn files_of(export: &Export, inputs_kept: Option<&Path>) -> Vec<(&'static str, Vec<u8>)> {
    let mut files = Vec::new();
    let mut document = |name, document: Option<&Document>| {
        if let Some(document) = document {
            files.push((name, document.bytes.clone()));
        }
    };
    let image =
        |names: [&'static str; 2], image: Option<&Image>, put: &mut dyn FnMut(&'static str, Option<&Document>)| {
            put(names[0], image.and_then(|image| image.manifest.as_ref()));
            put(names[1], image.and_then(|image| image.config.as_ref()));
        };
    image(["manifest.json", "config.json"], export.image.as_ref(), &mut document);
    document("report.toml", export.report.as_ref());
    document("run-image-index.json", export.run_image.index.as_ref());
    document("run-image-manifest.json", Some(&export.run_image.manifest));
    document("run-image-config.json", Some(&export.run_image.config));
    if let Some(daemon) = &export.daemon {
        document("inspect.json", daemon.inspect.as_ref());
        document("archive-manifest.json", daemon.archive_manifest.as_ref());
        document("archive-index.json", daemon.archive_index.as_ref());
        image(["pushed-manifest.json", "pushed-config.json"], daemon.pushed.as_ref(), &mut document);
        let pulled_back = daemon.pulled_back.as_ref();
        image(["pulled-back-manifest.json", "pulled-back-config.json"], pulled_back, &mut document);
    }
    if let Some(root) = export.layout.as_ref().and_then(|layout| layout.roots.first()) {
        document("index.json", root.index.as_ref());
        document("oci-layout", root.oci_layout.as_ref());
    }
    files.push(("stdout.txt", export.outcome.stdout.clone().into_bytes()));
    files.push(("stderr.txt", export.outcome.stderr.clone().into_bytes()));
    let tags: Vec<_> = export
        .tags
        .iter()
        .map(|tag| json!({ "reference": tag.reference, "status": tag.status, "content-type": tag.content_type, "digest": tag.digest }))
        .collect();
    files.push(("tags.json", format!("{:#}\n", json!(tags)).into_bytes()));
    files.push(("repeat.sh", repeat_script(export, inputs_kept).into_bytes()));
    files
}

/// A shell script that runs the exporter alone, at the same paths and with the same surroundings. File times and
/// creation order are those of the inputs that were kept.
fn repeat_script(export: &Export, inputs_kept: Option<&Path>) -> String {
    let inputs = &export.inputs;
    let around = |name: &str| inputs.surroundings.get(name).map(String::as_str);
    let seen = Path::new(&inputs.layers).parent().unwrap_or(Path::new("/"));
    let folder = around("working-directory").map_or_else(|| PathBuf::from(&inputs.app), |folder| seen.join(folder));
    let kept = inputs_kept.map_or_else(String::new, |path| quoted(&path.display().to_string()));
    let mut words: Vec<String> =
        inputs.environment.iter().map(|(name, value)| quoted(&format!("{name}={value}"))).collect();
    words.extend(inputs.argv.iter().map(|word| quoted(word)));
    let user =
        inputs.run_as.map_or_else(String::new, |user| format!("setpriv --reuid {user} --regid {user} --clear-groups "));
    let kernel = around("kernel").map_or("", |_| "setarch --uname-2.6 ");
    let processors = around("processors").and_then(|count| count.parse::<usize>().ok());
    let processors = processors.map_or_else(String::new, |count| format!("taskset -c 0-{} ", count.max(1) - 1));
    let name = around("hostname").map_or_else(String::new, |name| format!("hostname {name}; "));
    format!(
        "#!/bin/sh\n\
         # Runs the {phase} alone, as the suite did for {id}. Credentials are left out.\n\
         # INPUTS is the folder of this export below the one that was given to --keep. The registry, daemon and run\n\
         # image that the arguments and analyzed.toml name have to be there.\n\
         set -eu\n\
         inputs=${{1:-{kept}}}\n\
         [ -n \"$inputs\" ] || {{ echo \"usage: $0 INPUTS\" >&2; exit 2; }}\n\
         seen={seen}\n\
         mkdir -p \"$seen\"\n\
         [ \"$(id -u)\" = 0 ] && user= || user='--map-current-user --keep-caps'\n\
         exec unshare $user --mount --uts --propagation private sh -c '\n\
         mount --bind \"$1\" \"$2\"; cd \"$3\"; shift 3; {name}umask {umask}; exec {user}{kernel}{processors}env -i \"$@\"\n\
         ' sh \"$inputs\" \"$seen\" {folder} \\\n    {words}\n",
        phase = export.phase(),
        id = export.id,
        seen = quoted(&seen.display().to_string()),
        folder = quoted(&folder.display().to_string()),
        umask = around("umask").unwrap_or("022"),
        words = words.join(" \\\n    "),
    )
}
