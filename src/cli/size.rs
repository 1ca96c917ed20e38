//! Sizes as typed: powers of 1024, as memory is sold, whether or not there is an i.

/// Octets in a text such as `512MiB`, `256MB` or `4g`.
///
/// # Errors
/// What was expected.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "kib" | "kb" | "k" => 10,
        "mib" | "mb" | "m" => 20,
        "gib" | "gb" | "g" => 30,
        "tib" | "tb" | "t" => 40,
        _ => return Err("a number and KiB, MiB, GiB or TiB, such as 512MiB".into()),
    };
    let size = number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(1 << shift));
    size.ok_or_else(|| "not a number of octets that a machine has".into())
}
