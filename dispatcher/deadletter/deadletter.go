// Package deadletter brings back what went wrong for good: it pushes dead
// letters again, and ends the quarantine of tokens that a vendor refused
// because of a wrong credential.
package deadletter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	// MaxStep bounds what one request requeues or purges.
	MaxStep = 1000
	// tokenStep bounds what one commit restores.
	tokenStep = 5000
	// budget is how long a restore goes on; who asks asks again for the rest.
	budget = 8 * time.Second
)

// Store is the part of the store that it needs.
type Store interface {
	store.Letters
	RestoreTokens(ctx context.Context, channel string, since time.Time, limit int) (restored int64, err error)
	Now() time.Time
}

// Deliverer works off deliveries.
type Deliverer interface {
	// Incarnation is that of the lease which rows belong to that are stored now.
	Incarnation() int64
	// Submit takes rows that were just stored, after Incarnation gave the incarnation; it never blocks.
	Submit(incarnation int64, rows []message.Delivery)
}

// Deps is what a Service needs.
type Deps struct {
	Store     Store
	Deliverer Deliverer
	Live      *config.Live
	Metrics   *metrics.Metrics
}

// Service requeues and restores. It is safe for concurrent use.
type Service struct{ deps Deps }

// New makes a Service.
func New(d Deps) *Service { return &Service{deps: d} }

// Requeue pushes up to limit letters again, the oldest first, and says whether there may be more.
func (s *Service) Requeue(ctx context.Context, f store.LetterFilter, limit int) (requeued int64, more bool, err error) {
	doc, _ := s.deps.Live.Current()
	incarnation := s.deps.Deliverer.Incarnation()
	done, err := s.deps.Store.Requeue(ctx, f, int64(doc.Routing.MaxBacklog), limit)
	if err != nil {
		return 0, false, err
	}
	s.deps.Deliverer.Submit(incarnation, done.Deliveries)
	s.deps.Metrics.Requeued.Add(float64(done.Letters))
	return done.Letters, done.More, nil
}

// Restore ends a quarantine. The error is a *message.FieldError, or trouble of the store before anything was restored.
func (s *Service) Restore(ctx context.Context, r report.Restore) (out report.Restored, err error) {
	if err := s.check(r); err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	for restored := int64(tokenStep); restored == tokenStep; {
		if restored, err = s.deps.Store.RestoreTokens(ctx, r.Channel, r.Since, tokenStep); err != nil {
			return s.rest(ctx, out, err)
		}
		out.Tokens += restored
		s.deps.Metrics.Restored.WithLabelValues(r.Channel).Add(float64(restored))
	}
	if r.Retry {
		return s.retry(ctx, r, out)
	}
	return out, nil
}

// retry pushes again what the vendor refused because of the tokens.
func (s *Service) retry(ctx context.Context, r report.Restore, out report.Restored) (report.Restored, error) {
	f := store.LetterFilter{Channel: r.Channel, Reason: string(message.InvalidToken), Since: r.Since}
	for more := true; more; {
		n, again, err := s.Requeue(ctx, f, MaxStep)
		if err != nil {
			return s.rest(ctx, out, err)
		}
		out.Requeued += n
		more = again
	}
	return out, nil
}

// rest is the answer when not all could be done: an error only if nothing was.
func (*Service) rest(ctx context.Context, out report.Restored, err error) (report.Restored, error) {
	if out.Tokens+out.Requeued > 0 || ctx.Err() != nil || errors.Is(err, store.ErrBacklogFull) {
		out.More = true
		return out, nil
	}
	return out, err
}

func (s *Service) check(r report.Restore) error {
	doc, _ := s.deps.Live.Current()
	if !slices.ContainsFunc(doc.Channels, func(c config.Channel) bool { return c.Name == r.Channel }) {
		return &message.FieldError{Field: "channel", Problem: fmt.Sprintf("%q is no channel row of the app; use a name of spec.channels", r.Channel)}
	}
	if r.Since.IsZero() || r.Since.After(s.deps.Store.Now()) {
		return &message.FieldError{Field: "since", Problem: "must be the time, not in the future, at which the wrong credential came into force"}
	}
	return nil
}
