package http_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// quotaClass is that of messages with the profile.
const quotaClass = "Private"

// daily is the configuration with so many pushes a day through the Xiaomi row.
func (w *world) daily(t *testing.T, pushes int64) *config.Document {
	t.Helper()
	doc := w.copyOf(t)
	doc.Channels[1].Limits.DailyQuotas = []config.DailyQuota{{Class: quotaClass, Pushes: pushes}}
	return doc
}

// awaitQuota waits until a dispatcher reports the Xiaomi row so.
func (w *world) awaitQuota(t *testing.T, d *process.Dispatcher, what string, holds func(report.Channel, report.Quota) bool) {
	t.Helper()
	until(t, d.Pod+" "+what, func() error {
		c := d.Channel(t, "xiaomi")
		if !slices.ContainsFunc(c.Quotas, func(q report.Quota) bool { return q.Class == quotaClass && holds(c, q) }) {
			return fmt.Errorf("it says %+v", c)
		}
		return nil
	})
}

// What waits for a used up quota goes as soon as a dispatcher has a configuration that gives more: as much as that is, and
// nothing twice.
func TestARaisedQuotaIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			const first, each = 2, 4
			w := prepare(t, store)
			w.disp.Configure(t, w.daily(t, first))
			w.disp.Start(t)
			h := w.newPhone(t, vendors()[1])
			h.bind(t, "bob")
			for range first {
				w.sendAt(t, w.disp, "bob")
			}
			h.arrivals(t, first)
			if store.name == postgres().name {
				w.another(t)
			}
			for _, d := range w.all {
				w.awaitQuota(t, d, "knows what is used", func(_ report.Channel, q report.Quota) bool { return q.Used == first })
				for range each {
					w.sendAt(t, d, "bob")
				}
			}
			held := each * len(w.all)
			waits := func(n int) func(report.Channel, report.Quota) bool {
				return func(c report.Channel, q report.Quota) bool {
					return q.Waiting == report.WaitingMessages && c.Pending == int64(n)
				}
			}
			for _, d := range w.all {
				w.awaitQuota(t, d, "holds all back", waits(held))
			}
			h.silent(t, first)
			w.disp.Configure(t, w.daily(t, first+1))
			h.arrivals(t, first+1)
			w.awaitQuota(t, w.disp, "holds the others back", waits(held-1))
			for _, d := range w.all {
				d.Configure(t, w.copyOf(t)) // without a limit
			}
			h.arrivals(t, first+held)
			w.settled(t)
			h.silent(t, first+held)
		})
	}
}
