//! Sign-in, binding and the home page over HTTP.

mod auth;
mod binding;
mod me;
mod phone;
mod problems;

use super::BindingView;
use crate::schools::PersonKind;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the paths of this journey; needs `Data<Identities>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(auth::wechat_login)
        .service(auth::alipay_login)
        .service(auth::portal_login)
        .service(auth::show_portal_code)
        .service(auth::refresh)
        .service(auth::logout)
        .service(binding::bind)
        .service(binding::unbind)
        .service(binding::change_password)
        .service(me::me)
        .service(phone::show_phone)
        .service(phone::set_phone)
        .service(phone::remove_phone);
}

/// A binding.
#[derive(Serialize, utoipa::ToSchema)]
struct BindingBody {
    school: SchoolBody,
    cardholder: Cardholder,
    /// Whether all requests are refused until the default password is changed, except this one,
    /// changing the password, unbinding and signing out.
    must_change_password: bool,
}

/// A school, by name.
#[derive(Serialize, utoipa::ToSchema)]
struct SchoolBody {
    code: String,
    name: String,
}

/// A person as shown to clients.
#[derive(Serialize, utoipa::ToSchema)]
struct Cardholder {
    /// The last character only.
    name_masked: String,
    student_no: String,
    kind: PersonKind,
}

impl From<BindingView> for BindingBody {
    fn from(view: BindingView) -> Self {
        Self {
            school: SchoolBody { code: view.school_code, name: view.school_name },
            cardholder: Cardholder {
                name_masked: view.name_masked,
                student_no: view.student_no,
                kind: view.kind,
            },
            must_change_password: view.must_change_password,
        }
    }
}
