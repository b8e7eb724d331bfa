//! Registries that cannot be reached: a port where nothing listens, and one that accepts and says nothing.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, JoinSet};

/// A loopback port that is held and refuses connections, until it is dropped.
pub struct ClosedPort {
    host: String,
    _socket: TcpSocket,
}

impl ClosedPort {
    /// Takes a free port.
    ///
    /// # Errors
    /// The system's, where no port can be had.
    pub fn take() -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // Bound and not listening: connections are refused, and no one else is given the port.
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { host: socket.local_addr()?.to_string(), _socket: socket })
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Accepts connections, reads what comes and never answers; it ends when it is dropped.
pub struct SilentServer {
    host: String,
    task: JoinHandle<()>,
}

impl SilentServer {
    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// The system's, where no port can be had.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let host = listener.local_addr()?.to_string();
        let task = tokio::spawn(async move {
            // Connections end with this task.
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn(async move { tokio::io::copy(&mut stream, &mut tokio::io::sink()).await });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { host, task })
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl Drop for SilentServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_closed_port_refuses_and_is_nobody_else_s() {
        let port = ClosedPort::take().unwrap();
        let refused = TcpStream::connect(port.host()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(TcpListener::bind(port.host()).await.unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn a_silent_server_accepts_says_nothing_and_ends_when_dropped() {
        let server = SilentServer::start().await.unwrap();
        let host = server.host().to_owned();
        let mut stream = TcpStream::connect(&host).await.unwrap();
        stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut buffer = [0; 1];
        let answer = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut buffer)).await;
        assert!(answer.is_err(), "{answer:?}");
        drop(server);
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await.unwrap();
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
        assert!(TcpStream::connect(&host).await.is_err());
    }
}
