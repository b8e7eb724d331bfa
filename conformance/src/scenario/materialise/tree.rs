//! What is to be laid out, decided before anything is written: path below the build folder → what is there.

use std::collections::BTreeMap;

use super::node::{Kind, Node, PART};
use super::{APP, Analysis, LAUNCHER, LAYERS, LIFECYCLE, MaterialiseError, RUN, analysis, launch};
use crate::launcher::PROGRAM;
use crate::scenario::base::is_inside;
use crate::scenario::{FileEntry, Scenario, Step};

/// Where a path of a scenario is laid out; none for what is not an input.
pub(in crate::scenario) fn place_of(path: &str) -> Option<String> {
    if path == RUN {
        return Some(RUN.to_owned());
    }
    let (first, rest) = path.split_once('/')?;
    if rest.is_empty() || rest.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return None;
    }
    match first {
        "app" => Some(format!("{APP}/{rest}")),
        "layers" => Some(format!("{LAYERS}/{rest}")),
        "lifecycle" => Some(format!("{LIFECYCLE}/{rest}")),
        "report" => Some(path.to_owned()),
        _ => None,
    }
}

/// The same of an entry: the folders of app and layers can be given a mode, and a file can be in their place.
pub(in crate::scenario) fn place_of_entry(entry: &FileEntry) -> Option<String> {
    match entry.path.as_str() {
        "app" if entry.kinds() == 0 || entry.content.is_some() => Some(APP.to_owned()),
        "layers" if entry.content.is_some() => Some(LAYERS.to_owned()),
        path => place_of(path),
    }
}

/// The same of what a step removes, which may be a whole folder.
pub(in crate::scenario) fn place_of_removed(path: &str) -> Option<String> {
    place_of(path).or_else(|| place_of(&format!("{path}/x")).map(|inside| inside.trim_end_matches("/x").to_owned()))
}

/// The inputs of one step: the suite's own files, over them the scenario's without what the step removes, then the
/// step's overlay and files.
pub(crate) fn tree(
    scenario: &Scenario,
    step: &Step,
    analysis: &Analysis,
) -> Result<BTreeMap<String, Node>, MaterialiseError> {
    let mut tree = Tree { scenario, nodes: BTreeMap::new() };
    let is_run = scenario.file.steps.iter().any(|step| step.run_containers) && !PROGRAM.is_empty();
    let launcher = if is_run { PROGRAM } else { LAUNCHER.as_bytes() };
    let launcher = Node { kind: Kind::File(launcher.to_vec()), mode: 0o755 };
    tree.put(&format!("{LIFECYCLE}/launcher"), launcher);
    let own = [
        (
            format!("{LAYERS}/analyzed.toml"),
            analysis::analyzed(
                analysis,
                scenario.file.run_image.architecture(),
                &scenario.file.analyzed,
                step.analyzed_spelling,
            ),
        ),
        (RUN.to_owned(), analysis::run(analysis)),
    ];
    for (path, text) in own {
        tree.put(&path, Node::new(Kind::File(text.into_bytes())));
    }
    if let Some(extension) = &analysis.extension {
        for (path, bytes) in extension.files() {
            tree.content(&format!("{}/{path}", extension.folder), &bytes);
        }
    }
    let overlays: Vec<&String> = scenario.file.steps.iter().filter_map(|step| step.overlay.as_ref()).collect();
    for file in &scenario.files {
        if !overlays.iter().any(|folder| is_inside(&file.path, folder)) {
            tree.content(&file.path, &file.content);
        }
    }
    for entry in &scenario.file.files {
        tree.entry(entry)?;
    }
    for path in &step.remove {
        tree.remove(path);
    }
    for file in &scenario.files {
        if let Some(below) = step.overlay.as_ref().and_then(|folder| file.path.strip_prefix(&format!("{folder}/"))) {
            tree.content(below, &file.content);
        }
    }
    for entry in &step.files {
        tree.entry(entry)?;
    }
    if let Some((place, text)) = launch::missing(&tree.nodes) {
        tree.put(&place, Node::new(Kind::File(text.into_bytes())));
    }
    for (from, to) in &step.moved {
        tree.moves(from, to)?;
    }
    Ok(tree.nodes)
}

struct Tree<'a> {
    scenario: &'a Scenario,
    nodes: BTreeMap<String, Node>,
}

impl Tree<'_> {
    /// Puts a node; what cannot be there next to it goes.
    fn put(&mut self, place: &str, node: Node) {
        let is_folder = node.kind == Kind::Directory;
        self.nodes.retain(|other, there| {
            let is_above = place != other && is_inside(place, other) && there.kind != Kind::Directory;
            let is_below = place != other && is_inside(other, place) && !is_folder;
            !is_above && !is_below
        });
        self.nodes.insert(place.to_owned(), node);
    }

    /// A file of the scenario's folder; the bits of what it replaces stay, because a checkout keeps none.
    fn content(&mut self, path: &str, bytes: &[u8]) {
        let Some(place) = place_of(path) else { return };
        let mut node = Node::new(Kind::File(bytes.to_vec()));
        if let Some(Node { kind: Kind::File(_), mode }) = self.nodes.get(&place) {
            node.mode = *mode;
        }
        self.put(&place, node);
    }

    fn remove(&mut self, path: &str) {
        if let Some(place) = place_of_removed(path) {
            self.nodes.retain(|other, _| !is_inside(other, &place));
        }
    }

    /// Lays a file out at another place.
    fn moves(&mut self, from: &str, to: &str) -> Result<(), MaterialiseError> {
        let wrong = |reason: &str| MaterialiseError::Entry {
            scenario: self.scenario.name.clone(),
            path: from.to_owned(),
            reason: reason.to_owned(),
        };
        let (Some(here), Some(there)) = (place_of(from), place_of(to)) else { return Err(wrong(ELSEWHERE)) };
        let node = self.nodes.remove(&here).ok_or_else(|| wrong("there is nothing at this path to be moved"))?;
        self.put(&there, node);
        Ok(())
    }

    fn entry(&mut self, entry: &FileEntry) -> Result<(), MaterialiseError> {
        let wrong = |reason: &str| MaterialiseError::Entry {
            scenario: self.scenario.name.clone(),
            path: entry.path.clone(),
            reason: reason.to_owned(),
        };
        let place = place_of_entry(entry).ok_or_else(|| wrong(ELSEWHERE))?;
        let mode = match &entry.mode {
            Some(text) => {
                Some(u32::from_str_radix(text, 8).map_err(|_| wrong("mode must be octal, such as \"4755\""))?)
            }
            None => None,
        };
        let kind = match entry {
            FileEntry { directory: true, .. } => Kind::Directory,
            FileEntry { socket: true, .. } => Kind::Socket,
            FileEntry { fifo: true, .. } => Kind::Fifo,
            FileEntry { content: Some(text), .. } => Kind::File(text.clone().into_bytes()),
            FileEntry { size: Some(size), sparse: true, .. } => Kind::Sparse(with_a_hole(made_up(&entry.path, *size))),
            FileEntry { size: Some(size), .. } => Kind::File(made_up(&entry.path, *size)),
            FileEntry { symlink: Some(target), .. } => Kind::Symlink(target.clone()),
            FileEntry { hard_link: Some(other), .. } => Kind::HardLink(
                place_of(other).ok_or_else(|| wrong("hard-link must name a file below app/ or layers/"))?,
            ),
            _ => return self.change_mode(&place, mode).ok_or_else(|| wrong("there is nothing at this path")),
        };
        let mut node = Node::new(kind);
        node.mode = mode.unwrap_or(node.mode);
        self.put(&place, node);
        Ok(())
    }

    /// Gives bits to what is there, a folder that exists for the files below it included.
    fn change_mode(&mut self, place: &str, mode: Option<u32>) -> Option<()> {
        let is_folder = self.nodes.keys().any(|other| other != place && is_inside(other, place));
        let node = match self.nodes.get_mut(place) {
            Some(node) => node,
            None if is_folder => self.nodes.entry(place.to_owned()).or_insert(Node::new(Kind::Directory)),
            None => return None,
        };
        node.mode = mode.unwrap_or(node.mode);
        Some(())
    }
}

/// What is wrong with a path that is none of an input.
pub(in crate::scenario) const ELSEWHERE: &str =
    "its path must begin with app/, layers/, lifecycle/ or report/, or be cnb/run.toml, and hold no '.' or '..'";

/// Bytes that do not compress to nothing and are the same in every run: a xorshift sequence seeded by the path.
fn made_up(path: &str, size: u64) -> Vec<u8> {
    let seed = path
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut state = seed | 1;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(usize::try_from(size).unwrap_or(bytes.len()));
    bytes
}

/// The same with zeros between its first and its last part.
fn with_a_hole(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len().saturating_sub(PART);
    if let Some(hole) = bytes.get_mut(PART..end) {
        hole.fill(0);
    }
    bytes
}

/// An analysis for tests that do not look at it.
#[cfg(test)]
pub(super) fn analysed() -> Analysis {
    Analysis {
        run_image: "r".to_owned(),
        reference: "r".to_owned(),
        listed: "r".to_owned(),
        mirrors: Vec::new(),
        previous: None,
        extension: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_removes_and_overlays() {
        let scenarios = crate::scenario::built_in().unwrap();
        let scenario = scenarios.iter().find(|scenario| scenario.name == "rebuilt-with-another-app").unwrap();
        let [first, second] = [0, 1].map(|at| tree(scenario, &scenario.file.steps[at], &analysed()).unwrap());
        assert_ne!(first, second);
        assert!(second.keys().all(|path| !path.starts_with("step-2/")));
    }

    #[test]
    fn made_up_bytes_depend_on_the_path_alone() {
        assert_eq!(made_up("app/a", 100), made_up("app/a", 100));
        assert_ne!(made_up("app/a", 100), made_up("app/b", 100));
        assert_eq!(made_up("app/a", 13).len(), 13);
    }

    #[test]
    fn the_app_s_own_folder_can_have_a_mode_or_be_a_file() {
        let mut scenario = crate::scenario::built_in().unwrap().swap_remove(0);
        let of_mode =
            |path: &str| FileEntry { path: path.to_owned(), mode: Some("2775".to_owned()), ..FileEntry::default() };
        scenario.file.files = vec![
            FileEntry { path: "app/x".to_owned(), content: Some("x".to_owned()), ..FileEntry::default() },
            of_mode("app"),
        ];
        let found = tree(&scenario, &Step::default(), &analysed()).unwrap();
        assert_eq!(found[APP], Node { kind: Kind::Directory, mode: 0o2775 });
        for path in ["app", "layers"] {
            let file = FileEntry { content: Some("x".to_owned()), ..of_mode(path) };
            let step = Step { files: vec![file], ..Step::default() };
            let found = tree(&scenario, &step, &analysed()).unwrap();
            let place = if path == "app" { APP } else { LAYERS };
            assert_eq!(found[place], Node { kind: Kind::File(b"x".to_vec()), mode: 0o2775 });
            assert!(!found.keys().any(|other| other.starts_with(&format!("{place}/"))), "{path}");
        }
        for wrong in [FileEntry { directory: true, ..of_mode("app") }, of_mode("layers")] {
            scenario.file.files = vec![wrong];
            assert!(tree(&scenario, &Step::default(), &analysed()).is_err());
        }
    }

    #[test]
    fn the_suite_s_own_files_can_be_replaced_and_removed() {
        let mut scenario = crate::scenario::built_in().unwrap().swap_remove(0);
        let entry =
            |path: &str| FileEntry { path: path.to_owned(), content: Some("x".to_owned()), ..FileEntry::default() };
        scenario.file.files.clear();
        let step = Step {
            remove: vec!["cnb/run.toml".to_owned(), "lifecycle/launcher".to_owned()],
            files: vec![entry("layers/analyzed.toml")],
            ..Step::default()
        };
        let found = tree(&scenario, &step, &analysed()).unwrap();
        assert_eq!(found["layers/analyzed.toml"].kind, Kind::File(b"x".to_vec()));
        assert!(!found.contains_key(RUN) && !found.contains_key("cnb/lifecycle/launcher"));
    }

    #[test]
    fn a_file_in_place_of_a_folder_takes_what_was_below_it_away() {
        let mut tree = Tree { scenario: &crate::scenario::built_in().unwrap()[0], nodes: BTreeMap::new() };
        tree.content("app/a/b", b"1");
        tree.content("app/ab", b"2");
        tree.content("app/a", b"3");
        assert_eq!(tree.nodes.keys().collect::<Vec<_>>(), ["workspace/a", "workspace/ab"]);
        tree.content("app/a/c", b"4");
        assert_eq!(tree.nodes.keys().collect::<Vec<_>>(), ["workspace/a/c", "workspace/ab"]);
    }
}
