//! `[table]`: the DynamoDB table that documents go to.

use crate::dynamodb::credentials::StaticCredentials;
use rowcast_pipeline::settings::{Keys, Mistake, UNKNOWN, nearest};
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

    /// Says of a setting that the component doesn't know what there is of the host's.
    pub(crate) fn know_own(mistake: &mut Mistake) {
        let name = mistake.pointer.strip_prefix('/');
        let (Some(name), UNKNOWN) = (name, mistake.message.as_str()) else {
            return;
        };
        if let Some(own) = nearest(name, &Self::OWN) {
            mistake.hint = Some(format!("did you mean `{own}`?"));
        } else if let Some(hint) = mistake.hint.as_mut().filter(|it| it.starts_with("known")) {
            let own = Self::OWN.map(|own| format!(", `{own}`"));
            hint.push_str(&own.concat());
        }
    }
}
