//! TFTP: server and client.
