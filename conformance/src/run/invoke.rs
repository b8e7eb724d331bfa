//! Calling the exporter for one step: whether this machine can, how, and for how long.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use judge::evidence::{ChangedFile, Export, Outcome, Stream};
use judge::repeat::quoted;
use serde_json::{Map, Value, json};

use super::context::{RunContext, StepBuild};
use super::error::{ExportError, service};
use super::inputs::{self, owner, user_of};
use super::options::Options;
use super::store::Store;
use crate::exporter::secret::{HELPER, Secret, SecretPlace};
use crate::exporter::supervise::{Spec, USUAL_UMASK};
use crate::exporter::{CallPlaces, Invocation, invocation, platform_api, step_arguments, unsayable};
use crate::limits::UNREACHABLE_GRACE;
use crate::observe::{Credentials, REGISTRY_AUTH};
use crate::rig::proxy::ready_token;
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
    let planned = call_places(StepBuild { shared, scenario, step, build_dir: &built }, store, &insecure);
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

fn call_places<'a, S: Store>(build: StepBuild<'a>, store: &'a S, insecure_registries: &'a [String]) -> CallPlaces<'a> {
    let StepBuild { shared, scenario, step, build_dir } = build;
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
pub(super) fn call<S: Store>(build: StepBuild<'_>, store: &S, images: &[String]) -> Invocation {
    let StepBuild { shared, scenario, step, .. } = build;
    let insecure = insecure_hosts(shared, scenario, step);
    let call = call_places(build, store, &insecure);
    with_certificates(build, invocation(&shared.options.exporter, &scenario.file, step, images, &call))
}

/// The variable that names the certificates to trust, where the call has not one of its own.
pub(super) fn with_certificates(build: StepBuild<'_>, mut made: Invocation) -> Invocation {
    let StepBuild { shared, scenario, step, build_dir } = build;
    let are_some = shared.services.certificates(&scenario.endpoints()).is_some();
    if are_some && !step.unset.iter().any(|name| name == CERTIFICATES_VARIABLE) {
        let seen = build_dir.for_exporter(CERTIFICATES);
        made.environment.entry(CERTIFICATES_VARIABLE.to_owned()).or_insert(seen);
    }
    with_credentials(step, build_dir, &mut made);
    made
}

/// Runs the exporter under its supervisor. Where the recorder finds that the registry is silent, the exporter is ended:
/// what it does then tells nothing of it. `name` tells its files from those of other exports at the same time.
pub(super) async fn execute(build: StepBuild<'_>, call: &Invocation, name: &str) -> Result<Outcome, ExportError> {
    let StepBuild { shared, scenario, step, build_dir } = build;
    let scratch = shared.workspace.scratch();
    shared.services.look_for(scenario, step, &call.environment);
    let handed = shared.services.credentials(scenario, step);
    let token_registry = shared.services.host(RegistryEndpoint::Token);
    let given = as_tokens(&handed, step, token_registry);
    let secret = (!given.is_empty()).then(|| secret(&given, step, token_registry, build_dir)).unzip();
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
        terminate_after: step.terminate_after,
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
        None => Ok(without_secrets(outcome?, &handed)),
    }
}

/// A user's credentials for a registry, and its address.
type Handed = [(Credentials, String)];

/// The credentials as a step wants them to be given: a token server takes a password for a token to be exchanged, too.
fn as_tokens(handed: &Handed, step: &Step, token_registry: &str) -> Vec<(Credentials, String)> {
    let mut given = handed.to_vec();
    for (credentials, host) in &mut given {
        if step.credentials_by == CredentialsBy::IdentityToken
            && host == token_registry
            && let Credentials::Password { password, .. } = credentials
        {
            *credentials = Credentials::IdentityToken(std::mem::take(password));
        }
    }
    given
}

/// The name of the helper, after what all of them begin with.
const HELPER_NAME: &str = "vault";

/// The Authorization header that the variable has for a host; none where a token would have to be got first.
fn header((credentials, host): &(Credentials, String), step: &Step, token_registry: &str) -> Option<String> {
    match credentials {
        Credentials::Password { password, .. }
            if step.credentials_by == CredentialsBy::VariableWithToken && host == token_registry =>
        {
            Some(format!("Bearer {}", ready_token(password)))
        }
        _ => credentials.registry_auth(),
    }
}

/// How a step's exporter is given credentials.
fn secret(handed: &Handed, step: &Step, token_registry: &str, build_dir: &BuildDir) -> (SecretPlace, Secret) {
    let by_variable = matches!(
        step.credentials_by,
        CredentialsBy::Variable | CredentialsBy::VariableAndConfigFile | CredentialsBy::VariableWithToken
    );
    let headers: Option<Map<String, Value>> = handed
        .iter()
        .map(|one| Some((one.1.clone(), header(one, step, token_registry)?.into())))
        .collect::<Option<_>>()
        .filter(|_| by_variable);
    let entries = |all: &Handed| -> Map<String, Value> {
        all.iter().map(|(credentials, host)| credentials.docker_entry(host)).collect()
    };
    // A token cannot be given by the variable.
    let files = match step.credentials_by {
        CredentialsBy::Variable | CredentialsBy::VariableWithToken if headers.is_some() => Vec::new(),
        CredentialsBy::VariableAndConfigFile if headers.is_some() => {
            let others: Vec<_> = handed.iter().map(|(_, host)| (another(), host.clone())).collect();
            vec![(CONFIG_FILE.to_owned(), json!({ "auths": entries(&others) }).to_string())]
        }
        CredentialsBy::HomeConfigFile => {
            vec![(format!(".docker/{CONFIG_FILE}"), json!({ "auths": entries(handed) }).to_string())]
        }
        CredentialsBy::ConfigFileOfMany => {
            let mut auths = Map::new();
            for (credentials, host) in handed {
                let (key, entry) = credentials.docker_entry(host);
                let address = host.split(':').next().unwrap_or_default();
                // Another registry of the same address, and one whose name begins alike.
                for other in [address.to_owned(), format!("{host}0"), format!("https://{host}0/v1/")] {
                    auths.insert(other.clone(), another().docker_entry(&other).1);
                }
                auths.insert(if key == *host { format!("https://{host}/v1/") } else { key }, entry);
            }
            vec![(CONFIG_FILE.to_owned(), json!({ "auths": auths }).to_string())]
        }
        CredentialsBy::Helper | CredentialsBy::Store => {
            let config = if step.credentials_by == CredentialsBy::Store {
                json!({ "credsStore": HELPER_NAME })
            } else {
                let of = |(_, host): &(Credentials, String)| (host.clone(), Value::from(HELPER_NAME));
                json!({ "credHelpers": handed.iter().map(of).collect::<Map<_, _>>() })
            };
            vec![(CONFIG_FILE.to_owned(), config.to_string()), (format!("{HELPER}{HELPER_NAME}"), helper(handed))]
        }
        _ => vec![(CONFIG_FILE.to_owned(), json!({ "auths": entries(handed) }).to_string())],
    };
    let place = SecretPlace {
        folder: PathBuf::from(build_dir.for_exporter(DOCKER_CONFIG)),
        variable: REGISTRY_AUTH.to_owned(),
    };
    let variable = headers.map(|headers| Value::from(headers).to_string());
    (place, Secret { files: files.into_iter().collect(), variable })
}

/// What docker's clients call their file.
const CONFIG_FILE: &str = "config.json";

/// Credentials that are good nowhere.
fn another() -> Credentials {
    Credentials::Password { user: "another".to_owned(), password: "of-another-registry".to_owned() }
}

/// A program that answers as docker's credential helpers do.
fn helper(handed: &Handed) -> String {
    let cases: Vec<String> = handed
        .iter()
        .map(|(credentials, host)| {
            let hosts = [host.clone(), format!("https://{host}"), format!("https://{host}/")].map(|host| quoted(&host));
            format!("{}) printf '%s\\n' {} ;;\n", hosts.join("|"), quoted(&credentials.helper_answer(host)))
        })
        .collect();
    let cases = cases.concat();
    format!(
        "#!/bin/sh\n[ \"$1\" = get ] || exit 1\nread -r server\ncase $server in\n{cases}\
         *) echo 'credentials not found in native keychain'; exit 1 ;;\nesac\n"
    )
}

/// The variables by which an exporter finds its credentials, where they are not those of every call.
fn with_credentials(step: &Step, build_dir: &BuildDir, made: &mut Invocation) {
    let folder = build_dir.for_exporter(DOCKER_CONFIG);
    match step.credentials_by {
        CredentialsBy::HomeConfigFile => {
            made.environment.remove("DOCKER_CONFIG");
            made.environment.insert("HOME".to_owned(), folder);
        }
        CredentialsBy::Helper | CredentialsBy::Store => {
            let path = made.environment.entry("PATH".to_owned()).or_default();
            *path = format!("{folder}:{path}");
        }
        _ => {}
    }
}

/// What an exporter printed of the credentials that it was given is never kept, but that it did.
fn without_secrets(outcome: Outcome, handed: &Handed) -> Outcome {
    if handed.is_empty() {
        return outcome;
    }
    let hidden =
        |text: &str| handed.iter().fold(text.to_owned(), |text, (credentials, _)| credentials.hidden_in(&text));
    let (stdout, stderr) = (hidden(&outcome.stdout), hidden(&outcome.stderr));
    let mut printed = Vec::new();
    printed.extend((stdout != outcome.stdout).then_some(Stream::Stdout));
    printed.extend((stderr != outcome.stderr).then_some(Stream::Stderr));
    Outcome { stdout, stderr, credentials_printed: Some(printed), ..outcome }
}

/// Most bytes of a file in which credentials are looked for.
const MOST_LOOKED_AT: u64 = 1 << 20;

/// What an exporter wrote of its credentials into image, report and other files is not kept either. Digests and sizes
/// stay those of what it wrote.
pub(super) fn leave_out_secrets(build: StepBuild<'_>, export: &mut Export) {
    let StepBuild { shared, scenario, step, build_dir } = build;
    let handed = shared.services.credentials(scenario, step);
    if handed.is_empty() {
        return;
    }
    let text_of = |file: &ChangedFile| {
        let path = build_dir.host_path_of(&file.path)?;
        let is_small =
            std::fs::symlink_metadata(&path).is_ok_and(|facts| facts.is_file() && facts.len() <= MOST_LOOKED_AT);
        is_small.then(|| std::fs::read(&path).ok()).flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let has_some = |text: &String| handed.iter().any(|(credentials, _)| credentials.hidden_in(text) != *text);
    // The report is a document of its own.
    let others = export.changed_files.iter().flatten().filter(|file| file.path != export.inputs.report);
    if others.filter_map(text_of).any(|text| has_some(&text)) {
        export.outcome.credentials_printed.get_or_insert_default().push(Stream::File);
    }
    let image = export.image.as_mut();
    let (manifest, config) = image.map(|image| (&mut image.manifest, &mut image.config)).unzip();
    let written = [(Stream::Config, config), (Stream::Manifest, manifest), (Stream::Report, Some(&mut export.report))];
    for (place, document) in written {
        let Some(document) = document.and_then(Option::as_mut) else { continue };
        let masked =
            |text: &str| handed.iter().fold(text.to_owned(), |text, (credentials, _)| credentials.masked_in(&text));
        let Some(hidden) = document.text().map(|text| (masked(text), text)) else { continue };
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
