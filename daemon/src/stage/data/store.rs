//! A store is opened: one library for all of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig, StaticCredentialProvider,
};

use super::cause::{self, Cause, Patience, TRIES_MAX};
use super::credentials;
use super::error::DataError;
use super::place::{Bucket, Service};

/// An open store.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) objects: Arc<dyn ObjectStore>,
    /// Where credentials would have come from, where there are none.
    pub(super) anonymous: Option<&'static str>,
    /// Its ETag is the MD5 of an object that was written in one part.
    pub(super) has_md5_etags: bool,
}

/// What it is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Use {
    /// Who reads tries again by itself: it knows how far it came.
    Read,
    /// The library tries again: a part of an upload is its affair. Who writes bounds how long.
    Write,
}

const AZURE_HINT: &str = "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or the \
                          datastore's `credentials_file`";
const S3_HINT: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the datastore's \
                       `credentials_file`";
const GCS_HINT: &str = "set GOOGLE_APPLICATION_CREDENTIALS, or the datastore's `credentials_file`";

type Names = Vec<(String, String)>;

/// Opens it. Nothing is asked of it yet.
pub(super) fn open(bucket: &Bucket, patience: Patience, to: Use) -> Result<Store, DataError> {
    let file = bucket.credentials_file.as_deref();
    let client = Client {
        // Whoever waits knows how long: to the library a request that is still being sent is a
        // silent store.
        options: ClientOptions::new()
            .with_timeout_disabled()
            .with_read_timeout_disabled()
            .with_connect_timeout(patience.first_try())
            .with_allow_http(true),
        retry: RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: match to {
                Use::Read => 0,
                Use::Write => TRIES_MAX as usize - 1,
            },
            retry_timeout: Duration::MAX,
        },
    };
    let opened = match &bucket.service {
        Service::Azure { account, .. } => {
            let names = credentials::take(file, |name| name.starts_with("azure_"))?;
            client.azure(bucket, account, as_the_library_calls_them(names))
        }
        Service::S3 { .. } => {
            let names = credentials::take(file, |name| name.starts_with("aws_"))?;
            client.s3(bucket, names)
        }
        Service::Gcs { .. } => {
            let vendors = |name: &str| name.starts_with("google_") || name == "service_account";
            client.gcs(bucket, credentials::take(file, vendors)?)
        }
    };
    opened.map_err(|error| DataError::Unusable(cause::unusable(&error)))
}

/// The names of Azure's own tools are understood too.
fn as_the_library_calls_them(names: Names) -> Names {
    let mut known = Vec::new();
    for (name, value) in names {
        match name.as_str() {
            "azure_storage_key" => known.push(("azure_storage_account_key".into(), value)),
            "azure_storage_account" => known.push(("azure_storage_account_name".into(), value)),
            "azure_storage_connection_string" => known.extend(connection_string(&value)),
            _ => known.push((name, value)),
        }
    }
    known
}

/// `AccountName=…;AccountKey=…;BlobEndpoint=…`.
fn connection_string(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let name = match name {
            "AccountName" => "azure_storage_account_name",
            "AccountKey" => "azure_storage_account_key",
            "SharedAccessSignature" => "azure_storage_sas_token",
            "BlobEndpoint" => "azure_storage_endpoint",
            _ => return None,
        };
        Some((name.to_owned(), value.to_owned()))
    })
}

struct Client {
    options: ClientOptions,
    retry: RetryConfig,
}

impl Client {
    /// Credentials of the environment are of one account; those of another are not sent to it.
    fn azure(
        self,
        bucket: &Bucket,
        account: &str,
        names: Names,
    ) -> Result<Store, object_store::Error> {
        let owner = names
            .iter()
            .find(|(name, _)| name == "azure_storage_account_name");
        let is_others = owner.is_some_and(|(_, owner)| owner != account);
        let mut builder = MicrosoftAzureBuilder::new();
        for (name, value) in names.iter().filter(|_| !is_others) {
            if let Ok(key) = name.parse::<AzureConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let Service::Azure { container, sas, .. } = &bucket.service else {
            return Err(object_store::Error::NotImplemented {
                operation: "open".into(),
                implementer: "azure".into(),
            });
        };
        if let Some(sas) = sas.as_ref().filter(|sas| sas.contains("sig=")) {
            builder = MicrosoftAzureBuilder::new().with_config(AzureConfigKey::SasKey, sas);
        }
        let has = [
            AzureConfigKey::AccessKey,
            AzureConfigKey::SasKey,
            AzureConfigKey::Token,
            AzureConfigKey::ClientId,
            AzureConfigKey::UseAzureCli,
            AzureConfigKey::MsiEndpoint,
            AzureConfigKey::FederatedTokenFile,
            AzureConfigKey::UseEmulator,
        ]
        .iter()
        .any(|key| {
            builder
                .get_config_value(key)
                .is_some_and(|value| value != "false")
        });
        builder = builder
            .with_account(account)
            .with_container_name(container)
            .with_client_options(self.options)
            .with_retry(self.retry)
            .with_skip_signature(!has);
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder
                .with_use_emulator(false)
                .with_endpoint(endpoint.clone());
        }
        Ok(Store {
            objects: Arc::new(builder.build()?),
            anonymous: (!has).then_some(AZURE_HINT),
            has_md5_etags: false,
        })
    }

    fn s3(self, bucket: &Bucket, names: Names) -> Result<Store, object_store::Error> {
        let mut builder = AmazonS3Builder::new();
        for (name, value) in &names {
            if let Ok(key) = name.parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let has = [
            AmazonS3ConfigKey::AccessKeyId,
            AmazonS3ConfigKey::WebIdentityTokenFile,
            AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
            AmazonS3ConfigKey::ContainerCredentialsFullUri,
        ]
        .iter()
        .any(|key| builder.get_config_value(key).is_some());
        builder = builder
            .with_client_options(self.options)
            .with_retry(self.retry)
            .with_skip_signature(!has);
        if let Service::S3 { bucket, region } = &bucket.service {
            builder = builder.with_bucket_name(bucket);
            if let Some(region) = region {
                builder = builder.with_region(region);
            }
        }
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        Ok(Store {
            objects: Arc::new(builder.build()?),
            anonymous: (!has).then_some(S3_HINT),
            has_md5_etags: true,
        })
    }

    fn gcs(self, bucket: &Bucket, names: Names) -> Result<Store, object_store::Error> {
        let mut builder = GoogleCloudStorageBuilder::new();
        for (name, value) in &names {
            if let Ok(key) = name.parse::<GoogleConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let has = [
            GoogleConfigKey::ServiceAccount,
            GoogleConfigKey::ServiceAccountKey,
            GoogleConfigKey::ApplicationCredentials,
            GoogleConfigKey::BearerToken,
        ]
        .iter()
        .any(|key| builder.get_config_value(key).is_some());
        let has = has || bucket.credentials_file.is_none() && has_logged_in();
        builder = builder
            .with_client_options(self.options)
            .with_retry(self.retry)
            .with_skip_signature(!has);
        if let Service::Gcs { bucket } = &bucket.service {
            builder = builder.with_bucket_name(bucket);
        }
        if !has {
            // Without these the library writes with what it finds: those of the machine in the
            // cloud, or of whoever logged in with Google's tool.
            let nobody = GcpCredential {
                bearer: String::new(),
            };
            builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(nobody)));
        }
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_base_url(endpoint);
        }
        Ok(Store {
            objects: Arc::new(builder.build()?),
            anonymous: (!has).then_some(GCS_HINT),
            has_md5_etags: true,
        })
    }
}

/// Whether Google's own tool keeps credentials of this user, which the library then reads.
fn has_logged_in() -> bool {
    const FILE: &str = ".config/gcloud/application_default_credentials.json";
    std::env::var_os("HOME").is_some_and(|home| Path::new(&home).join(FILE).is_file())
}

/// A client for web servers.
pub(super) fn web_client(patience: Patience) -> Result<reqwest::Client, DataError> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::limited(
            super::cause::REDIRECTS_MAX,
        ))
        // A token in an address is for the server of that address.
        .referer(false)
        .connect_timeout(patience.first_try())
        .pool_idle_timeout(Duration::from_secs(30))
        .user_agent(concat!("jobd/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| DataError::Client(Cause::of_http(error).to_string()))
}
