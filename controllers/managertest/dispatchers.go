package managertest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

// Dispatchers answer for pods by their address.
type Dispatchers struct {
	mu      sync.Mutex
	reports map[string]report.Report
	keys    map[string]string
	answers map[string]PushAnswer
	asked   map[string][]report.PushTest
}

// PushAnswer is what the dispatchers make of a test; the error is an *admin.RefusedError, or what happened on the way.
type PushAnswer func(report.PushTest) (report.PushTestState, error)

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

// Answer makes all dispatchers answer the tests of a pushID or userID, until the next one.
func (d *Dispatchers) Answer(target string, answer PushAnswer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.answers == nil {
		d.answers, d.asked = map[string]PushAnswer{}, map[string][]report.PushTest{}
	}
	d.answers[target] = answer
}

// Asked lists what the manager asked for a pushID or userID.
func (d *Dispatchers) Asked(target string) []report.PushTest {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked[target])
}

// Push implements pushtest.Pusher. A pod that reports nothing is unreachable.
func (d *Dispatchers) Push(_ context.Context, podIP string, key config.Secret, test report.PushTest) (report.PushTestState, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	target := cmp.Or(test.PushID, test.UserID)
	answer, ok := d.answers[target]
	if _, reachable := d.reports[podIP]; !reachable || !ok {
		return report.PushTestState{}, errors.New("connection refused")
	}
	d.keys[podIP] = key.Reveal()
	d.asked[target] = append(d.asked[target], test)
	return answer(test)
}
