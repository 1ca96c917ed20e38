//! Names that were probably meant where a query has one that does not exist.

use std::collections::BTreeSet;

use datafusion::common::utils::datafusion_strsim::levenshtein;

use super::dialect;
use super::fault::QueryFault;
use crate::printable::printable;

/// Functions that Athena documents and that do not exist here
/// (<https://trino.io/docs/current/functions/list.html>).
const NOT_HERE: &[&str] = &[
    "all_match",
    "array_frequency",
    "array_histogram",
    "array_sum",
    "array_average",
    "bar",
    "bing_tile",
    "cbrt",
    "checksum",
    "classify",
    "color",
    "combinations",
    "convex_hull_agg",
    "cosine_similarity",
    "crc32",
    "date_diff_millis",
    "entropy",
    "evaluate_classifier_predictions",
    "features",
    "format",
    "format_number",
    "from_base",
    "from_base64",
    "from_base32",
    "from_base64url",
    "from_big_endian_32",
    "from_big_endian_64",
    "from_geojson_geometry",
    "from_hex",
    "from_ieee754_32",
    "from_ieee754_64",
    "from_iso8601_time",
    "from_unixtime_nanos",
    "from_utf8",
    "hamming_distance",
    "hash_counts",
    "histogram",
    "hmac_md5",
    "hmac_sha1",
    "hmac_sha256",
    "hmac_sha512",
    "human_readable_seconds",
    "ip_prefix",
    "ip_subnet_min",
    "ip_subnet_max",
    "ip_subnet_range",
    "is_json_scalar",
    "is_subnet_of",
    "jaccard_index",
    "json_exists",
    "json_object",
    "json_query",
    "json_table",
    "json_value",
    "kurtosis",
    "luhn_check",
    "make_set_digest",
    "map",
    "map_agg",
    "map_concat",
    "map_entries",
    "map_filter",
    "map_from_entries",
    "map_keys",
    "map_union",
    "map_values",
    "map_zip_with",
    "md5",
    "merge",
    "millisecond",
    "multimap_agg",
    "multimap_from_entries",
    "murmur3",
    "ngrams",
    "none_match",
    "normal_cdf",
    "normalize",
    "numeric_histogram",
    "parse_data_size",
    "parse_duration",
    "parse_presto_data_size",
    "qdigest_agg",
    "quantile_at_value",
    "reduce",
    "reduce_agg",
    "regexp_count",
    "regexp_position",
    "render",
    "rgb",
    "sha1",
    "sha256",
    "sha512",
    "shuffle",
    "skewness",
    "soundex",
    "split_to_map",
    "split_to_multimap",
    "spooky_hash_v2_32",
    "spooky_hash_v2_64",
    "st_contains",
    "st_distance",
    "st_intersects",
    "st_point",
    "tdigest_agg",
    "timezone_hour",
    "timezone_minute",
    "to_base",
    "to_base32",
    "to_base64",
    "to_base64url",
    "to_big_endian_32",
    "to_big_endian_64",
    "to_geometry",
    "to_hex",
    "to_ieee754_32",
    "to_ieee754_64",
    "to_milliseconds",
    "to_utf8",
    "try_cast_json",
    "uuid",
    "value_at_quantile",
    "width_bucket",
    "wilson_interval_lower",
    "wilson_interval_upper",
    "with_timezone",
    "word_stem",
    "xxhash64",
    "zip",
    "zip_with",
];

/// Functions that are not to be suggested: a query needs none of them by that name.
const INTERNAL: [&str; 12] = [
    "nearest_rank",
    "row_field",
    "to_text",
    "whole",
    "time_text",
    "ip_address",
    "ip_text",
    "type_of",
    "column_type",
    "json_text",
    "json_items",
    "json_text_items",
];

/// Returns the name that is most like this one, if one is alike.
fn likely<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let known = known.into_iter();
    let ranked = known.map(|other| {
        let joined = |text: &str| text.replace('_', "");
        let distance = match joined(name) == joined(other) {
            true => 0,
            false => levenshtein(name, other),
        };
        (distance, other)
    });
    let (distance, best) = ranked.min()?;
    let most = (name.chars().count() / 3).clamp(1, 4);
    (distance <= most).then(|| best.to_owned())
}

/// Makes the fault of a table that does not exist.
pub(super) fn unknown_table(name: &str, known: &BTreeSet<String>) -> QueryFault {
    QueryFault::UnknownTable {
        name: printable(name).into_owned(),
        likely: likely(name, known.iter().map(String::as_str)),
        known: known.iter().cloned().collect(),
    }
}

/// Makes the fault of a function that does not exist.
pub(super) fn unknown_function(name: &str, known: &BTreeSet<String>) -> QueryFault {
    let mut names = dialect::template_names();
    names.extend(known.iter().map(String::as_str));
    names.retain(|name| !INTERNAL.contains(name) && !name.starts_with("try_"));
    QueryFault::UnknownFunction {
        name: printable(name).into_owned(),
        likely: likely(name, names),
        is_athenas: NOT_HERE.contains(&name),
    }
}

/// Makes the fault of a column that does not exist.
pub(super) fn unknown_column(name: &str, known: impl Iterator<Item = String>) -> QueryFault {
    let mut names: Vec<String> = Vec::new();
    for name in known {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    QueryFault::UnknownColumn {
        name: printable(name).into_owned(),
        likely: likely(name, names.iter().map(String::as_str)),
        known: names,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likely_names_differ_by_a_letter_or_an_underscore() {
        let columns = ["srcaddr", "dstaddr", "interface_id"];
        assert_eq!(likely("srcadr", columns).as_deref(), Some("srcaddr"));
        assert_eq!(
            likely("interfaceid", columns).as_deref(),
            Some("interface_id")
        );
        assert_eq!(likely("banana", columns), None);
        assert_eq!(likely("x", columns), None);
    }

    #[test]
    fn functions_of_athena_are_known_as_such() {
        let known = BTreeSet::from(["date_format".to_owned()]);
        match unknown_function("map_agg", &known) {
            QueryFault::UnknownFunction { is_athenas, .. } => assert!(is_athenas),
            other => panic!("{other}"),
        }
        match unknown_function("dateformat", &known) {
            QueryFault::UnknownFunction {
                likely, is_athenas, ..
            } => {
                assert_eq!(
                    (likely.as_deref(), is_athenas),
                    (Some("date_format"), false)
                );
            }
            other => panic!("{other}"),
        }
    }
}
