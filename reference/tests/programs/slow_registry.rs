//! A signal while a registry takes a large blob slowly.

use std::fs;
use std::io::{self, Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::build::exporter;
use crate::support::server::{Server, app, build_on, two_layers};

/// A connection of which at most 4 KiB are read in 10 ms.
struct Slow<S>(S);

impl<S: Read> Read for Slow<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::thread::sleep(Duration::from_millis(10));
        let most = buffer.len().min(4 << 10);
        self.0.read(&mut buffer[..most])
    }
}

impl<S: Write> Write for Slow<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn a_signal_ends_an_export_whose_blob_is_taken_slowly_and_no_upload_stays_open() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = Server::start_through(Slow);
        let build = build_on(&server, &two_layers());
        server.tag("app", "1", b"{\"schemaVersion\":2}");
        // Numbers whose digits do not compress away: many times what is read in the time of this test.
        let numbers = (0..1_500_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes());
        fs::write(build.path("app/large"), numbers.collect::<Vec<u8>>()).unwrap();
        let mut command = build.command(exporter());
        command.args(["-insecure-registry", &server.host, &app(&server)]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while server.uploads().is_empty() {
            assert!(child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_mins(1));
            std::thread::sleep(Duration::from_millis(10));
        }
        // By then the other blobs are there, and the large one is on its way.
        std::thread::sleep(Duration::from_secs(2));
        let open = server.uploads();
        assert!(!open.is_empty(), "{signal}: nothing is being sent any more");
        let ended = Instant::now();
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(ended.elapsed() < Duration::from_secs(6), "{signal}: {:?}", ended.elapsed());
        assert_eq!(output.status.code(), Some(62), "{stderr}");
        assert!(stderr.lines().count() == 1 && stderr.contains(signal.as_str()), "{stderr}");
        assert_eq!(server.uploads(), [""; 0], "{signal}");
        let cancelled = server.asked().into_iter().filter(|asked| asked.method == "DELETE").map(|asked| asked.target);
        let cancelled: Vec<String> = cancelled.collect();
        assert!(open.iter().all(|place| cancelled.contains(place)), "{signal}: {open:?}, {cancelled:?}");
        assert_eq!(server.manifest("app", "1").as_deref(), Some(&b"{\"schemaVersion\":2}"[..]), "{signal}");
        assert!(build.report().is_none() && build.left_over().is_empty(), "{signal}");
    }
}
