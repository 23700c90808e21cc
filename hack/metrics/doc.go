// Package metrics writes docs/metrics.md, the catalogue of all metrics of both
// halves, which nothing but hack may know together. Its test keeps the page:
//
//	go test ./hack/metrics -args -update
package metrics
