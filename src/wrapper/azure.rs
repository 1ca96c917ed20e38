//! Azure NSG flow logs (versions 1 and 2) and virtual network flow logs: tuples about a connection.
//!
//! A tuple counts both directions, so it becomes two records. It holds the time of logging and
//! whether the connection began (B), continues (C), ended (E), or was denied (D). Its counts start
//! at the connection's previous tuple, so that tuple has to be remembered. The first packets after
//! a B are assumed to be a handshake, and the last before an E a teardown, because that is what B
//! and E mean; a connection without any reply that ends has only timed out. The MAC address of the
//! network interface serves as the ENI. The resource that the log is of is the account, the VPC, the
//! subnet or the tag of that interface.
//!
//! A B counts nothing. Its packets are in the counts of the next tuple. If the file has none, the
//! connection is one record without counts. Azure has no record for an interface without traffic.
//!
//! Tools that move these logs change the objects around the tuples, but not the tuples. So they are
//! looked for in all values of an object of such a log.

mod flows;
mod resource;
mod tuple;

use std::borrow::Cow;

pub(super) use self::flows::OpenFlows;
use self::flows::Scope;
use self::tuple::Tuple;
use super::batch::NamedValues;
use super::json::Json;

/// Whether this is an object of such a log: a record as Azure writes it, or any object with a value
/// that consists of tuples.
pub(super) fn is_record(value: &Json<'_>) -> bool {
    if value.at(&["properties", "flows"]).is_some() || value.at(&["flowRecords", "flows"]).is_some()
    {
        return true;
    }
    let mut has_any = false;
    let mut has_state = false;
    for (_, member) in value.members().unwrap_or_default() {
        let text = match member {
            Json::Array(elements) => elements.first().and_then(Json::text),
            other => other.text(),
        };
        has_any |=
            text.is_some_and(|text| tuple::for_each(text, |tuple| has_state |= tuple.has_state()));
    }
    has_state || has_any && has_context(value)
}

/// Whether `text` consists of tuples that cannot be anything else.
pub(super) fn are_tuples(text: &str) -> bool {
    let mut have_state = true;
    tuple::for_each(text, |tuple| have_state &= tuple.has_state()) && have_state
}

/// Whether the names in an object are those of an Azure flow log.
fn has_context(value: &Json<'_>) -> bool {
    let members = value.members().unwrap_or_default().iter();
    members.into_iter().any(|(name, _)| {
        let name = last_name(name).to_ascii_lowercase();
        CONTEXT.iter().any(|known| name.starts_with(known))
    })
}

/// The beginnings of names that Azure flow logs have around their tuples, in lower case.
const CONTEXT: [&str; 6] = [
    "mac",
    "flowtuple",
    "flowlog",
    "systemid",
    "resourceid",
    "targetresourceid",
];

/// Returns the last part of a name with dots, which flattened objects have.
fn last_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Passes on the records in one record of the log, or a text that should be a tuple and is not.
pub(super) fn for_each_row(
    record: &Json<'_>,
    open: &mut OpenFlows,
    mut each: impl FnMut(Result<NamedValues<'static>, &str>),
) {
    let scope = Scope {
        eni: "",
        resource: "",
        are_tuples: false,
    };
    walk(record, &scope, 0, &mut |found, scope| match found {
        Ok(tuple) => open
            .rows(scope, tuple)
            .into_iter()
            .for_each(|row| each(Ok(row))),
        Err(text) => each(Err(text)),
    });
}

/// Finds the tuples in `value` and everything inside it.
fn walk(
    value: &Json<'_>,
    scope: &Scope<'_>,
    depth: usize,
    each: &mut dyn FnMut(Result<&Tuple<'_>, &str>, &Scope<'_>),
) {
    match value {
        Json::Text(text) => {
            if tuple::for_each(text, |tuple| each(Ok(tuple), scope)) {
                return;
            }
            let is_json = depth < DEPTH_MAX && text.trim_start().starts_with(['{', '[']);
            match is_json.then(|| Json::parse(text.as_bytes())) {
                Some(Ok(inner)) => walk(&inner, scope, depth + 1, each),
                _ if scope.are_tuples => each(Err(text), scope),
                _ => {}
            }
        }
        Json::Array(elements) => {
            let cells: Option<Vec<&str>> = elements.iter().map(Json::text).collect();
            if let Some(text) = cells.and_then(|cells| tuple::joined(&cells)) {
                return walk(&Json::Text(Cow::Owned(text)), scope, depth, each);
            }
            elements
                .iter()
                .for_each(|element| walk(element, scope, depth, each));
        }
        Json::Object(members) => {
            let Scope { eni, resource, .. } = scope.within(members);
            for (name, value) in members {
                let are_tuples = last_name(name).eq_ignore_ascii_case("flowTuples");
                let inner = Scope {
                    eni,
                    resource,
                    are_tuples,
                };
                walk(value, &inner, depth, each);
            }
        }
        _ => {}
    }
}

impl Scope<'_> {
    /// Returns the scope of the values in an object with these members.
    fn within<'r>(&'r self, members: &'r [(Cow<'_, str>, Json<'_>)]) -> Scope<'r> {
        let mut inner = Scope { ..*self };
        for (name, value) in members {
            let Some(text) = value.text() else { continue };
            match &*last_name(name).to_ascii_lowercase() {
                "mac" | "macaddress" => inner.eni = text,
                // A log of a virtual network names itself too, but not with one of these names.
                "resourceid" | "targetresourceid" => inner.resource = text,
                _ => {}
            }
        }
        inner
    }
}

/// Maximum number of JSON texts inside each other.
const DEPTH_MAX: usize = 4;

#[cfg(test)]
mod tests;
