//! The options that tell the sets their servers, and those that the file writes itself.

use std::net::Ipv4Addr;

use super::Resolver;
use super::names::Named;
use crate::scenario::file::{self, At, Layout};
use crate::scenario::problem::{Problem, Span};
use crate::scenario::units;
use crate::wire::vendor::{CallServers, EncodeError, Settings, encode_43, encode_125, encode_old};

/// Codes and bytes, in the order of the codes; the file's own ones in place of those of the same code.
pub(super) fn options(
    resolver: &mut Resolver<'_>,
    given: &file::ClientOptions,
    span: &Span,
) -> Vec<(u8, Vec<u8>)> {
    let mut options: Vec<(u8, Vec<u8>)> = Vec::new();
    if let Some(option_60) = &given.option_60 {
        options.push((60, option_60.value.clone().into_bytes()));
    }
    let settings = settings(resolver, given);
    if given.has_settings() {
        let layout = given.layout.as_ref();
        match configuration(
            &settings,
            layout.map_or(Layout::DEFAULT, |layout| layout.value),
        ) {
            Ok(made) => options.extend(made),
            // Single values are checked by now; what is left is the length of all of them.
            Err(wrong) => {
                let message =
                    format!("the sets' configuration does not fit into its option: {wrong}");
                resolver.problems.push(Problem::new(span, message));
            }
        }
    } else if let Some(layout) = &given.layout {
        let message = "there is nothing to lay out: no call_srv, sw_tftp, vlan, l2p or dscp";
        resolver.problems.push(Problem::new(&layout.span, message));
    }
    for (code, bytes) in &given.options {
        options.retain(|(made, _)| *made != code.value);
        options.push((code.value, bytes.clone()));
    }
    options.sort_by_key(|(code, _)| *code);
    options
}

fn configuration(settings: &Settings, layout: Layout) -> Result<Vec<(u8, Vec<u8>)>, EncodeError> {
    match layout {
        Layout::Option125(layout) => Ok(vec![(125, encode_125(settings, layout)?)]),
        Layout::Option43(layout) => Ok(vec![(43, encode_43(settings, layout)?)]),
        Layout::Old => encode_old(settings),
    }
}

fn settings(resolver: &mut Resolver<'_>, given: &file::ClientOptions) -> Settings {
    let call_srv = given.call_srv.as_ref();
    let sw_tftp = given.sw_tftp.iter().flat_map(|list| &list.value);
    Settings {
        sw_tftp: sw_tftp
            .filter_map(|server| resolver.boot_server_address(server))
            .collect(),
        call_srv: call_srv.and_then(|list| call_servers(resolver, list)),
        vlan: given.vlan.as_ref().map(|vlan| vlan.value),
        l2p: given.l2p.as_ref().map(|l2p| l2p.value),
        dscp: given.dscp.as_ref().map(|dscp| dscp.value),
        ..Settings::default()
    }
}

/// One to four addresses, or the FQDN of a container-based element (CL-9).
fn call_servers(resolver: &mut Resolver<'_>, list: &At<Vec<At<String>>>) -> Option<CallServers> {
    let At {
        value: servers,
        span,
    } = list;
    if let [name] = servers.as_slice()
        && let Some(fqdn) = resolver.fqdn_of(name)
    {
        return Some(CallServers::Name(fqdn));
    }
    if servers.len() > 4 {
        let message = format!("call_srv names 1 to 4 elements, not {}", servers.len());
        resolver.problems.push(Problem::new(span, message));
    }
    let mut addresses = Vec::new();
    for server in servers {
        if let Some(fqdn) = resolver.fqdn_of(server) {
            let message = format!("the FQDN `{fqdn}` stands among other servers");
            let help = "call_srv has 1 to 4 addresses, or one FQDN".to_owned();
            resolver
                .problems
                .push(Problem::new(&server.span, message).help(help));
        } else {
            addresses.extend(resolver.element_address(server));
        }
    }
    // What is missing is told; the others alone may be nothing that can be written.
    (addresses.len() == servers.len()).then_some(CallServers::Addresses(addresses))
}

impl Resolver<'_> {
    /// The FQDN that this is, or that the element of this name has.
    pub(super) fn fqdn_of(&self, text: &At<String>) -> Option<String> {
        match self.names.get(&text.value) {
            Some(Named::Element(element)) => {
                let fqdn = self.file.elements[element.0].fqdn.as_ref();
                fqdn.map(|fqdn| fqdn.value.clone())
            }
            Some(_) => None,
            None => units::fqdn(&text.value).ok(),
        }
    }

    /// An address as it is, or the address of the element of this name.
    pub(super) fn element_address(&mut self, server: &At<String>) -> Option<Ipv4Addr> {
        if let Ok(address) = server.value.parse() {
            return Some(address);
        }
        let element = self.names.element(server, self.problems)?;
        let address = self.file.elements[element.0].address.as_ref()?;
        Some(address.value)
    }

    /// An address or an FQDN as it is, or the FQDN of the element of this name, or else its address.
    pub(super) fn element_address_or_name(&mut self, server: &At<String>) -> Option<String> {
        if let Some(fqdn) = self.fqdn_of(server) {
            return Some(fqdn);
        }
        self.element_address(server)
            .map(|address| address.to_string())
    }

    /// An address as it is, or the address of the DNS server of this name.
    pub(super) fn name_server_address(&mut self, server: &At<String>) -> Option<Ipv4Addr> {
        if let Ok(address) = server.value.parse() {
            return Some(address);
        }
        let (_, i) = self.names.dns_server(server, self.file, self.problems)?;
        let address = self.file.dns[i].address.as_ref()?;
        Some(address.value)
    }

    /// An address as it is, or the address of the boot server of this name.
    fn boot_server_address(&mut self, server: &At<String>) -> Option<Ipv4Addr> {
        if let Ok(address) = server.value.parse() {
            return Some(address);
        }
        let tftp = &self.file.tftp;
        let host = self.names.boot_server(server, tftp.len(), self.problems)?;
        let address = tftp[host.0].address.as_ref()?;
        Some(address.value)
    }
}
