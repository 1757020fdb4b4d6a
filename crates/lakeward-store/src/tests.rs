mod backups;
mod basics;
mod broken_commits;
mod crashes;
mod disk;
mod layouts;
mod model;
mod nodes;
mod server;
mod world;

use super::*;
