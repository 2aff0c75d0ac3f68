//! Sockets one by one, as a filter selects them: nothing of them is kept.

use super::Namespace;
use crate::filter::divide_by_rows;
use crate::kernel::KernelError;
use crate::model::{Collection, Filter, Query, Socket, StateSet};

/// Shows every socket that a filter selects to `visitor`; the kernel leaves the
/// others out as far as it can.
///
/// # Errors
///
/// When the sockets could not be read; those that were shown are not all then.
pub fn visit(
    namespace: &mut Namespace,
    filter: &Filter,
    visitor: &mut dyn FnMut(&Socket),
) -> Result<Collection, KernelError> {
    let query = Query {
        filter: filter.clone(),
        tcp_info: filter.needs_tcp_info(),
        ..Query::states(StateSet::ALL)
    };
    namespace.sockets().visit(&query, visitor)
}

/// Whether a filter asks for what only the owner of a socket tells: its process,
/// its unit.
#[must_use]
pub fn asks_for_owners(filter: &Filter) -> bool {
    !divide_by_rows(filter).rest.is_everything()
}
