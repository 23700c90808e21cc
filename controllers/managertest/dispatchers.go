package managertest

import (
	"context"
	"errors"
	"sync"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

// Dispatchers answer for pods by their address.
type Dispatchers struct {
	mu      sync.Mutex
	reports map[string]report.Report
	keys    map[string]string
}

// Report makes the pod at an address report, until the next one.
func (d *Dispatchers) Report(podIP string, r report.Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reports == nil {
		d.reports, d.keys = map[string]report.Report{}, map[string]string{}
	}
	d.reports[podIP] = r
}

// Silence makes the pod at an address unreachable.
func (d *Dispatchers) Silence(podIP string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.reports, podIP)
}

// Key is the key that the manager showed to the pod last.
func (d *Dispatchers) Key(podIP string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.keys[podIP]
}

// Read implements pushapp.ReportReader.
func (d *Dispatchers) Read(_ context.Context, podIP string, key config.Secret) (report.Report, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.reports[podIP]
	if !ok {
		return report.Report{}, errors.New("connection refused")
	}
	d.keys[podIP] = key.Reveal()
	return r, nil
}
