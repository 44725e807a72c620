//! IP: the neighbour machine, hosts, TCP, gateways.
