//! `[table]`: the DynamoDB table that documents go to.

use crate::dynamodb::credentials::StaticCredentials;
use rowcast_pipeline::settings::Keys;
use serde::Deserialize;

/// What the host needs of `[table]` itself. The component is given the whole
/// section but for [`Table::OWN`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The AWS region; by default what the AWS environment or profile says.
    pub region: Option<String>,
    /// Another endpoint than the region's own, such as a local DynamoDB's.
    pub endpoint: Option<String>,
    /// A profile of the AWS configuration files.
    pub profile: Option<String>,
    /// Fixed credentials, instead of the AWS environment's.
    pub credentials: Option<StaticCredentials>,
    /// Its keys: what `rowcast table create` makes, and what a run compares
    /// with the table before it writes. Left out, a run takes the table's own.
    pub keys: Option<Keys>,
}

impl Table {
    /// The settings that are the host's alone.
    pub const OWN: [&'static str; 4] = ["region", "endpoint", "profile", "credentials"];
}
