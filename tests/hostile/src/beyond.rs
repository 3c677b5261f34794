//! Imports that the world doesn't have, and that a host gives all the same,
//! for other languages' components can't do without → what they lead to.

use crate::bindings::wasi::cli::{environment, exit, stdin};
use crate::bindings::wasi::filesystem::preopens;
use crate::bindings::wasi::sockets::instance_network::instance_network;
use crate::bindings::wasi::sockets::network::{
    IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use crate::bindings::wasi::sockets::{ip_name_lookup, tcp_create_socket, udp_create_socket};

/// What the guest got of the host.
pub fn reach(name: &str) -> String {
    match name {
        "environment" => format!(
            "{} variables, {} arguments, working directory {:?}",
            environment::get_environment().len(),
            environment::get_arguments().len(),
            environment::initial_cwd(),
        ),
        "files" => format!("{} directories", preopens::get_directories().len()),
        "stdin" => format!("{:?}", stdin::get_stdin().blocking_read(1)),
        "exit" => {
            exit::exit(Ok(()));
            "still there".into()
        }
        "resolve" => {
            let found = ip_name_lookup::resolve_addresses(&instance_network(), "localhost");
            match found.map(|found| {
                found.subscribe().block();
                found.resolve_next_address()
            }) {
                Ok(found) => format!("{found:?}"),
                Err(code) => format!("Err({code:?})"),
            }
        }
        port => connect(port),
    }
}

fn address(port: &str) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: port.parse().unwrap_or_default(),
        address: (127, 0, 0, 1),
    })
}

/// By TCP and by UDP.
fn connect(port: &str) -> String {
    let address = address(port);
    let tcp = tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4).and_then(|socket| {
        socket.start_connect(&instance_network(), address)?;
        socket.subscribe().block();
        socket.finish_connect().map(|_| ())
    });
    let udp = udp_create_socket::create_udp_socket(IpAddressFamily::Ipv4).and_then(|socket| {
        socket.start_bind(&instance_network(), self::address("0"))?;
        socket.finish_bind()?;
        socket.stream(Some(address)).map(|_| ())
    });
    format!("tcp {tcp:?}, udp {udp:?}")
}
