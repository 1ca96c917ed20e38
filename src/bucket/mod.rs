//! Buckets: reads the objects of `s3://BUCKET/PREFIX` as files, and writes one.
//!
//! A bucket is listed folder by folder, without the folders whose names show that nothing in them can
//! match ([`listing`]). Objects are read front to back: small ones are fetched ahead of their turn, many at
//! once, large ones in parts ([`ahead`], [`object`]). Nothing is stored on disk, except for what is stored of a stream too: a table or a
//! zip archive, which must be whole.
//!
//! Requests that fail for a while are repeated, and a body that ends early is continued where it ended. An
//! object that cannot be read is left out and counted, as a file is.
//!
//! An object is written when all of it is known ([`upload`]), so nobody sees a part of one.
//!
//! This is no general client: no version of an object is read but the newest, and nothing is deleted.

mod access;
mod ahead;
mod client;
mod credentials;
mod listing;
mod location;
mod object;
mod upload;
mod wording;

pub use self::access::{BucketAccess, set_access};
pub(crate) use self::ahead::fetch_ahead;
pub use self::client::{BucketTraffic, traffic};
pub(crate) use self::listing::{FoundInBucket, list};
pub use self::location::Location;
pub(crate) use self::object::Object;
pub(crate) use self::upload::Upload;
