package delivery

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// defaultConcurrency bounds the deliveries of a channel row that are tried at the same time.
const defaultConcurrency = 16

// sender is a channel row with its credential. A changed row gets a new sender;
// the old one closes when its last call has ended.
type sender struct {
	row      config.Channel
	provider provider.Provider
	limiter  *rate.Limiter
	metrics  *metrics.Metrics
	calls    sync.WaitGroup
}

func newSender(row config.Channel, p provider.Provider, m *metrics.Metrics) *sender {
	s := &sender{row: row, provider: p, metrics: m, limiter: rate.NewLimiter(rate.Inf, 0)}
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

// send makes the call within callTimeout.
func (s *sender) send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	start := time.Now()
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
