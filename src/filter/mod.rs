//! Which part of an archive is wanted.
//!
//! A [`Filter`] is what was asked for: a condition on single records, a span of
//! time, and whether connections are kept whole. It decides three times, each
//! time as early as what it needs is known:
//!
//! ```text
//! paths        before a file is opened     its name tells account, region and slot,
//!              or a row group is read      its statistics tell when
//! expression   while the record is there   its columns and its file's path
//! time         when all files are read     -2h counts from the newest record
//! ```
//!
//! What becomes of the rest of a connection is the pipeline's business.
//!
//! # Invariants
//! * A verdict has three values. What a record does not say is neither so nor
//!   not so: `vpc vpc-1` and `not vpc vpc-1` both match only records that name
//!   their VPC.
//! * A file is ruled out only if none of its records could match.
//! * nom's types stop at `grammar`.

mod expression;
mod fault;
mod grammar;
mod paths;
mod request;
mod time;
mod words;

pub use self::{
    expression::{
        Comparison, CountField, EndpointSide, Expression, FilteredRecord, Name, Net, RecordFacts,
        Term,
    },
    fault::FilterError,
    paths::{MARGIN_S, RuledOut, Sifted, may_tell},
    request::Filter,
    time::{Bound, Span, TimeError},
    words::Qualifier,
};
