//! An element's forms as data, for programs: what `docs/forms.schema.json` describes.
//!
//! Rows come in the order of their keys, so that the same forms are the same text. Reading checks every row
//! as an administrator's typing is checked.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::element::ElementConfig;
use super::forms::{FormError, Forms, Trunk};
use super::trunks::TrunkConfig;
use crate::time::Duration;
use crate::wire::Mac;
use crate::wire::reg::Target;

/// All forms of an element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FormsData {
    /// Whose they are. No form says it; a program that is an element has to know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<ElementRow>,
    pub access_codes: AccessCodes,
    /// Telephone Directory: every DN.
    pub telephone_directory: Vec<String>,
    /// Multiline IP Sets: DN, and the MAC of the set there.
    #[serde(default)]
    pub multiline_ip_sets: BTreeMap<String, String>,
    /// Remote Directory Numbers: DN, and CEID digits or null.
    #[serde(default)]
    pub remote_directory_numbers: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub cluster_elements: Vec<ClusterRow>,
    #[serde(default)]
    pub icp_pbx_networking: Vec<NetworkingRow>,
    #[serde(default)]
    pub trunks: Vec<TrunkRow>,
    /// Null: this element hosts no automatic DN selection.
    #[serde(default)]
    pub automatic_dn_range: Option<RangeRow>,
}

/// What an element is besides its forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ElementRow {
    pub name: String,
    pub address: Ipv4Addr,
    pub ceid_index: u16,
    pub ceid_digits: String,
    /// How often a registered set says that it is there, in milliseconds; 0: it need not.
    pub heartbeat_ms: u32,
}

/// Both access codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessCodes {
    pub registration: String,
    pub replacement: String,
}

/// A row of Cluster Elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClusterRow {
    pub ceid_digits: String,
    pub ceid_index: u16,
    pub icp: u16,
}

/// A row of ICP/PBX Networking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetworkingRow {
    pub icp: u16,
    pub pbx_number: u16,
    /// Address in dotted decimal, or FQDN.
    pub address: Option<String>,
}

/// What joins this element to another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrunkRow {
    pub icp: u16,
    /// Where an IP trunk leads; null: the trunk is DPNSS, and has no address.
    pub ip: Option<String>,
    /// The address of an IP trunk that leads to a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
}

/// The range of automatic DN selection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeRow {
    pub first: String,
    pub last: String,
}

/// Why data are no forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    #[error(transparent)]
    Form(#[from] FormError),
    #[error("`{0}` is not a MAC address")]
    Mac(String),
    #[error("set {0} is at two DNs")]
    TwoDns(Mac),
}

impl From<&Forms> for FormsData {
    fn from(forms: &Forms) -> FormsData {
        let (registration, replacement) = forms.access_codes();
        let remote = forms.remote_rows();
        let cluster = forms.cluster_elements();
        FormsData {
            element: None,
            access_codes: AccessCodes {
                registration: registration.to_owned(),
                replacement: replacement.to_owned(),
            },
            telephone_directory: forms.dns().map(str::to_owned).collect(),
            multiline_ip_sets: forms
                .sets()
                .map(|(dn, mac)| (dn.to_owned(), mac.to_string()))
                .collect(),
            remote_directory_numbers: remote
                .map(|(dn, digits)| (dn.to_owned(), digits.map(str::to_owned)))
                .collect(),
            cluster_elements: cluster
                .map(|(digits, row)| ClusterRow {
                    ceid_digits: digits.to_owned(),
                    ceid_index: row.ceid_index,
                    icp: row.icp,
                })
                .collect(),
            icp_pbx_networking: forms
                .networking_rows()
                .map(|(icp, row)| NetworkingRow {
                    icp,
                    pbx_number: row.pbx_number,
                    address: row.address.as_ref().map(ToString::to_string),
                })
                .collect(),
            trunks: forms
                .trunk_rows()
                .map(|(icp, trunk)| TrunkRow {
                    icp,
                    ip: match trunk {
                        Trunk::Ip(target) => Some(target.to_string()),
                        Trunk::Dpnss => None,
                    },
                    address: None,
                })
                .collect(),
            automatic_dn_range: forms
                .automatic_range()
                .map(|(first, last)| RangeRow { first, last }),
        }
    }
}

impl FormsData {
    /// What an element is made from that has these forms. `None` in [`FormsData::element`]: its sets send a heartbeat
    /// every 30 s, and it opens no trunk.
    ///
    /// # Errors
    /// Which row no administrator could have typed.
    pub fn config(&self) -> Result<ElementConfig, DataError> {
        const HEARTBEAT_MS: u32 = 30_000;
        let forms = Forms::try_from(self)?;
        let element = self.element.as_ref();
        let heartbeat_ms = element.map_or(HEARTBEAT_MS, |element| element.heartbeat_ms);
        let address = |row: &TrunkRow| {
            let named = row.ip.as_deref().and_then(|ip| ip.parse().ok());
            Some((row.icp, row.address.or(named)?))
        };
        let trunks = element.map(|element| TrunkConfig {
            index: element.ceid_index,
            digits: element.ceid_digits.clone(),
            addresses: self.trunks.iter().filter_map(address).collect(),
        });
        Ok(ElementConfig {
            forms,
            heartbeat: Duration::from_millis(heartbeat_ms.into()),
            trunks: trunks.unwrap_or_default(),
        })
    }
}

impl TryFrom<&FormsData> for Forms {
    type Error = DataError;

    fn try_from(data: &FormsData) -> Result<Forms, DataError> {
        let codes = &data.access_codes;
        let mut forms = Forms::new(&codes.registration, &codes.replacement)?;
        for dn in &data.telephone_directory {
            forms.add_dn(dn)?;
        }
        for (dn, text) in &data.multiline_ip_sets {
            let mac = text.parse().map_err(|()| DataError::Mac(text.clone()))?;
            if forms.dn_of(mac).is_some() {
                return Err(DataError::TwoDns(mac));
            }
            forms.map(dn, mac)?;
        }
        for (dn, digits) in &data.remote_directory_numbers {
            forms.set_remote(dn, digits.as_deref())?;
        }
        for row in &data.cluster_elements {
            forms.set_cluster_element(&row.ceid_digits, row.ceid_index, row.icp)?;
        }
        for row in &data.icp_pbx_networking {
            let address = row.address.as_deref().map(target);
            forms.set_networking(row.icp, row.pbx_number, address)?;
        }
        for row in &data.trunks {
            let trunk = row
                .ip
                .as_deref()
                .map_or(Trunk::Dpnss, |ip| Trunk::Ip(target(ip)));
            forms.set_trunk(row.icp, Some(trunk))?;
        }
        if let Some(range) = &data.automatic_dn_range {
            forms.set_automatic(&range.first, &range.last)?;
        }
        Ok(forms)
    }
}

/// An address, or else a name.
fn target(text: &str) -> Target {
    match text.parse() {
        Ok(address) => Target::Address(address),
        Err(_) => Target::Fqdn(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    #[test]
    fn forms_come_back_from_their_data_as_they_were() {
        let data: FormsData = serde_json::from_value(example()).unwrap();
        let forms = Forms::try_from(&data).unwrap();
        // What no form has: whose they are, and where the names of trunks are.
        let mut of_forms = data.clone();
        of_forms.element = None;
        for row in &mut of_forms.trunks {
            row.address = None;
        }
        assert_eq!(FormsData::from(&forms), of_forms);
        assert_eq!(serde_json::to_value(&data).unwrap(), example());
        assert_eq!(forms.dn_of(Mac([8, 0, 0x0f, 0, 0, 1])), Some("6000"));
        assert_eq!(forms.automatic(), Some(Some("6100".to_owned())));
    }

    #[test]
    fn the_schema_takes_what_is_written_and_refuses_what_is_not_read() {
        let schema: Value =
            serde_json::from_str(&std::fs::read_to_string("docs/forms.schema.json").unwrap())
                .unwrap();
        assert_eq!(fits(&schema, &schema, &example()), Ok(()));
        for (path, wrong) in [
            ("/access-codes/registration", json!("abc")),
            ("/telephone-directory/0", json!("12345678")),
            ("/multiline-ip-sets/6000", json!("08:00")),
            ("/remote-directory-numbers/7000", json!("*")),
            ("/cluster-elements/0/ceid-index", json!(1000)),
            ("/cluster-elements/0/icp", json!(0)),
            ("/icp-pbx-networking/0/pbx-number", json!("2")),
            ("/trunks/0", json!({ "icp": 2, "ip": null, "kind": "ip" })),
            ("/automatic-dn-range", json!({ "first": "6100" })),
        ] {
            let mut forms = example();
            *forms.pointer_mut(path).unwrap() = wrong;
            assert!(fits(&schema, &schema, &forms).is_err(), "{path}");
            let read = serde_json::from_value::<FormsData>(forms);
            let refused = read.map_or(true, |data| Forms::try_from(&data).is_err());
            assert!(refused, "{path}");
        }
        for key in ["access-codes", "telephone-directory"] {
            let mut forms = example();
            forms.as_object_mut().unwrap().remove(key);
            assert!(fits(&schema, &schema, &forms).is_err(), "{key}");
            assert!(serde_json::from_value::<FormsData>(forms).is_err(), "{key}");
        }
    }

    #[test]
    fn a_set_stands_at_one_dn_in_data_too() {
        let mut forms = example();
        forms["multiline-ip-sets"]["6001"] = json!("08:00:0f:00:00:01");
        let data: FormsData = serde_json::from_value(forms).unwrap();
        let error = Forms::try_from(&data).unwrap_err().to_string();
        assert_eq!(error, "set 08:00:0f:00:00:01 is at two DNs");
    }

    fn example() -> Value {
        let text = std::fs::read_to_string("docs/forms.schema.json").unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        schema["examples"][0].clone()
    }

    /// As much of JSON Schema as the schema uses.
    fn fits(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            return fits(root, root.pointer(pointer).unwrap(), value);
        }
        let wrong = || Err(format!("{value} is no {schema}"));
        let name = match value {
            Value::Null => "null",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Bool(_) => "boolean",
        };
        let types = &schema["type"];
        let allowed = types
            .as_array()
            .map_or(types == name, |all| all.contains(&json!(name)));
        if !allowed {
            return wrong();
        }
        match value {
            Value::Number(number) => {
                let (least, most) = (schema["minimum"].as_u64(), schema["maximum"].as_u64());
                let number = number.as_u64().unwrap();
                if least.is_some_and(|it| number < it) || most.is_some_and(|it| number > it) {
                    return wrong();
                }
            }
            Value::String(text) => {
                let pattern = schema["pattern"].as_str();
                if pattern.is_some_and(|pattern| !matches(pattern, text)) {
                    return wrong();
                }
            }
            Value::Array(items) => {
                for item in items {
                    fits(root, &schema["items"], item)?;
                }
            }
            Value::Object(fields) => return fields_fit(root, schema, fields),
            Value::Null | Value::Bool(_) => {}
        }
        Ok(())
    }

    fn fields_fit(root: &Value, schema: &Value, fields: &Map<String, Value>) -> Result<(), String> {
        for key in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(key.as_str().unwrap()) {
                return Err(format!("{key} is missing"));
            }
        }
        for (key, value) in fields {
            let names = schema["propertyNames"]["pattern"].as_str();
            if names.is_some_and(|pattern| !matches(pattern, key)) {
                return Err(format!("{key} is no key"));
            }
            match (&schema["properties"][key], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(false)) => return Err(format!("{key} is not known")),
                (Value::Null, schema) | (schema, _) => fits(root, schema, value)?,
            }
        }
        Ok(())
    }

    /// Patterns of the form `^[class]{least,most}$`, and that of a MAC.
    fn matches(pattern: &str, text: &str) -> bool {
        if pattern == "^([0-9a-f]{2}:){5}[0-9a-f]{2}$" {
            return text.len() == 17 && text.parse::<Mac>().is_ok();
        }
        let inner = pattern.strip_prefix("^[").unwrap();
        let (class, count) = inner.strip_suffix("}$").unwrap().split_once("]{").unwrap();
        let (least, most) = count.split_once(',').unwrap();
        let others = class.strip_prefix("0-9").unwrap();
        let length = least.parse().unwrap()..=most.parse().unwrap();
        length.contains(&text.len())
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || others.contains(c))
    }
}
