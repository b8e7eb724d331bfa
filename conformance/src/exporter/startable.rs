//! Why a program that is there does not start: its interpreter or loader is missing, or it is made for another machine.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The type of a program header that names the loader.
const INTERPRETER: u32 = 3;
/// What `e_machine` is on this machine, where that is known.
const MACHINE: Option<u16> = if cfg!(target_arch = "x86_64") {
    Some(62)
} else if cfg!(target_arch = "aarch64") {
    Some(183)
} else {
    None
};

/// Whether `program` is not a script, so that its loader may end it.
#[must_use]
pub fn is_native(program: &Path) -> bool {
    let mut head = [0; 4];
    File::open(program).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"\x7fELF"
}

/// Why `program` cannot be started, read from the program itself; none where nothing is wrong with it.
#[must_use]
pub fn obstacle(program: &Path) -> Option<String> {
    let mut file = File::open(program).ok()?;
    let mut head = [0; 256];
    let length = file.read(&mut head).ok()?;
    let head = &head[..length];
    if head.starts_with(b"#!") {
        return script(head);
    }
    if !head.starts_with(b"\x7fELF") {
        return Some(
            "it is neither a script with a #! line nor a program of this system (exec format error)".to_owned(),
        );
    }
    let machine = u16::from_le_bytes([*head.get(18)?, *head.get(19)?]);
    if MACHINE.is_some_and(|own| own != machine) {
        return Some("it is made for another kind of processor (exec format error)".to_owned());
    }
    let loader = loader(&mut file).ok().flatten()?;
    (!loader.exists()).then(|| {
        format!(
            "its interpreter {} is missing: it is linked with another C library than this system's",
            loader.display()
        )
    })
}

/// The interpreter of a script; for `env` the program that it is to find, where it does not.
fn script(head: &[u8]) -> Option<String> {
    let line = head[2..].split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let mut words = line.trim_matches([' ', '\t']).split([' ', '\t']).filter(|word| !word.is_empty());
    let interpreter = words.next()?;
    if !Path::new(interpreter).exists() {
        let end = if interpreter.ends_with('\r') { "; its lines end as those of Windows do" } else { "" };
        return Some(format!("its interpreter {} is missing{end}", interpreter.escape_debug()));
    }
    let found = words.find(|word| *word != "-S" && !word.contains('=')).filter(|_| interpreter.ends_with("/env"))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = found.contains('/') || std::env::split_paths(&path).any(|folder| folder.join(found).is_file());
    (!is_there).then(|| format!("its interpreter {} is not on PATH", found.escape_debug()))
}

/// The loader that a 64-bit little-endian program names; a static one names none.
fn loader(file: &mut File) -> io::Result<Option<PathBuf>> {
    let mut header = [0; 64];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut header)?;
    // 64 bits, little-endian; others are left alone.
    if header[4] != 2 || header[5] != 1 {
        return Ok(None);
    }
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| header[at + index]));
    let short = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let (start, size, count) = (number(32), short(54), short(56));
    for index in 0..count {
        let mut entry = [0; 56];
        file.seek(SeekFrom::Start(start.saturating_add(index * size)))?;
        file.read_exact(&mut entry)?;
        if u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]) != INTERPRETER {
            continue;
        }
        let field = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| entry[at + index]));
        let mut path = Vec::new();
        file.seek(SeekFrom::Start(field(8)))?;
        file.take(field(32).min(4096)).read_to_end(&mut path)?;
        let path = String::from_utf8_lossy(&path).trim_end_matches('\0').to_owned();
        return Ok(Some(PathBuf::from(path)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        std::fs::write(&path, bytes).unwrap();
        obstacle(&path)
    }

    #[test]
    fn what_is_missing_is_named() {
        for (bytes, named) in [
            (&b"#!/nonexistent/python3 -u\nx\n"[..], "its interpreter /nonexistent/python3 is missing"),
            (b"#! /bin/sh\r\nexit 0\r\n", "/bin/sh\\r is missing; its lines end as those of Windows do"),
            (b"#!/usr/bin/env python-of-nobody\n", "python-of-nobody is not on PATH"),
            (b"#!/usr/bin/env -S A=1 python-of-nobody -u\n", "python-of-nobody is not on PATH"),
            (b"echo no interpreter\n", "exec format error"),
            (b"", "exec format error"),
        ] {
            let found = of(bytes).unwrap_or_default();
            assert!(found.contains(named), "{found}");
        }
        for bytes in [&b"#!/bin/sh\n"[..], b"#!/usr/bin/env sh\n", b"\x7fELF"] {
            assert_eq!(of(bytes), None, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_program_without_its_loader_or_of_another_machine_is_told_apart_from_one_that_runs() {
        let own = std::env::current_exe().unwrap();
        assert_eq!(obstacle(&own), None);
        let mut bytes = std::fs::read(&own).unwrap();
        let mut file = File::open(&own).unwrap();
        let loader = loader(&mut file).unwrap().unwrap().display().to_string();
        let at = bytes.windows(loader.len()).position(|part| part == loader.as_bytes()).unwrap();
        bytes[at..at + 4].copy_from_slice(b"/non");
        let found = of(&bytes).unwrap();
        assert!(found.contains("its interpreter /non") && found.contains("C library"), "{found}");
        bytes[18] = 0xf3;
        assert!(of(&bytes).unwrap().contains("another kind of processor"));
    }
}
