package delivery

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

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
	limiter    *rate.Limiter
	quota      *quota.Row
	metrics    *metrics.Metrics
	calls      sync.WaitGroup
}

func newSender(row config.Channel, term *lease.Term, p provider.Provider, m *metrics.Metrics) *sender {
	s := &sender{row: row, term: term, provider: p, metrics: m, limiter: rate.NewLimiter(rate.Inf, 0)}
	if n := int(row.Limits.RequestsPerSecond); n > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(n), max(n, p.Requests(p.MaxTargets())))
	}
	m.Prepare(row.Name, row.Vendor)
	return s
}

func (s *sender) concurrency() int {
	if n := int(s.row.Limits.MaxConcurrentRequests); n > 0 {
		return n
	}
	return defaultConcurrency
}

// wait takes the row's rate for a call to that many targets.
func (s *sender) wait(ctx context.Context, targets int) error {
	return s.limiter.WaitN(ctx, s.provider.Requests(targets))
}

// behind is how long it takes until the row's rate serves another call: those that began wait for theirs till then.
func (s *sender) behind() time.Duration {
	lacking := -s.limiter.Tokens()
	if lacking <= 0 {
		return 0
	}
	return time.Duration(lacking / float64(s.limiter.Limit()) * float64(time.Second))
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
	outcomes := s.provider.Send(ctx, n, targets)
	s.metrics.CallSeconds.WithLabelValues(s.row.Name, s.row.Vendor).Observe(time.Since(start).Seconds())
	for _, o := range outcomes {
		s.metrics.Outcomes.WithLabelValues(s.row.Name, s.row.Vendor, string(o.Class)).Inc()
	}
	return outcomes
}

// retire closes the provider once nobody uses it.
func (s *sender) retire() {
	s.calls.Wait()
	s.provider.Close()
}
