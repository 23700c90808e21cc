// Package observability tests the alerts of config/prometheus and the
// dashboards of config/grafana: with promtool, with Prometheus's own parser,
// with the Prometheus operator's types, and against docs/metrics.md. It is a
// module of its own, so that none of these is a dependency of the operator.
package observability
