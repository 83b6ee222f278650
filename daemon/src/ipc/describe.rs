//! What the service says of itself: the standard interface of Varlink.

use proto::api::{
    ApiError, DESCRIPTION, INTERFACE, Info, InterfaceDescription, SERVICE_DESCRIPTION,
};

const SERVICE_INTERFACE: &str = "org.varlink.service";

/// `org.varlink.service.GetInfo`.
pub fn info() -> Info {
    Info {
        vendor: "jobd".into(),
        product: "jobd".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        url: String::new(),
        interfaces: vec![SERVICE_INTERFACE.into(), INTERFACE.into()],
    }
}

/// `org.varlink.service.GetInterfaceDescription`.
pub fn interface(name: &str) -> Result<InterfaceDescription, ApiError> {
    let description = match name {
        INTERFACE => DESCRIPTION,
        SERVICE_INTERFACE => SERVICE_DESCRIPTION,
        _ => {
            return Err(ApiError::InterfaceNotFound {
                interface: name.into(),
            });
        }
    };
    Ok(InterfaceDescription {
        description: description.into(),
    })
}
