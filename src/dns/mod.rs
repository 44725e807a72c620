//! Names: a server that knows the addresses of some, and the resolver inside a set (RFC 1034, RFC 1035).

pub mod resolver;
pub mod server;
