package delivery

import "github.com/offlinepush/operator/dispatcher/message"

// measure counts what the attempt settled, and how long the vendor's part was awaited.
func (a *attempt) measure() {
	now := a.store.Now()
	for _, r := range a.settlement.Done {
		a.metrics.Targets.WithLabelValues(a.name, string(r.State), r.Reason).Inc()
		if r.State == message.Handed {
			a.metrics.PushSeconds.WithLabelValues(a.name, a.sender.row.Vendor).Observe(max(now.Sub(a.acceptedAt).Seconds(), 0))
		}
	}
}
