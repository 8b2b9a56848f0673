//! Who a person is: signing in, binding, the query password and its tries, the portal, the home
//! page; over real connections, on both databases.

pub mod support;

mod alipay;
mod apps;
mod binding;
mod card;
mod devices;
mod forced_change;
mod home;
mod kept_out;
mod lost;
mod meanwhile;
mod password;
mod phones;
mod portal;
mod routes;
mod sessions;
mod top_up;
mod tries;
mod unbinding;
