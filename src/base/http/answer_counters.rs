//! A cache of metric handles: looking a metric up by its labels costs more than incrementing it.

use actix_web::http::StatusCode;
use metrics::{Counter, Histogram};
use std::{cell::RefCell, collections::HashMap};

/// The metrics of one method, route and status.
pub(super) struct RouteMetrics {
    method: &'static str,
    status: StatusCode,
    pub(super) requests: Counter,
    pub(super) duration_seconds: Histogram,
    pub(super) statements: Histogram,
}

/// The metrics of one worker, by route. The size is bounded: routes are our own patterns, methods
/// the standard ones.
#[derive(Default)]
pub(super) struct AnswerCounters(RefCell<HashMap<String, Vec<RouteMetrics>>>);

impl AnswerCounters {
    /// Calls `count` with the metrics of these labels, which are registered on first use: by then a
    /// recorder is installed.
    pub(super) fn count(
        &self,
        method: &'static str,
        route: &str,
        status: StatusCode,
        count: impl FnOnce(&RouteMetrics),
    ) {
        let mut routes = self.0.borrow_mut();
        let is_it = |known: &&RouteMetrics| known.method == method && known.status == status;
        if let Some(known) = routes.get(route).and_then(|all| all.iter().find(is_it)) {
            return count(known);
        }
        let new = RouteMetrics::new(method, route, status);
        count(&new);
        routes.entry(route.to_owned()).or_default().push(new);
    }
}

impl RouteMetrics {
    fn new(method: &'static str, route: &str, status: StatusCode) -> Self {
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        Self {
            method,
            status,
            requests: metrics::counter!("onecard_http_requests_total", &labels),
            duration_seconds: metrics::histogram!("onecard_http_request_duration_seconds", &labels),
            statements: metrics::histogram!("onecard_http_request_statements", &labels),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    #[test]
    fn each_answer_is_counted_under_its_own_labels() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let page = recorder.handle();
        let counters = AnswerCounters::default();
        metrics::with_local_recorder(&recorder, || {
            let ok = StatusCode::OK;
            let answers = [
                ("GET", "/a", ok),
                ("GET", "/a", ok),
                ("POST", "/a", ok),
                ("GET", "/a", StatusCode::NOT_FOUND),
                ("GET", "/b", ok),
                ("GET", "/a", ok),
            ];
            for (method, route, status) in answers {
                counters.count(method, route, status, |handles| handles.requests.increment(1));
            }
        });
        let page = page.render();
        for (method, route, status, count) in [
            ("GET", "/a", 200, 3),
            ("POST", "/a", 200, 1),
            ("GET", "/a", 404, 1),
            ("GET", "/b", 200, 1),
        ] {
            let labels = format!(r#"{{method="{method}",route="{route}",status="{status}"}}"#);
            let line = format!("onecard_http_requests_total{labels} {count}\n");
            assert!(page.contains(&line), "{line}{page}");
        }
    }
}
