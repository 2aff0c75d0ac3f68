//! Taking rights away from a program before it starts.
//!
//! A filter or a dropped capability can only be had from inside the process that is to run the
//! program, and std has no safe hook between fork and exec. So the test binary starts itself once
//! more, confines itself, and then executes the program in its own place.

use std::{
    env,
    io::stdin,
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    process::{Command, Stdio},
};

use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use serde::{Deserialize, Serialize};

/// Carries the [`Order`], as JSON.
const ORDER: &str = "TCPSTATE_LAB_CONFINE";

const NOBODY: u32 = 65534;

/// Which rights a program is to do without.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Confinement {
    netlink_refused_with: Option<u16>,
    no_capabilities: bool,
    other_user: bool,
}

impl Confinement {
    /// `socket(AF_NETLINK, …)` fails with this error: 1 is EPERM as container runtimes answer,
    /// 97 EAFNOSUPPORT as systemd's RestrictAddressFamilies= does.
    pub(crate) fn without_netlink(errno: u16) -> Self {
        Self {
            netlink_refused_with: Some(errno),
            ..Self::default()
        }
    }

    /// Not even root may do what needs a capability.
    pub(crate) fn no_capabilities() -> Self {
        Self {
            no_capabilities: true,
            ..Self::default()
        }
    }

    /// The user nobody: only the host's root can become it.
    pub(crate) fn other_user() -> Self {
        Self {
            other_user: true,
            ..Self::default()
        }
    }

    /// Whether the program has to run as a user who may not even reach the build directory.
    pub(super) fn is_other_user(self) -> bool {
        self.other_user
    }
}

/// What the confined process has to do.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    confinement: Confinement,
    program: String,
    arguments: Vec<String>,
}

/// A command that runs `program` confined. libtest prints on stdout before anything else can, so
/// the program's own stdout has to be given to the command as its **stdin**.
pub(super) fn command(confinement: Confinement, program: &str, arguments: &[String]) -> Command {
    let order = Order {
        confinement,
        program: program.to_owned(),
        arguments: arguments.to_vec(),
    };
    let mut command = Command::new(env::current_exe().expect("the path of the test binary"));
    command
        .args(["lab::confine::entry", "--exact", "--ignored"])
        .args(["--nocapture", "--test-threads=1"])
        .env(ORDER, serde_json::to_string(&order).expect("JSON"))
        .stdout(Stdio::null());
    command
}

/// The confined process begins here.
#[test]
#[ignore = "a helper process: other tests start it"]
fn entry() {
    let Ok(order) = env::var(ORDER) else { return };
    let order: Order = serde_json::from_str(&order).expect("an order");
    let stdout = stdin().as_fd().try_clone_to_owned().expect("a descriptor");
    let mut command = Command::new(&order.program);
    command
        .args(&order.arguments)
        .env_remove(ORDER)
        .stdin(Stdio::null())
        .stdout(stdout);
    if order.confinement.other_user {
        command.uid(NOBODY).gid(NOBODY);
    }
    if order.confinement.no_capabilities {
        drop_capabilities();
    }
    if let Some(errno) = order.confinement.netlink_refused_with {
        refuse_netlink(errno.into());
    }
    let error = command.exec();
    panic!("execute {}: {error}", order.program);
}

/// Root gets back at exec whatever is in the bounding set: so nothing may be in it.
fn drop_capabilities() {
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        // EINVAL for a number that this kernel has no capability for.
        if let Err(error) = remove_capability_from_bounding_set(capability) {
            assert_eq!(error, rustix::io::Errno::INVAL, "capability {number}");
        }
    }
}

/// Sets a filter that the kernel keeps across exec.
fn refuse_netlink(errno: u32) {
    const AF_NETLINK: u64 = 16;
    let program = filter(SOCKET, AF_NETLINK, SeccompAction::Errno(errno));
    seccompiler::apply_filter(&program).expect("set the filter");
}

/// From now on any thread of this process ends that writes to stdout, and it alone. libtest does,
/// in the first thread, when a test is over: there is no other way to end that one and keep the
/// process, without unsafe code.
pub(super) fn end_whoever_writes_to_stdout() {
    const STDOUT: u64 = 1;
    let program = filter(WRITE, STDOUT, SeccompAction::KillThread);
    seccompiler::apply_filter_all_threads(&program).expect("set the filter");
}

/// Newer architectures share one table of system calls.
const SOCKET: i64 = if cfg!(target_arch = "x86_64") {
    41
} else {
    198
};
const WRITE: i64 = if cfg!(target_arch = "x86_64") { 1 } else { 64 };

/// What happens to a system call with this first argument.
fn filter(system_call: i64, first: u64, action: SeccompAction) -> BpfProgram {
    let is_first = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, first)
        .expect("a condition");
    let rule = SeccompRule::new(vec![is_first]).expect("a rule");
    let filter = SeccompFilter::new(
        [(system_call, vec![rule])].into(),
        SeccompAction::Allow,
        action,
        env::consts::ARCH.try_into().expect("a known architecture"),
    );
    filter.expect("a filter").try_into().expect("a program")
}
