//! One end of a connection, as every JSON document has it.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::Endpoint;

#[derive(Debug, Serialize)]
pub(super) struct EndpointJson {
    address: IpAddr,
    port: u16,
}

impl From<Endpoint> for EndpointJson {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            address: endpoint.address,
            port: endpoint.port,
        }
    }
}
