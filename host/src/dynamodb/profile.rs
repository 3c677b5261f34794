//! AWS's own files and environment → where DynamoDB is. `~/.aws/config` is read
//! here; what its profile and its `[services]` mean is decided without I/O.

use super::{Endpoint, EndpointError, Settings};
use aws_config::profile::{self, ProfileSet};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_runtime::env_config::property::PropertiesKey;
use aws_types::os_shim_internal::{Env, Fs};
use rowcast_aws::endpoint::{self, Choice};
use std::error::Error;

/// Where AWS's configuration is unless `AWS_CONFIG_FILE` says otherwise.
const CONFIG_FILE: &str = "~/.aws/config";

/// AWS's files, as far as they are about the chosen profile.
pub(super) struct Profile {
    profiles: ProfileSet,
    /// The profile names `[services]` that are in no file.
    missing: Option<String>,
}

impl Profile {
    /// Reads the files that the environment names, for that profile or the
    /// environment's.
    pub(super) async fn load(name: Option<&str>) -> Result<Self, EndpointError> {
        Self::of(&Fs::real(), &Env::real(), name).await
    }

    async fn of(fs: &Fs, env: &Env, name: Option<&str>) -> Result<Self, EndpointError> {
        let name = name.map(|name| name.to_owned().into());
        let loaded = profile::load(fs, env, &EnvConfigFiles::default(), name).await;
        let profiles = loaded.map_err(|error| {
            let causes = super::with_causes(&error as &dyn Error);
            EndpointError::Files(causes)
        })?;
        let missing = match profiles.get("services").map(str::trim) {
            Some(name) if services_url(&profiles, name).is_none() => {
                (!has_services(fs, env, name).await).then(|| name.to_owned())
            }
            Some(_) | None => None,
        };
        Ok(Self { profiles, missing })
    }

    /// The endpoint by settings, environment and profile, in that order, as
    /// AWS's own tools have it.
    pub(super) fn endpoint(
        &self,
        settings: &Settings,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Endpoint, EndpointError> {
        let overriding = endpoint::overriding(settings.endpoint.as_deref(), variable);
        let region = endpoint::region(settings.region.as_deref(), variable);
        let is_on = |name: &str, key: &str| {
            let value = variable(name).filter(|value| !value.trim().is_empty());
            match value {
                Some(value) => endpoint::is_on(name, Some(&value)),
                None => {
                    endpoint::is_on(&format!("{key} in the AWS profile"), self.profiles.get(key))
                }
            }
        };
        let ignored = is_on(
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "ignore_configured_endpoint_urls",
        )?;
        let overriding = match overriding {
            None if !ignored => self.endpoint_url()?,
            overriding => overriding,
        };
        Endpoint::choose(&Choice {
            region: region.or_else(|| self.profiles.get("region").map(str::to_owned)),
            overriding,
            fips: is_on("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")?,
            dual_stack: is_on("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")?,
            plain_http: settings.plain_http.clone(),
        })
    }

    /// The endpoint of the profile's services, else its own.
    fn endpoint_url(&self) -> Result<Option<String>, EndpointError> {
        if let Some(name) = &self.missing {
            return Err(EndpointError::Services(name.clone()));
        }
        let services = self.profiles.get("services");
        let services = services.and_then(|name| services_url(&self.profiles, name.trim()));
        let url = services.or_else(|| self.profiles.get("endpoint_url"));
        let url = url.map(str::trim).filter(|url| !url.is_empty());
        Ok(url.map(str::to_owned))
    }
}

/// DynamoDB's endpoint among services of that name.
fn services_url<'p>(profiles: &'p ProfileSet, name: &str) -> Option<&'p str> {
    let key = PropertiesKey::builder()
        .section_key("services")
        .section_name(name)
        .property_name("dynamodb")
        .sub_property_name("endpoint_url")
        .build();
    let url = profiles.other_sections().get(&key.ok()?);
    url.map(String::as_str)
}

/// Whether AWS's configuration has services of that name. The parser tells only of
/// settings, and services may have none that are about DynamoDB. A file that can't
/// be read was reported by it.
async fn has_services(fs: &Fs, env: &Env, name: &str) -> bool {
    let path = env.get("AWS_CONFIG_FILE");
    let path = path.unwrap_or_else(|_| CONFIG_FILE.to_owned());
    let path = match (path.strip_prefix("~/"), env.get("HOME")) {
        (Some(inside), Ok(home)) => format!("{home}/{inside}"),
        _ => path,
    };
    let Ok(text) = fs.read_to_end(path).await else {
        return true;
    };
    let text = String::from_utf8_lossy(&text);
    let mut headings = text.lines().filter_map(|line| {
        let (heading, _) = line.trim().strip_prefix('[')?.split_once(']')?;
        let (kind, rest) = heading.trim().split_once(char::is_whitespace)?;
        (kind == "services").then(|| rest.trim().trim_matches('"'))
    });
    headings.any(|heading| heading == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
[default]
region = eu-west-1
endpoint_url = http://localhost:1

[profile local]
region = eu-west-2
services = here
endpoint_url = https://other.example

[profile elsewhere]
region = eu-west-3
services = away

[profile astray]
region = eu-west-3
services = nope

[profile strict]
region = us-east-2
use_fips_endpoint = true
use_dualstack_endpoint = TRUE

[profile odd]
region = us-east-2
use_fips_endpoint = on

[profile both]
use_fips_endpoint = true
endpoint_url = https://other.example

[profile ignoring]
region = us-west-1
endpoint_url = https://other.example
ignore_configured_endpoint_urls = true

[services here]
s3 =
  endpoint_url = http://localhost:3
dynamodb =
  endpoint_url = http://localhost:4

[services away]
s3 =
  endpoint_url = http://localhost:5
";

    async fn found(settings: &Settings, variables: &[(&str, &str)], config: &str) -> String {
        let mut all = vec![("HOME", "/home"), ("AWS_CONFIG_FILE", "/config")];
        all.extend(variables);
        let fs = Fs::from_slice(&[("/config", config)]);
        let profile = Profile::of(&fs, &Env::from_slice(&all), settings.profile.as_deref()).await;
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let endpoint = profile.and_then(|profile| profile.endpoint(settings, &variable));
        match endpoint {
            Ok(endpoint) => format!("{} {}", endpoint.origin(), endpoint.region()),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn profiles() {
        let check = async |profile: &str, variables: &[(&str, &str)], expected: &str| {
            let named = Settings {
                profile: Some(profile.to_owned()),
                ..Settings::default()
            };
            assert_eq!(
                found(&named, variables, CONFIG).await,
                expected,
                "{profile}"
            );
            // The environment may name it instead.
            let variables = [variables, &[("AWS_PROFILE", profile)]].concat();
            let found = found(&Settings::default(), &variables, CONFIG).await;
            assert_eq!(found, expected, "{profile}");
        };
        check("default", &[], "http://localhost:1 eu-west-1").await;
        check("local", &[], "http://localhost:4 eu-west-2").await;
        let public = "https://dynamodb.eu-west-3.amazonaws.com eu-west-3";
        check("elsewhere", &[], public).await;
        let astray = "find the services `nope` that the AWS profile names: no [services nope] is in AWS's configuration file";
        check("astray", &[], astray).await;
        let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        check("astray", &[ignored], public).await;
        let strict = "https://dynamodb-fips.us-east-2.api.aws us-east-2";
        check("strict", &[], strict).await;
        let plain = [
            ("AWS_USE_FIPS_ENDPOINT", "false"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
        ];
        check(
            "strict",
            &plain,
            "https://dynamodb.us-east-2.amazonaws.com us-east-2",
        )
        .await;
        let odd = "read use_fips_endpoint in the AWS profile: it must be true or false";
        check("odd", &[], odd).await;
        check(
            "both",
            &[],
            "use a FIPS endpoint: an endpoint is configured, and it need not be one; choose",
        )
        .await;
        check(
            "ignoring",
            &[],
            "https://dynamodb.us-west-1.amazonaws.com us-west-1",
        )
        .await;
        let variable = ("AWS_ENDPOINT_URL", "http://localhost:6");
        check("local", &[variable], "http://localhost:6 eu-west-2").await;
        let own = ("AWS_ENDPOINT_URL_DYNAMODB", "http://localhost:7");
        check("local", &[variable, own], "http://localhost:7 eu-west-2").await;
        let public = "https://dynamodb.eu-west-2.amazonaws.com eu-west-2";
        check("local", &[variable, ignored], public).await;
        check(
            "nobody",
            &[("AWS_REGION", "x")],
            "https://dynamodb.x.amazonaws.com x",
        )
        .await;
    }

    #[tokio::test]
    async fn settings_and_files() {
        let settings = Settings {
            region: Some("x".into()),
            endpoint: Some("http://dynamodb-local:8000".into()),
            ..Settings::default()
        };
        let found_one = found(&settings, &[], CONFIG).await;
        assert!(found_one.contains("plain http leaves"), "{found_one}");
        let settings = Settings {
            plain_http: vec!["http://dynamodb-local:8000".into()],
            ..settings
        };
        let found_one = found(&settings, &[], CONFIG).await;
        assert_eq!(found_one, "http://dynamodb-local:8000 x");
        let broken = "[default\naws_secret_access_key = hunter2";
        let found_one = found(&Settings::default(), &[], broken).await;
        assert!(
            found_one.starts_with("read AWS's configuration files"),
            "{found_one}"
        );
        assert!(!found_one.contains("hunter2"), "{found_one}");
    }
}
