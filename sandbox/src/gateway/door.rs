//! The public endpoint of a cluster's API server: who comes from the internet is let through, or not.
//!
//! It guarantees that its address stays while the control plane behind it comes and goes, that nobody can connect unless
//! the cluster admits this machine now, and that TLS is between both ends: bytes pass as they are. While it is shut, the port
//! is kept, but refuses connections; on AWS, nothing would answer.
//! <https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html>

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Weak;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::Gateway;
use crate::eks::INTERNET;

/// How soon a change of who is admitted counts.
const LOOK: Duration = Duration::from_millis(50);

/// One cluster's public endpoint; dropping it frees its port.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    keeper: JoinHandle<()>,
}

/// Who opens and shuts it.
struct Keeper {
    gateway: Weak<Gateway>,
    region: String,
    cluster: String,
    port: u16,
}

impl Door {
    /// At this port, or at any if it is 0.
    ///
    /// # Errors
    /// If the port is taken.
    pub(super) fn new(gateway: Weak<Gateway>, region: &str, cluster: &str, port: u16) -> io::Result<Self> {
        let socket = reserve(port)?;
        let address = socket.local_addr()?;
        let (region, cluster) = (region.to_owned(), cluster.to_owned());
        let keeper = Keeper { gateway, region, cluster, port: address.port() };
        Ok(Self { address, keeper: tokio::spawn(keeper.keep(socket)) })
    }

    /// `https://127.0.0.1:<port>`.
    pub(super) fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Keeper {
    async fn keep(self, mut socket: TcpSocket) {
        loop {
            while !self.admits() {
                tokio::time::sleep(LOOK).await;
            }
            let shut = match socket.listen(1024) {
                Ok(listener) => {
                    self.open(&listener).await;
                    drop(listener);
                    reserve(self.port)
                }
                Err(error) => Err(error),
            };
            socket = match shut {
                Ok(socket) => socket,
                Err(error) => return tracing::error!(cluster = self.cluster, %error, "the public endpoint is lost"),
            };
        }
    }

    /// Until it is to be shut. Who is through by then stays, as on AWS.
    async fn open(&self, listener: &TcpListener) {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) if self.admits() => self.let_through(stream),
                    Ok(_) => return,
                    Err(error) => tracing::warn!(cluster = self.cluster, %error, "the public endpoint took no connection"),
                },
                _ = looks.tick() => if !self.admits() {
                    return;
                },
            }
        }
    }

    fn let_through(&self, stream: TcpStream) {
        let gateway = self.gateway.upgrade();
        // Without a control plane behind it, the connection ends.
        if let Some(inner) = gateway.and_then(|gateway| gateway.planes.inner(&self.region, &self.cluster)) {
            tokio::spawn(async move {
                if let Err(error) = splice(stream, &[], inner).await {
                    tracing::debug!(%error, "a connection to an API server");
                }
            });
        }
    }

    fn admits(&self) -> bool {
        self.gateway.upgrade().is_some_and(|gateway| gateway.eks.admits(&self.region, &self.cluster, INTERNET))
    }
}

/// Connects a client to an API server, until one of them ends; `first` has come already.
pub(super) async fn splice(mut client: TcpStream, first: &[u8], inner: SocketAddr) -> io::Result<()> {
    let mut server = TcpStream::connect(inner).await?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    server.write_all(first).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

// A socket that is bound, but does not listen, keeps its port and refuses who comes.
fn reserve(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_kept_port_refuses_until_it_is_opened_and_can_be_shut_again() {
        let socket = reserve(0).unwrap();
        let address = socket.local_addr().unwrap();
        let connects = async || TcpStream::connect(address).await.map(drop).map_err(|error| error.kind());
        assert_eq!(connects().await, Err(io::ErrorKind::ConnectionRefused));
        let listener = socket.listen(16).unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (_client, _server) = (client.unwrap(), server.unwrap());
        drop(listener);
        // Although somebody is still connected.
        let again = reserve(address.port()).unwrap();
        assert_eq!(connects().await, Err(io::ErrorKind::ConnectionRefused));
        drop(again);
    }
}
