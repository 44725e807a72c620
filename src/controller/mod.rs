//! The reference controller: one element of a cluster, as the rulebook says it must behave.
//!
//! ```text
//! admin         what an administrator does while sets are in service (AD-1 to AD-7)
//! automatic     automatic DN selection (RG-13)
//! forms         what an administrator programs; the DN ⇄ MAC database
//! forms_data    the forms as JSON (docs/forms.schema.json)
//! cluster       a DN's element, in three look-ups (CL-2)
//! registration  the decision: one pure function of forms and request (RG-1 to RG-14)
//! trunks        connections to other elements, and synchronisation (CL-5, CL-8)
//! driver        what an element is asked from outside, and what it answers, as JSON
//! connections   how far each conversation has come, and its deadline
//! element       the app: says what was decided, and does it
//! fault         mistakes that a controller build may have: the list
//! faulty        what an element with one of them does otherwise
//! ```
//!
//! The controller speaks the registration protocol (`docs/registration-protocol.md`) through a host's IP
//! stack and nothing else, so that any other program can stand in its place.

mod admin;
mod automatic;
mod cluster;
mod connections;
mod driver;
mod element;
mod fault;
mod faulty;
mod forms;
mod forms_data;
mod registration;
mod trunks;

pub use admin::{Done, Operation, Refused, SetKey};
pub use driver::{Answer, Request, read_forms, read_operations, read_set, read_trunks};
pub use element::{Element, ElementConfig};
pub use fault::{Fault, NoSuchFault};
pub use forms::{FormError, Forms, Trunk};
pub use forms::{check_access_code, check_access_codes, check_ceid_digits, check_dn, is_dialled};
pub use forms_data::{DataError, ElementRow, FormsData};
pub use trunks::TrunkConfig;
