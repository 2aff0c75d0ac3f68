//! A system with processes in network namespaces, and files that name them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::kernel::ProcRoot;
use crate::kernel::netns::find;
use crate::model::NamespaceList;

/// What is staged of it.
pub(super) struct Staged {
    directory: tempfile::TempDir,
}

impl Staged {
    /// With the host's process 1, in namespace 1.
    pub(super) fn new() -> Self {
        let staged = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        staged.link("1/ns/pid", "pid:[4026531836]");
        staged.link("self", "1");
        staged.process(1, 1, "systemd", "/init.scope");
        staged
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub(super) fn file(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        symlink(target, self.path(&format!("proc/{path}"))).unwrap();
    }

    /// A process that started when its number says, in a namespace and a cgroup.
    pub(super) fn process(&self, pid: u32, netns: u64, command: &str, cgroup: &str) {
        self.link(&format!("{pid}/ns/net"), &format!("net:[{netns}]"));
        self.file(&format!("proc/{pid}/comm"), &format!("{command}\n"));
        self.file(&format!("proc/{pid}/cgroup"), &format!("0::{cgroup}\n"));
        let stat = format!("{pid} (x) S 1 1 1 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 {pid} 0 0");
        self.file(&format!("proc/{pid}/stat"), &stat);
    }

    /// Mounts a namespace on a file.
    pub(super) fn pin(&self, netns: u64, path: &str) {
        self.file(path, "");
        let known = fs::read_to_string(self.path("proc/1/mountinfo")).unwrap_or_default();
        let path = self.path(path);
        let line = format!(
            "1 1 0:4 net:[{netns}] {} rw - nsfs nsfs rw\n",
            path.display()
        );
        self.file("proc/1/mountinfo", &(known + &line));
    }

    pub(super) fn root(&self) -> ProcRoot {
        ProcRoot::new(&self.directory.path().join("proc"))
    }

    pub(super) fn found(&self) -> NamespaceList {
        find(&self.root()).unwrap()
    }
}
