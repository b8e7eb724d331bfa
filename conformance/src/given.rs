//! Files that a user names: read whole, or refused in words. Neither a device without an end nor a pipe without a
//! writer is waited for, and nothing takes more memory than its kind of file may.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;

use crate::budget;
use crate::limits::PIPE;

/// How often a pipe is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The text of a file that a person wrote.
///
/// # Errors
/// The system's, or what is wrong with the file, in words.
pub fn text(path: &Path) -> io::Result<String> {
    text_within(path, budget::TEXT)
}

/// The text of a file that has at most `most` bytes.
///
/// # Errors
/// The system's, or what is wrong with the file, in words.
pub fn text_within(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(bytes(path, most)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(ErrorKind::InvalidData, format!("it is not UTF-8 at byte {at}"))
    })
}

/// The bytes of a file that has at most `most` of them.
///
/// # Errors
/// The system's, or what is wrong with the file, in words.
pub fn bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (mut file, is_pipe) = open(path)?;
    let mut bytes = Vec::new();
    if is_pipe {
        read_pipe(&mut file, most, &mut bytes)?;
    } else {
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > most {
        return Err(refused(format!("it has more than {most} bytes, and no more are read of such a file")));
    }
    Ok(bytes)
}

/// Opens a regular file, for what is too large to be in memory.
///
/// # Errors
/// The system's, or that it is another kind of file.
pub fn regular(path: &Path) -> io::Result<File> {
    let (file, is_pipe) = open(path)?;
    if is_pipe { Err(refused("it is a pipe, and not a regular file".to_owned())) } else { Ok(file) }
}

/// Opens what has an end without waiting for someone at the other end; and whether it is a pipe.
fn open(path: &Path) -> io::Result<(File, bool)> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(refused("it is a folder, and not a file".to_owned()));
    }
    if kind.is_file() || kind.is_fifo() {
        return Ok((file, kind.is_fifo()));
    }
    Err(refused("it is a device or socket, and not a regular file".to_owned()))
}

/// Reads a pipe to its end; ends where nothing comes for too long.
fn read_pipe(file: &mut File, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut last = Instant::now();
    while bytes.len() as u64 <= most {
        match file.read(&mut buffer) {
            // A pipe without a writer has an end at once; one that a shell makes has its writer by now.
            Ok(0) if bytes.is_empty() => return Err(refused("it is a pipe that nothing is written to".to_owned())),
            Ok(0) => break,
            Ok(count) => {
                bytes.extend_from_slice(&buffer[..count]);
                last = Instant::now();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && last.elapsed() < PIPE => std::thread::sleep(LOOK),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let seconds = PIPE.as_secs();
                return Err(refused(format!("it is a pipe, and nothing came for {seconds} s")));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn refused(reason: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, reason)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn why(path: &str) -> String {
        text(Path::new(path)).unwrap_err().to_string()
    }

    #[test]
    fn what_has_no_end_is_refused_at_once() {
        let begun = Instant::now();
        for device in ["/dev/zero", "/dev/urandom"] {
            assert_eq!(why(device), "it is a device or socket, and not a regular file");
        }
        assert_eq!(why("/"), "it is a folder, and not a file");
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(why(pipe.to_str().unwrap()), "it is a pipe that nothing is written to");
        assert!(regular(&pipe).is_err());
        // Larger than all memory, and takes no room on disk.
        let sparse = folder.path().join("sparse");
        File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
        assert!(why(sparse.to_str().unwrap()).starts_with("it has more than 4194304 bytes"));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_pipe_of_a_shell_is_read_and_an_endless_one_is_not() {
        let through = |script: &str, most: u64| {
            let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
            let pipe = child.stdout.take().unwrap();
            let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&pipe));
            let read = bytes(Path::new(&path), most);
            drop(pipe);
            let _ = child.kill();
            child.wait().unwrap();
            read
        };
        assert_eq!(through("printf a; sleep 0.3; printf b", 10).unwrap(), b"ab");
        assert!(through("cat /dev/zero", 1 << 20).unwrap_err().to_string().contains("more than 1048576 bytes"));
        let silent = through("printf a; exec sleep 60", 10).unwrap_err().to_string();
        assert_eq!(silent, "it is a pipe, and nothing came for 5 s");
    }
}
