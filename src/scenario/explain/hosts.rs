//! The hosts of a plan in words: servers, kernels of this machine, interfaces.

use std::fmt::{self, Write};
use std::net::Ipv4Addr;

use super::subnet;
use crate::scenario::plan::{Firmware, Host, HostKind, HostProgram, Plan, Ready, Subnet, SubnetId};
use crate::scenario::units::{show_duration, show_size};

pub(super) fn write_host(out: &mut String, plan: &Plan, host: &Host) -> fmt::Result {
    let Host {
        name,
        at,
        mac,
        kind,
    } = host;
    let place = format!("  at        {}, {mac}", subnet(plan, *at));
    match kind {
        HostKind::Tftp {
            address,
            ports,
            block_size,
            firmware,
        } => {
            writeln!(out, "\ntftp {name}\n{place}, {address}")?;
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            writeln!(out, "  ports     {}", ports.join(", "))?;
            writeln!(out, "  blocks    of at most {block_size} bytes")?;
            write_firmware(out, firmware)
        }
        HostKind::Dns {
            address,
            ttl,
            delay,
            records,
        } => {
            let (ttl, delay) = (show_duration(*ttl), show_duration(*delay));
            writeln!(out, "\ndns {name}\n{place}, {address}")?;
            writeln!(out, "  answers   after {delay}, for {ttl}")?;
            for (name, to) in records {
                writeln!(out, "  record    {name} {to}")?;
            }
            Ok(())
        }
        HostKind::Dhcp { address } => {
            writeln!(out, "\nhost {name}\n{place}, serves DHCP")?;
            write_domain(out, plan, *at, *address)
        }
        HostKind::Kernel {
            address,
            trunk,
            program,
        } => {
            let address =
                address.map_or("no address yet".to_owned(), |address| address.to_string());
            writeln!(
                out,
                "\nhost {name}\n{place}, {address}, a kernel of this machine"
            )?;
            for tagged in trunk {
                let Subnet { name, vlan, .. } = &plan.subnets[tagged.0];
                writeln!(out, "  trunk     {name}, VLAN {vlan}, tagged")?;
            }
            match program {
                Some(program) => write_program(out, program),
                None => Ok(()),
            }
        }
        HostKind::Interface { device } => {
            let at = subnet(plan, *at);
            writeln!(out, "\ninterface {device}\n  at        {at}")
        }
    }
}

fn write_firmware(out: &mut String, firmware: &Firmware) -> fmt::Result {
    match firmware {
        Firmware::Folder(folder) => writeln!(out, "  firmware  the files of {folder}")?,
        Firmware::Made(files) => {
            for file in files {
                let size = show_size(file.bytes);
                writeln!(
                    out,
                    "  firmware  {}, version {}, {size}, made up",
                    file.name, file.version
                )?;
            }
        }
    }
    Ok(())
}

fn write_program(out: &mut String, program: &HostProgram) -> fmt::Result {
    writeln!(out, "  command   {}", program.command.join(" "))?;
    for (name, value) in &program.environment {
        writeln!(out, "  variable  {name}={value}")?;
    }
    match &program.ready {
        None => writeln!(out, "  ready     at once"),
        Some(Ready::Port(port)) => writeln!(out, "  ready     with port {port}"),
        Some(Ready::Prints(text)) => writeln!(out, "  ready     when it prints `{text}`"),
    }
}

/// The subnets of a DHCP server, unless it serves its own alone.
fn write_domain(out: &mut String, plan: &Plan, at: SubnetId, server: Ipv4Addr) -> fmt::Result {
    let served: Vec<SubnetId> = plan.served_by(server).map(|(id, _)| id).collect();
    if served == [at] {
        return Ok(());
    }
    let names: Vec<&str> = served.iter().map(|id| subnet(plan, *id)).collect();
    writeln!(out, "  domain    {}", names.join(", "))
}
