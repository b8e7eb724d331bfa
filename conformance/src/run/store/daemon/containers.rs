//! Containers of an exported image, run in the daemon that has it: the suite's own image first, which shows whether the
//! engine runs containers at all.

use std::collections::BTreeSet;

use judge::evidence::{Container, Ran};

use crate::error::chain;
use crate::launcher;
use crate::rig::container::{self, Ended, LIMIT};
use crate::rig::daemon::DaemonError;
use crate::run::error::{ExportError, disk, service};
use crate::run::services::daemon::DaemonService;
use crate::scenario::materialise::{BuildDir, LAYERS};

/// Where the launcher is in the suite's own image.
const OWN_ENTRYPOINT: &str = "/launcher";

/// Containers in one daemon. Names of what was begun are kept until it is gone, so that an interruption leaves nothing.
pub(super) struct Containers<'a> {
    service: &'a DaemonService,
    /// What their names begin with, which no other run uses.
    prefix: String,
    begun: Vec<String>,
    /// Names of images that were made here.
    images: Vec<String>,
}

impl<'a> Containers<'a> {
    pub(super) fn new(service: &'a DaemonService, prefix: &str) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let prefix = prefix.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
        Self { service, prefix, begun: Vec::new(), images: Vec::new() }
    }

    /// Runs the image under its own entrypoint, and then each of its processes; the suite's own image, `control`,
    /// first.
    pub(super) async fn run(&mut self, image: &str, control: &str, processes: &[String]) -> Result<Ran, ExportError> {
        let mut ran = Ran { not_run: self.cannot_run(control).await?, containers: Vec::new() };
        if ran.not_run.is_some() {
            return Ok(ran);
        }
        let entrypoints = processes.iter().map(|name| format!("/cnb/process/{name}")).map(Some);
        for entrypoint in std::iter::once(None).chain(entrypoints) {
            let ended = self.one(image, entrypoint.as_deref()).await?;
            ran.containers.push(facts(entrypoint, &ended));
        }
        Ok(ran)
    }

    /// Why no container can be run here, whatever image it is of.
    async fn cannot_run(&mut self, control: &str) -> Result<Option<String>, ExportError> {
        let name = &self.service.name;
        if launcher::PROGRAM.is_empty() {
            return Ok(Some("this suite was built without a launcher for containers".to_owned()));
        }
        let tar = own_image().map_err(|source| disk("make an image to run", source))?;
        self.images.push(control.to_owned());
        if let Err(error) = self.service.daemon.make(tar, control).await {
            return match error {
                DaemonError::Silent { .. } => Err(self.failed(error)),
                error => Ok(Some(format!("{name} does not take the suite's own image: {}", chain(&error)))),
            };
        }
        // An engine that is slow to let go of a container takes the image's name alone.
        if let Ok(Some(id)) = self.service.daemon.image_id(control).await {
            self.service.remember(&id);
        }
        let ended = self.one(control, Some(OWN_ENTRYPOINT)).await?;
        let facts = facts(None, &ended);
        Ok(facts
            .found
            .is_none()
            .then(|| format!("{name} cannot run a container of the suite's own image: {}", told(&facts, &ended))))
    }

    async fn one(&mut self, image: &str, entrypoint: Option<&str>) -> Result<Ended, ExportError> {
        let name = format!("{}-{}", self.prefix, self.begun.len());
        self.begun.push(name.clone());
        let ended = container::run(&self.service.daemon, &name, image, entrypoint).await;
        ended.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: DaemonError) -> ExportError {
        service(format!("run a container in {}", self.service.name), error)
    }

    /// Removes what an interruption left.
    pub(super) async fn clean_up(&mut self) {
        for name in std::mem::take(&mut self.begun) {
            container::remove(&self.service.daemon, &name).await;
        }
        for name in std::mem::take(&mut self.images) {
            self.service.daemon.remove_image(&name).await;
        }
    }
}

/// The processes that a build's metadata lists, in their order, each once.
pub(super) fn processes(build_dir: &BuildDir) -> Vec<String> {
    let text = crate::given::text(&build_dir.on_host(&format!("{LAYERS}/config/metadata.toml"))).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let list = table.get("processes").and_then(toml::Value::as_array).into_iter().flatten();
    let mut seen = BTreeSet::new();
    let names = list.filter_map(|process| process.get("type")?.as_str().map(str::to_owned));
    names.filter(|name| seen.insert(name.clone())).collect()
}

/// A tar of the launcher and nothing else.
fn own_image() -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_mtime(1);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(launcher::PROGRAM.len() as u64);
    builder.append_data(&mut header, OWN_ENTRYPOINT.trim_start_matches('/'), launcher::PROGRAM)?;
    builder.into_inner()
}

fn facts(entrypoint: Option<String>, ended: &Ended) -> Container {
    let is_over = ended.refused.is_some() || ended.exit.is_some();
    Container {
        entrypoint,
        refused: ended.refused.clone(),
        exit: ended.exit,
        ended_after: (!is_over).then_some(LIMIT.as_secs()),
        stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
        found: launcher::read(&ended.stdout).ok().filter(|_| ended.exit == Some(0)),
    }
}

/// How a container did not do what it was to do.
fn told(facts: &Container, ended: &Ended) -> String {
    match (&facts.refused, facts.exit) {
        (Some(reason), _) => reason.clone(),
        (None, None) => format!("it did not end within {} s", LIMIT.as_secs()),
        (None, Some(0)) => {
            let why = launcher::read(&ended.stdout).err().unwrap_or_default();
            format!("what it printed was not read: {why}")
        }
        (None, Some(code)) => format!("exit {code}: {}", facts.stderr.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_was_refused_ended_or_ran_on_is_told_apart() {
        let refused = facts(None, &Ended { refused: Some("no such file".to_owned()), ..Ended::default() });
        assert_eq!((refused.refused.as_deref(), refused.exit, refused.ended_after), (Some("no such file"), None, None));
        let ran_on = facts(None, &Ended::default());
        assert_eq!((ran_on.exit, ran_on.ended_after), (None, Some(LIMIT.as_secs())));
        let ended = Ended { exit: Some(3), stderr: b"why".to_vec(), ..Ended::default() };
        let failed = facts(Some("/x".to_owned()), &ended);
        assert_eq!((failed.exit, failed.ended_after, failed.stderr.as_str()), (Some(3), None, "why"));
        assert_eq!(told(&failed, &ended), "exit 3: why");
    }

    #[test]
    fn what_is_printed_by_another_program_is_not_taken_for_the_launcher_s() {
        let ended = Ended { exit: Some(0), stdout: b"hello".to_vec(), ..Ended::default() };
        let facts = facts(None, &ended);
        assert_eq!(facts.found, None);
        assert!(told(&facts, &ended).starts_with("what it printed was not read: "));
    }

    #[test]
    fn the_suite_s_own_image_holds_its_launcher_alone() {
        let tar = own_image().unwrap();
        let mut archive = tar::Archive::new(tar.as_slice());
        let entries: Vec<_> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
        assert_eq!(entries, [std::path::Path::new("launcher")]);
    }
}
