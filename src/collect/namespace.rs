//! One place to read from: a network namespace as a /proc and netlink show it,
//! or a recording.

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::FallbackSource;
use super::selector::{Selected, SelectionError, Selector};
use crate::kernel::sock_diag::NetlinkSource;
use crate::kernel::{
    KernelError, ProcRoot, ProcfsSource, ReplaySource, SocketSource, read_boot_id, read_counters,
    read_host, read_host_wide, read_port_settings, read_sockstat, read_sysctls, read_tcp_mem,
    since_boot,
};
use crate::model::{
    Collection, Counters, Family, FamilySet, Filter, Host, HostWide, Listeners, NetNs,
    PortSettings, Request, Selection, Socket, Sockstat, SourceKind, Sysctl, Sysctls,
};

type BoxedSource = Box<dyn SocketSource + Send>;
type Opener = Box<dyn FnMut(&ProcRoot) -> BoxedSource + Send>;

/// Everything that is read from one place.
///
/// A recording is of another time and perhaps of another host, so nothing that
/// could be read here belongs to it: its settings, counters and processes are
/// unknown.
pub struct Namespace {
    sockets: Selected,
    /// Opens the source of sockets anew; `None` where that wouldn't change it.
    opener: Option<Opener>,
    /// `None` for a recording.
    proc_root: Option<ProcRoot>,
    /// Which one it is, where it was asked for by name.
    netns: Option<NetNs>,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("source", &self.source())
            .field("proc_root", &self.proc_root)
            .finish_non_exhaustive()
    }
}

impl Namespace {
    /// The namespace of a /proc: its sockets over netlink, and from /proc
    /// where netlink is refused.
    #[must_use]
    pub fn open(proc_root: ProcRoot) -> Self {
        Self::opened_by(
            Box::new(|proc_root| Box::new(FallbackSource::open(proc_root))),
            proc_root,
        )
    }

    /// The same over netlink alone.
    ///
    /// # Errors
    ///
    /// When the kernel refuses a netlink socket, and when the /proc may be of
    /// another namespace than netlink: its settings and counters would stand
    /// beside sockets that they don't belong to.
    pub fn over_netlink(proc_root: ProcRoot) -> Result<Self, KernelError> {
        if !proc_root.is_of_this_thread() {
            let root = proc_root.path().to_owned();
            return Err(KernelError::ForeignProcRoot { root });
        }
        let sockets = NetlinkSource::open()?;
        Ok(Self::over(sockets, proc_root))
    }

    /// The same from /proc alone.
    #[must_use]
    pub fn over_procfs(proc_root: ProcRoot) -> Self {
        Self::over(ProcfsSource::new(&proc_root), proc_root)
    }

    /// A recorded dump of sockets.
    #[must_use]
    pub fn recorded(file: &Path) -> Self {
        Self {
            sockets: all(Box::new(ReplaySource::new(file))),
            opener: None,
            proc_root: None,
            netns: None,
        }
    }

    /// The sockets of any source beside a /proc of the same namespace.
    #[must_use]
    pub fn over(sockets: impl SocketSource + Send + 'static, proc_root: ProcRoot) -> Self {
        Self {
            sockets: all(Box::new(sockets)),
            opener: None,
            proc_root: Some(proc_root),
            netns: None,
        }
    }

    /// The sockets of the source that `opener` opens, now and whenever it is to
    /// be opened anew.
    #[must_use]
    pub fn opened_by(mut opener: Opener, proc_root: ProcRoot) -> Self {
        Self {
            sockets: all(opener(&proc_root)),
            opener: Some(opener),
            proc_root: Some(proc_root),
            netns: None,
        }
    }

    /// The same place with what it is called.
    #[must_use]
    pub fn known_as(self, netns: NetNs) -> Self {
        Self {
            netns: Some(netns),
            ..self
        }
    }

    /// The same place with the sockets that a filter selects, which was written
    /// in these words.
    ///
    /// # Errors
    ///
    /// When it can't be told which these are.
    pub fn select(mut self, filter: Filter, words: String) -> Result<Self, SelectionError> {
        if !filter.is_everything() {
            let (proc_root, source) = (self.proc_root.as_ref(), &mut *self.sockets.all);
            self.sockets.selector = Some(Selector::new(filter, words, proc_root, source)?);
        }
        Ok(self)
    }

    /// Looks anew at who holds what, where the filter asks for it: for a further
    /// reading of the same sockets.
    ///
    /// # Errors
    ///
    /// When processes or listeners can't be read.
    pub fn refresh(&mut self) -> Result<(), KernelError> {
        match &mut self.sockets.selector {
            Some(selector) => selector.refresh(self.proc_root.as_ref(), &mut *self.sockets.all),
            None => Ok(()),
        }
    }

    /// Which sockets are selected.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        const ALL: &Filter = &Filter::EVERYTHING;
        let selector = self.sockets.selector.as_ref();
        selector.map_or(ALL, Selector::filter)
    }

    /// What is left of the sockets; `None` where it is all, or all of a family.
    #[must_use]
    pub fn selection(&self) -> Option<&Selection> {
        self.sockets.selector.as_ref()?.selection()
    }

    /// The family that all selected sockets are of, if it is one.
    #[must_use]
    pub fn family(&self) -> Option<Family> {
        match self.filter().families() {
            FamilySet {
                ipv4: true,
                ipv6: false,
            } => Some(Family::Ipv4),
            FamilySet {
                ipv4: false,
                ipv6: true,
            } => Some(Family::Ipv6),
            _ => None,
        }
    }

    /// Opens the source of sockets anew, netlink first, where both netlink and
    /// /proc may be read; says whether it did.
    pub fn reopen(&mut self) -> bool {
        let (Some(opener), Some(proc_root)) = (&mut self.opener, &self.proc_root) else {
            return false;
        };
        self.sockets.all = opener(proc_root);
        true
    }

    /// Runs a reading, and once more from the beginning where the source of
    /// sockets failed within a dump and fell back to another.
    ///
    /// # Errors
    ///
    /// Those of the reading.
    pub fn with_fallback<T>(
        &mut self,
        mut reading: impl FnMut(&mut Self) -> Result<T, KernelError>,
    ) -> Result<T, KernelError> {
        let before = self.source();
        match reading(self) {
            Err(_) if self.source() != before => reading(self),
            outcome => outcome,
        }
    }

    /// The sockets that are selected.
    pub fn sockets(&mut self) -> &mut dyn SocketSource {
        &mut self.sockets
    }

    /// Every socket, whatever the filter: ports are taken by whoever has them.
    pub fn all_sockets(&mut self) -> &mut dyn SocketSource {
        self.sockets.all.as_mut()
    }

    /// Shows every socket of a request, and whether it is selected.
    ///
    /// # Errors
    ///
    /// When the sockets could not be read.
    pub fn visit_judged(
        &mut self,
        request: &Request,
        visitor: &mut dyn FnMut(&Socket, bool),
    ) -> Result<Collection, KernelError> {
        self.sockets.visit_judged(request, visitor)
    }

    /// Where the next sockets will come from, as far as is known before.
    #[must_use]
    pub fn source(&self) -> SourceKind {
        self.sockets.kind()
    }

    /// The /proc, and with it the processes; `None` for a recording.
    #[must_use]
    pub fn proc_root(&self) -> Option<&ProcRoot> {
        self.proc_root.as_ref()
    }

    /// Whether it shows what is there now.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.proc_root.is_some()
    }

    /// The time, where what is read now is of now.
    #[must_use]
    pub fn now(&self) -> Option<SystemTime> {
        self.is_live().then(SystemTime::now)
    }

    /// Time since boot, suspend included, by which readings are compared and ages
    /// judged.
    #[must_use]
    pub fn since_boot(&self) -> Option<Duration> {
        self.is_live().then(since_boot)
    }

    /// Which host, kernel and network namespace it is.
    #[must_use]
    pub fn host(&self) -> Host {
        let mut host = self.known(read_host);
        if self.netns.is_some() {
            host.netns.clone_from(&self.netns);
        }
        host
    }

    /// The inode of the network namespace; `None` where it isn't known.
    #[must_use]
    pub fn inode(&self) -> Option<u64> {
        self.known(ProcRoot::netns_inode)
    }

    /// The random number of this boot.
    #[must_use]
    pub fn boot_id(&self) -> Option<String> {
        self.known(read_boot_id)
    }

    /// The kernel's own counts of sockets.
    #[must_use]
    pub fn sockstat(&self) -> Sockstat {
        self.known(read_sockstat)
    }

    /// The kernel's counters.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.known(read_counters)
    }

    /// The settings that say which ports connect() may take.
    #[must_use]
    pub fn port_settings(&self) -> PortSettings {
        self.known(read_port_settings)
    }

    /// Settings of the kernel.
    #[must_use]
    pub fn sysctls(&self, wanted: &[Sysctl]) -> Sysctls {
        match &self.proc_root {
            Some(proc_root) => read_sysctls(proc_root, wanted),
            None => Sysctls::read(wanted, |_| None),
        }
    }

    /// What the whole host shares, with the kernel's own counts of sockets.
    #[must_use]
    pub fn host_wide(&self, sockstat: &Sockstat) -> HostWide {
        self.known(|proc_root| read_host_wide(proc_root, sockstat))
    }

    /// The listeners that were seen. A recording without any was made of other
    /// states: its listeners are unknown.
    #[must_use]
    pub fn known_listeners(&self, seen: Listeners) -> Option<Listeners> {
        (self.is_live() || seen.count > 0).then_some(seen)
    }

    /// Whether it is the host's own network namespace, which alone shows the
    /// limits of the whole host.
    #[must_use]
    pub fn shows_host_limits(&self) -> bool {
        self.known(|proc_root| read_tcp_mem(proc_root).is_some())
    }

    /// What is read of /proc; what is unknown where there is none.
    fn known<T: Default>(&self, read: impl FnOnce(&ProcRoot) -> T) -> T {
        self.proc_root.as_ref().map(read).unwrap_or_default()
    }
}

const fn all(sockets: BoxedSource) -> Selected {
    Selected {
        all: sockets,
        selector: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings and counters of this host stood beside the sockets of a
    /// recording.
    #[test]
    fn nothing_is_known_of_a_recording_but_its_sockets() {
        let recorded = Namespace::recorded(Path::new("/nowhere"));
        assert_eq!(recorded.source(), SourceKind::Replay);
        assert!(recorded.proc_root().is_none() && !recorded.is_live());
        assert_eq!(recorded.host(), Host::default());
        assert_eq!(recorded.sockstat(), Sockstat::default());
        assert_eq!(recorded.counters(), Counters::default());
        assert_eq!(recorded.since_boot(), None);
        assert_eq!(recorded.now(), None);
        let sysctls = recorded.sysctls(Sysctl::SUMMARY);
        assert_eq!(sysctls.iter().count(), Sysctl::SUMMARY.len());
        assert!(sysctls.iter().all(|(_, value)| value.is_none()));
    }
}
