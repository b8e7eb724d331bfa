//! Files on disk, as the exporter sees them.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use conformance::observe::file_facts;
use judge::digest::Digest;
use judge::evidence::FileKind;

#[test]
fn a_folder_is_told_with_its_links_unfollowed() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    std::fs::create_dir(at("sub")).unwrap();
    std::fs::write(at("sub/a.toml"), "a = 1").unwrap();
    std::fs::write(at("sub/a.bin"), "a = 1").unwrap();
    std::fs::write(at("sub/odd.json"), [0xff]).unwrap();
    std::fs::write(at("sub/long.json"), vec![b' '; (1 << 20) + 1]).unwrap();
    std::fs::set_permissions(at("sub/a.bin"), std::fs::Permissions::from_mode(0o4711)).unwrap();
    std::os::unix::fs::symlink("/etc", at("link")).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    let facts = file_facts(root.path(), "/layers/").unwrap();
    let paths: Vec<_> = facts.iter().map(|fact| fact.path.as_str()).collect();
    let sub =
        ["/layers/sub", "/layers/sub/a.bin", "/layers/sub/a.toml", "/layers/sub/long.json", "/layers/sub/odd.json"];
    assert_eq!(paths, [&["/layers", "/layers/link", "/layers/socket"][..], &sub[..]].concat());
    let [root, link, socket, _, bin, toml, long, odd] = &facts[..] else { panic!("eight files") };
    assert_eq!((root.kind, &root.content, root.size), (FileKind::Directory, &None, 0));
    assert_eq!((link.kind, link.link.as_deref()), (FileKind::Symlink, Some("/etc")));
    assert_eq!((socket.kind, socket.size), (FileKind::Other, 0));
    assert_eq!((bin.mode, &bin.text, bin.content.clone()), (0o4711, &None, Some(Digest::of(b"a = 1"))));
    assert_eq!((toml.text.as_deref(), toml.size), (Some("a = 1"), 5));
    assert_eq!((&long.text, &odd.text), (&None, &None));
}

#[test]
fn a_single_file_is_shown_under_its_own_name_and_a_missing_one_is_no_fact() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("x.toml");
    std::fs::write(&file, "").unwrap();
    let facts = file_facts(&file, "/work/group.toml").unwrap();
    assert_eq!(facts.len(), 1);
    assert_eq!((facts[0].path.as_str(), facts[0].text.as_deref()), ("/work/group.toml", Some("")));
    assert_eq!(file_facts(&root.path().join("none"), "/none").unwrap(), []);
    assert!(file_facts(Path::new("/proc/self/mem"), "/mem").unwrap_err().to_string().contains("/proc/self/mem"));
}
