//! Calling the exporter for one step: whether this machine can, how, and for how long.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use judge::evidence::{Export, Outcome, Stream};

use super::context::RunContext;
use super::error::{ExportError, service};
use super::inputs::{self, owner, user_of};
use super::options::Options;
use super::store::Store;
use crate::exporter::secret::{Secret, SecretPlace};
use crate::exporter::supervise::{Spec, USUAL_UMASK};
use crate::exporter::{CallPlaces, Invocation, invocation, platform_api, step_arguments, unsayable};
use crate::limits::UNREACHABLE_GRACE;
use crate::observe::{Credentials, REGISTRY_AUTH};
use crate::scenario::materialise::{BuildDir, DOCKER_CONFIG};
use crate::scenario::{CredentialsBy, RegistryEndpoint, Scenario, Step};

/// The variable by which programs are told which certificates to trust.
pub(super) const CERTIFICATES_VARIABLE: &str = "SSL_CERT_FILE";
/// The file of certificates in a build, where an exporter is told of any.
pub(super) const CERTIFICATES: &str = "certificates.pem";

/// Whether this machine and user allow the step.
pub(super) fn can_run<S: Store>(
    shared: &RunContext,
    scenario: &Scenario,
    step: &Step,
    store: &S,
) -> Result<(), ExportError> {
    let options = &shared.options;
    let api = platform_api(&scenario.file, step, &options.platform_api);
    if let Some((flag, _)) = step_arguments(&options.exporter, step, api).0.first()
        && step.expect_failure.is_some()
    {
        let reason = format!("the exporter is not given {flag}, by its description or by Platform API {api}");
        return Err(ExportError::Skipped(reason));
    }
    let insecure = insecure_hosts(shared, scenario, step);
    let built = stand_in();
    let planned = call_places(shared, scenario, step, store, &built, &insecure);
    let sboms = has_sboms(scenario, step);
    if let Some(reason) = unsayable(&options.exporter, &scenario.file, step, &store.images(step), &planned, sboms) {
        return Err(ExportError::Skipped(reason));
    }
    if let Some(reason) = shared.services.unrecorded(scenario).filter(|_| !step.faults.is_empty()) {
        let reason =
            format!("no recorder stands before the registry, and it is what makes the registry's faults: {reason}");
        return Err(ExportError::Skipped(reason));
    }
    if step.user.is_none() {
        return Ok(());
    }
    let skipped =
        |reason: String| ExportError::Skipped(format!("an unprivileged user cannot run the exporter: {reason}"));
    if let Some(reason) = shared.workspace.out_of_reach(&shared.options.exporter.program.path) {
        return Err(skipped(reason));
    }
    let socket = store.docker_host().and_then(|host| host.strip_prefix("unix://"));
    let is_open = |path: &str| std::fs::metadata(path).is_ok_and(|facts| facts.permissions().mode() & 0o002 != 0);
    match socket.filter(|path| !is_open(path)) {
        Some(path) => Err(skipped(format!("the daemon's socket {path} is closed to it"))),
        None => Ok(()),
    }
}

/// The build folder of a call that is not made yet: what is asked of it is the same wherever it lies.
pub(super) fn stand_in() -> BuildDir {
    BuildDir { host_path: PathBuf::from("/build"), exporter_path: PathBuf::from("/build") }
}

/// Whether SBOMs of a launcher are among the files of this step.
fn has_sboms(scenario: &Scenario, step: &Step) -> bool {
    let is_one = |path: &str| path.strip_prefix("lifecycle/").is_some_and(|name| name != "launcher");
    let laid_over = step.overlay.as_ref().map(|folder| format!("{folder}/"));
    let of_folder = |path: &str| {
        is_one(path)
            || laid_over.as_ref().is_some_and(|overlay| path.strip_prefix(overlay.as_str()).is_some_and(is_one))
    };
    scenario.files.iter().any(|file| of_folder(&file.path))
        || scenario.file.files.iter().chain(&step.files).any(|file| is_one(&file.path))
}

/// `host:port` of every registry of the step that has no TLS.
fn insecure_hosts(shared: &RunContext, scenario: &Scenario, step: &Step) -> Vec<String> {
    let file = &scenario.file;
    let names = file.images_of(step).iter().chain([&file.run_image.name]).chain(&file.run_image.chosen_mirror);
    let in_use: Vec<RegistryEndpoint> = names.map(|name| RegistryEndpoint::split(name).0).collect();
    shared.services.insecure_hosts(&in_use)
}

fn call_places<'a, S: Store>(
    shared: &'a RunContext,
    scenario: &'a Scenario,
    step: &'a Step,
    store: &'a S,
    build_dir: &'a BuildDir,
    insecure_registries: &'a [String],
) -> CallPlaces<'a> {
    CallPlaces {
        build_dir,
        target: store.target(),
        insecure_registries,
        docker_host: store.docker_host(),
        platform_api: platform_api(&scenario.file, step, &shared.options.platform_api),
        owner: owner(step),
    }
}

/// The exporter's command line and environment.
pub(super) fn call<S: Store>(
    shared: &RunContext,
    scenario: &Scenario,
    step: &Step,
    store: &S,
    images: &[String],
    build_dir: &BuildDir,
) -> Invocation {
    let insecure = insecure_hosts(shared, scenario, step);
    let call = call_places(shared, scenario, step, store, build_dir, &insecure);
    let made = invocation(&shared.options.exporter, &scenario.file, step, images, &call);
    with_certificates(shared, scenario, step, build_dir, made)
}

/// The variable that names the certificates to trust, where the call has not one of its own.
pub(super) fn with_certificates(
    shared: &RunContext,
    scenario: &Scenario,
    step: &Step,
    build_dir: &BuildDir,
    mut made: Invocation,
) -> Invocation {
    let are_some = shared.services.certificates(&scenario.endpoints()).is_some();
    if are_some && !step.unset.iter().any(|name| name == CERTIFICATES_VARIABLE) {
        let seen = build_dir.for_exporter(CERTIFICATES);
        made.environment.entry(CERTIFICATES_VARIABLE.to_owned()).or_insert(seen);
    }
    made
}

/// Runs the exporter under its supervisor. Where the recorder finds that the registry is silent, the exporter is ended:
/// what it does then tells nothing of it.
pub(super) async fn execute(
    shared: &RunContext,
    scenario: &Scenario,
    step: &Step,
    call: &Invocation,
    build_dir: &BuildDir,
    name: &str,
) -> Result<Outcome, ExportError> {
    let scratch = shared.workspace.scratch();
    shared.services.look_for(scenario, step, &call.environment);
    let handed = shared.services.credentials(scenario, step);
    let secret = handed.as_ref().map(|(handed, host)| secret(handed, host, step, build_dir)).unzip();
    let spec = Spec {
        argv: call.argv.clone(),
        environment: call.environment.clone(),
        // An absolute one stays what it is.
        working_dir: inputs::working_directory(step, build_dir),
        bind: shared.workspace.bind(build_dir),
        umask: step.umask.as_deref().and_then(|text| u32::from_str_radix(text, 8).ok()).unwrap_or(USUAL_UMASK),
        hostname: step.hostname.clone(),
        isolation: shared.workspace.isolation(words_of(call)),
        processors: step.processors,
        other_kernel: step.other_kernel,
        user: user_of(step),
        limit_seconds: limit(&shared.options, step),
        report: scratch.join(format!("{name}.report")),
        secret_place: secret.0,
        secret: secret.1,
    };
    let spec_file = scratch.join(format!("{name}.spec"));
    let ended = shared.cancelled.child_token();
    let mut running = std::pin::pin!(shared.supervisor.run(&spec, &spec_file, &ended));
    let (outcome, silence) = tokio::select! {
        outcome = &mut running => (outcome, None),
        silence = shared.services.falls_silent(&scenario.name) => {
            ended.cancel();
            (running.await, Some(silence))
        }
    };
    for file in [&spec_file, &spec.report] {
        let _ = std::fs::remove_file(file);
    }
    match silence.or_else(|| shared.services.silence(&scenario.name)) {
        Some(silence) => Err(service("run the exporter", silence)),
        None => Ok(without_secrets(outcome?, handed.as_ref().map(|(handed, _)| handed))),
    }
}

/// How a step's exporter is given credentials.
fn secret(handed: &Credentials, host: &str, step: &Step, build_dir: &BuildDir) -> (SecretPlace, Secret) {
    let by_variable = (step.credentials_by == CredentialsBy::Variable).then(|| handed.registry_auth(host)).flatten();
    if let Some(text) = by_variable {
        return (SecretPlace::Variable(REGISTRY_AUTH.to_owned()), Secret::new(text));
    }
    (SecretPlace::Folder(PathBuf::from(build_dir.for_exporter(DOCKER_CONFIG))), Secret::new(handed.docker_config(host)))
}

/// What an exporter printed of the credentials that it was given is never kept, but that it did.
fn without_secrets(outcome: Outcome, handed: Option<&Credentials>) -> Outcome {
    let Some(handed) = handed else { return outcome };
    let (stdout, stderr) = (handed.hidden_in(&outcome.stdout), handed.hidden_in(&outcome.stderr));
    let mut printed = Vec::new();
    printed.extend((stdout != outcome.stdout).then_some(Stream::Stdout));
    printed.extend((stderr != outcome.stderr).then_some(Stream::Stderr));
    Outcome { stdout, stderr, credentials_printed: Some(printed), ..outcome }
}

/// What an exporter wrote of its credentials into image or report is not kept either. Digests and sizes stay those of what
/// it wrote.
pub(super) fn leave_out_secrets(shared: &RunContext, scenario: &Scenario, step: &Step, export: &mut Export) {
    let Some((handed, _)) = shared.services.credentials(scenario, step) else { return };
    let image = export.image.as_mut();
    let (manifest, config) = image.map(|image| (&mut image.manifest, &mut image.config)).unzip();
    let written = [(Stream::Config, config), (Stream::Manifest, manifest), (Stream::Report, Some(&mut export.report))];
    for (place, document) in written {
        let Some(document) = document.and_then(Option::as_mut) else { continue };
        let Some(hidden) = document.text().map(|text| (handed.masked_in(text), text)) else { continue };
        if hidden.0 != hidden.1 {
            document.bytes = hidden.0.into_bytes();
            export.outcome.credentials_printed.get_or_insert_default().push(place);
        }
    }
}

/// All that may name a file which the exporter needs.
fn words_of(call: &Invocation) -> impl Iterator<Item = &str> {
    call.argv.iter().chain(call.environment.values()).map(String::as_str)
}

/// Seconds that a step may take: an exporter that waits for a registry may use up what its description allows, be that
/// more or less than what others may take.
pub(super) fn limit(options: &Options, step: &Step) -> u64 {
    let expected = step.expect_failure.as_deref().and_then(judge::requirements::named);
    let waits =
        expected.is_some_and(|requirement| requirement.waits) || step.faults.iter().any(|fault| fault.times.is_none());
    let allowed = options.exporter.unreachable_limit.saturating_add(UNREACHABLE_GRACE);
    if waits { allowed } else { options.timeout }
}
