package delivery

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/delivery/quota"
	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// defaultConcurrency bounds the deliveries of a channel row that are tried at the same time.
const defaultConcurrency = 16

// callTimeout bounds a vendor call; one starts only if it fits into the lease.
const callTimeout = 6 * time.Second

// sender is a channel row with its credential under one term of the lease. A
// changed row, another receipt URL and a new term get a new sender, with connections of its own; the
// old one closes when its last call has ended.
type sender struct {
	row        config.Channel
	receiptURL config.Secret
	term       *lease.Term
	provider   provider.Provider
	quota      *quota.Row
	metrics    *metrics.Metrics
	log        *slog.Logger
	calls      sync.WaitGroup
}

func (e *Engine) newSender(row config.Channel, term *lease.Term, p provider.Provider) *sender {
	e.Metrics.Prepare(row.Name, row.Vendor)
	return &sender{row: row, term: term, provider: p, metrics: e.Metrics, log: e.Log}
}

func (s *sender) concurrency() int {
	if n := int(s.row.Limits.MaxConcurrentRequests); n > 0 {
		return n
	}
	return defaultConcurrency
}

// alive keeps every byte off the connections of a term that is over: calls of a
// process that slept through its lease are still open when it wakes up. It stops
// early enough that the kernel repeats nothing after the end of the lease either.
func alive(term *lease.Term) func() error {
	return func() error {
		if !term.Fits(provider.Linger) {
			return lease.ErrOver
		}
		return nil
	}
}

// mayCall reports whether a call that starts now ends inside the lease.
func (s *sender) mayCall() bool { return s.term.Fits(callTimeout) }

// send makes the call within callTimeout and inside the lease.
func (s *sender) send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	start := time.Now()
	ctx, cancel := context.WithDeadline(ctx, earlier(start.Add(callTimeout), s.term.Deadline()))
	defer cancel()
	outcomes := provider.Send(s.contain(ctx), s.provider, n, targets)
	s.metrics.CallSeconds.WithLabelValues(s.row.Name, s.row.Vendor).Observe(time.Since(start).Seconds())
	for _, o := range outcomes {
		s.metrics.Outcomes.WithLabelValues(s.row.Name, s.row.Vendor, string(o.Class)).Inc()
	}
	return outcomes
}

// contain keeps a fault of the vendor's client in a call from ending the process.
func (s *sender) contain(ctx context.Context) context.Context {
	return provider.Contain(ctx, s.log.With("channel", s.row.Name, "vendor", s.row.Vendor))
}

// retire closes the provider once nobody uses it.
func (s *sender) retire() {
	s.calls.Wait()
	s.provider.Close()
}
