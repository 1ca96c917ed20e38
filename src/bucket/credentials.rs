//! The credentials that sign requests, from the places where the AWS CLI looks for them.
//!
//! The providers are those of the client's own signer. It does not let them run programs, which a profile with
//! `credential_process` needs, so they get that here.

use reqsign_aws_v4::{Credential, DefaultCredentialProvider};
use reqsign_command_execute_tokio::TokioCommandExecute;
use reqsign_core::{Context, ProvideCredential, ProvideCredentialChain, Result};

/// A provider that may run the program that a profile names.
#[derive(Debug)]
struct WithPrograms(DefaultCredentialProvider);

impl ProvideCredential for WithPrograms {
    type Credential = Credential;

    async fn provide_credential(&self, context: &Context) -> Result<Option<Credential>> {
        let context = context.clone().with_command_execute(TokioCommandExecute);
        self.0.provide_credential(&context).await
    }
}

/// Returns where credentials come from. A profile that is named goes before everything else, also the variables with
/// keys, as for the AWS CLI; if it has none, there are none.
pub(super) fn credentials(profile: Option<&str>) -> ProvideCredentialChain<Credential> {
    let all = DefaultCredentialProvider::builder();
    let provider = match profile {
        Some(profile) => all
            .no_env()
            .no_web_identity()
            .no_ecs()
            .no_imds()
            .with_profile(profile),
        None => all,
    };
    ProvideCredentialChain::new().push(WithPrograms(provider.build()))
}
