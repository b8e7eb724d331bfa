use super::*;

#[test]
fn built_in_descriptions_are_well_formed() {
    for (name, text) in built_in_descriptions() {
        assert_eq!(check_text(text, name).unwrap(), name);
    }
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let error = crate::error::chain(&check_text("name = 'x'\ncommand = ['y']\ncomand = []\n", "odd.toml").unwrap_err());
    assert!(error.contains("comand") && error.contains("odd.toml"), "{error}");
    assert!(check_text("name = 'x'\ncommand = []\n", "odd.toml").is_err());
    assert!(check_text("name = 'x'\ncommand = ['y']\nleave-out = ['-nope']\n", "odd.toml").is_err());
    for (keys, named) in [
        ("platform-api = '0.15'\nplatform-apis = ['0.14']\n", "leave one of the two out"),
        ("platform-apis = ['0.15', 'new']\n", "'new' is not two numbers"),
        ("platform-api = '15'\n", "'15' is not two numbers"),
    ] {
        let error = check_text(&format!("name = 'x'\ncommand = ['y']\n{keys}"), "odd.toml").unwrap_err();
        assert!(crate::error::chain(&error).contains(named), "{error}");
    }
}

#[test]
fn a_program_is_called_as_a_description_of_another_one_says() {
    let shell = Path::new("/bin/sh");
    let found = Exporter::at_as_described(shell, Path::new("lifecycle")).unwrap();
    assert_eq!((found.name.as_str(), found.program.path.as_path()), ("lifecycle", shell));
    assert_eq!(found.argument, "--exporter /bin/sh --exporter-file lifecycle");
    assert_eq!(found.platform_apis, ["0.15", "0.14", "0.13", "0.12"]);
    assert_eq!((found.first_platform_api(), found.program.before.len()), ("0.15".to_owned(), 0));
    assert_eq!(Exporter::at(shell).unwrap().first_platform_api(), "0.15");
    let error = crate::error::chain(&Exporter::at_as_described(shell, Path::new("nope")).unwrap_err());
    assert!(error.contains("nope") && error.contains("built in are reference and lifecycle"), "{error}");
}

#[test]
fn a_description_that_was_written_is_the_same_exporter_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.toml");
    let text = "name = 'all'\ncommand = ['/bin/sh', 'first']\narguments = ['-x']\nleave-out = ['-launch-cache']\n\
        targets = ['registry']\nplatform-apis = ['0.14', '0.13']\nunreachable-limit = 7\nextensions = true\n\
        [environment]\nA = 'b'\n[rebaser]\ncommand = ['/bin/sh', 'second']\narguments = ['-y']\n\
        leave-out = ['-force']\ntargets = ['registry']\nplatform-api = '0.13'\n[rebaser.environment]\nC = 'd'\n";
    std::fs::write(&file, text).unwrap();
    let told = |exporter: &Exporter| format!("{exporter:?}");
    let first = Exporter::from_file(&file).unwrap();
    std::fs::write(&file, first.described()).unwrap();
    let again = Exporter::from_file(&file).unwrap();
    assert_eq!(told(&again), told(&first));
    assert!(again.rebaser.is_some_and(|rebaser| rebaser.program.environment["C"] == "d"));
}

#[test]
fn what_is_not_there_or_not_executable_is_told_apart() {
    assert!(matches!(Exporter::at(Path::new("/nonexistent")), Err(DescriptionError::Missing { .. })));
    assert!(matches!(Exporter::at(Path::new("/etc/passwd")), Err(DescriptionError::NotExecutable { .. })));
}
