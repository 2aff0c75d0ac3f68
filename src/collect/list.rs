//! Sockets one by one, as a filter selects them: nothing of them is kept.

use std::ops::ControlFlow;

use super::Namespace;
use crate::kernel::KernelError;
use crate::model::{Collection, Extensions, Filter, Request, Socket};

/// Shows every socket that a filter selects to `visitor`, with what is wanted of
/// each, until it stops the walk; the kernel leaves the others out as far as it
/// can.
///
/// # Errors
///
/// When the sockets could not be read; those that were shown are not all then.
pub fn visit(
    namespace: &mut Namespace,
    filter: &Filter,
    extensions: Extensions,
    visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
) -> Result<Collection, KernelError> {
    let request = Request::of(filter.clone()).with(extensions);
    namespace.sockets().visit(&request, visitor)
}
