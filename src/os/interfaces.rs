//! The interfaces of this machine, for a user who has to name one.

use pnet_datalink::NetworkInterface;

/// The names of the interfaces, of the namespace that this process is in.
pub(super) fn names() -> Vec<String> {
    let all = pnet_datalink::interfaces().into_iter();
    all.map(|interface| interface.name).collect()
}

/// The interfaces of the namespace that this process is in, one line each: name, state, MAC, addresses.
pub fn describe_interfaces() -> Vec<String> {
    pnet_datalink::interfaces().iter().map(describe).collect()
}

fn describe(interface: &NetworkInterface) -> String {
    let mut words = vec![interface.name.clone()];
    words.push(if interface.is_up() { "up" } else { "down" }.to_owned());
    words.extend(interface.mac.map(|mac| mac.to_string()));
    words.extend(interface.ips.iter().map(ToString::to_string));
    words.join(" ")
}
