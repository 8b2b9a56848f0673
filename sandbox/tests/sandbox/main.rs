//! The sandbox from outside: over HTTP, with keys and signatures of another implementation.

#[cfg(test)]
mod support;

#[cfg(test)]
mod alipay_apps;
#[cfg(test)]
mod alipay_bills;
#[cfg(test)]
mod alipay_faults;
#[cfg(test)]
mod alipay_notifications;
#[cfg(test)]
mod alipay_pages;
#[cfg(test)]
mod alipay_refunds;
#[cfg(test)]
mod alipay_trades;
#[cfg(test)]
mod alipay_wire;
#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod cashier;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod control;
#[cfg(test)]
mod faults_of_callbacks;
#[cfg(test)]
mod faults_of_requests;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod journey;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod login;
#[cfg(test)]
mod merchants;
#[cfg(test)]
mod refunds;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod server_api;
#[cfg(test)]
mod till;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wecom;
