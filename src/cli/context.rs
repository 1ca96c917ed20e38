//! `--context`: files of AWS configuration beside the logs.

use std::path::PathBuf;

use clap::Args as ClapArgs;

/// The option shared by the subcommands that use configuration.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct ContextArgs {
    /// File or folder with AWS configuration, as `setup --context` fetches it; may be repeated
    ///
    /// JSON of aws ec2 describe-... and of AWS Config. Configuration among the INPUTs is used without
    /// this option.
    #[arg(long = "context", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}
