package http_test

import (
	"fmt"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

// daily gives the Xiaomi row so many pushes of the first class a day.
func (w *world) daily(t *testing.T, pushes int64) *config.Document {
	t.Helper()
	doc := w.copyOf(t)
	doc.Channels[1].Limits.DailyQuotas = []config.DailyQuota{{Class: "Default", Pushes: pushes}}
	return doc
}

// awaitHeld waits until so many pushes wait, and every dispatcher says that it is for the quota.
func (w *world) awaitHeld(t *testing.T, pending int64) {
	t.Helper()
	for _, d := range w.all {
		until(t, d.Pod+" holds pushes back", func() error {
			c := d.Channel(t, "xiaomi")
			if len(c.Quotas) != 1 || c.Quotas[0].Waiting != report.WaitingMessages || c.Pending != pending {
				return fmt.Errorf("it says %+v", c)
			}
			return nil
		})
	}
}

// What waits for a used up quota goes as soon as the dispatchers have a configuration that gives more: as much as that is, and
// nothing twice.
func TestARaisedQuotaIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			const each = 4
			w := prepare(t, store)
			w.disp.Configure(t, w.daily(t, 2))
			w.disp.Start(t)
			h := w.newPhone(t, vendors()[1])
			h.bind(t, "bob")
			w.sendAt(t, w.disp, "bob")
			w.sendAt(t, w.disp, "bob")
			h.arrivals(t, 2)
			if store.name == postgres().name {
				w.another(t) // behind the count of the first one
			}
			for range each {
				for _, d := range w.all {
					w.sendAt(t, d, "bob")
				}
			}
			held := each * len(w.all)
			w.awaitHeld(t, int64(held))
			h.silent(t, 2)
			configure := func(doc *config.Document) {
				for _, d := range w.all {
					d.Configure(t, doc)
				}
			}
			configure(w.daily(t, 3))
			h.arrivals(t, 3)
			w.awaitHeld(t, int64(held-1))
			configure(w.copyOf(t)) // without a limit
			h.arrivals(t, 2+held)
			w.settled(t)
			h.silent(t, 2+held)
		})
	}
}
