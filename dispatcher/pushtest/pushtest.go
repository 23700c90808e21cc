// Package pushtest makes one push to a phone, or to the phones of a user, for
// who wants to see where it ends: every hop's answer is kept and told. A test
// is known by its UID, which is noted together with what is to be pushed; after
// that it is an ordinary message without a place in any inbox, so that a crash
// between any two steps neither loses it nor makes two of it.
package pushtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/tracing"
)

const (
	// timeToLive ends the tries to push: who tests is waiting.
	timeToLive = time.Minute
	// grace is how long after that a call may still be open, or its answer on its way into the store.
	grace = 10 * time.Second
	// pause is the least time between two tests of a device.
	pause = 5 * time.Second
)

// Store is the part of the store that tests need.
type Store interface {
	Device(ctx context.Context, pushID string) (message.Device, error)
	DevicesOf(ctx context.Context, userIDs []string) (map[string][]message.Device, error)
	Fence(ctx context.Context, q store.FenceQuery) (store.Fence, error)
	StartPushTest(ctx context.Context, t store.PushTest, pause time.Duration) (store.PushTest, error)
	PushTest(ctx context.Context, uid string) (store.PushTest, error)
	Accept(ctx context.Context, reqs []store.AcceptRequest) []store.AcceptResult
	Trace(ctx context.Context, messageID string) ([]store.Trace, error)
	// Now is the time that tests are dated by.
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
	// Tracer is nil where nothing is traced.
	Tracer *tracing.Tracer
}

// Service starts tests and tells how far they are. It is safe for concurrent use.
type Service struct{ deps Deps }

// New makes a Service.
func New(d Deps) *Service { return &Service{deps: d} }

// RefusalError is the error of a test that did not start.
type RefusalError struct {
	Status int
	report.PushTestRefusal
}

// Error implements error.
func (r *RefusalError) Error() string { return r.Code + ": " + r.Message }

func refuse(status int, code, format string, args ...any) *RefusalError {
	return &RefusalError{Status: status, PushTestRefusal: report.PushTestRefusal{Code: code, Message: fmt.Sprintf(format, args...)}}
}

// Ask starts the test unless its UID is known, and tells how far it is. The
// error is a *RefusalError, or trouble of the store.
func (s *Service) Ask(ctx context.Context, req report.PushTest) (report.PushTestState, error) {
	if err := checkShape(req); err != nil {
		return report.PushTestState{}, err
	}
	t, err := s.test(ctx, req)
	if err != nil {
		return report.PushTestState{}, err
	}
	lines, err := s.follow(ctx, t)
	if err == nil && len(lines) > 0 { // behind the lines, because an answer is stored before what it leads to
		t, err = s.deps.Store.PushTest(ctx, req.UID)
	}
	if err != nil {
		return report.PushTestState{}, err
	}
	return state(t, lines, s.deps.Store.Now()), nil
}

// test finds the noted test or notes it.
func (s *Service) test(ctx context.Context, req report.PushTest) (store.PushTest, error) {
	t, err := s.deps.Store.PushTest(ctx, req.UID)
	if errors.Is(err, store.ErrNotFound) {
		if req.MessageID != "" {
			return store.PushTest{}, refuse(http.StatusNotFound, report.RefusedForgotten,
				"the store knows no test with this uid any more; it is not started again")
		}
		if t, err = s.plan(ctx, req); err != nil {
			return store.PushTest{}, err
		}
		t, err = s.deps.Store.StartPushTest(ctx, t, pause)
	}
	if err != nil {
		return store.PushTest{}, refusalOf(err)
	}
	if t.Hash != hash(req) {
		return store.PushTest{}, refusalOf(store.ErrConflict)
	}
	return t, nil
}

// refusalOf explains the store's answers; trouble stays what it is.
func refusalOf(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return refuse(http.StatusConflict, report.RefusedConflict, "the uid was used for another test; give each test its own")
	}
	soon, isSoon := errors.AsType[*store.TooSoonError](err)
	if !isSoon {
		return err
	}
	seconds := int((soon.Wait + time.Second - 1) / time.Second)
	r := refuse(http.StatusTooManyRequests, report.RefusedTooSoon,
		"the phone had a test less than %d seconds ago; this one may start in %d s", int(pause.Seconds()), seconds)
	r.RetryAfterSeconds = seconds
	return r
}

// follow reads what became of the test. A message that was never accepted, because whoever noted the test
// came no further, is accepted now, but no more behind its time: then it may have been forgotten.
func (s *Service) follow(ctx context.Context, t store.PushTest) ([]store.Trace, error) {
	lines, err := s.deps.Store.Trace(ctx, t.Message.ID)
	if !errors.Is(err, store.ErrNotFound) {
		return lines, err
	}
	req := request(t)
	if len(req.Deliveries) == 0 || !s.deps.Store.Now().Before(t.Message.PushExpiresAt) {
		return nil, nil
	}
	incarnation, began := s.deps.Deliverer.Incarnation(), time.Now()
	result := s.deps.Store.Accept(ctx, []store.AcceptRequest{req})[0]
	if result.Err == nil && !result.Duplicate {
		s.deps.Tracer.Accept(ctx, accept.Stored(req, began, time.Now()))
	}
	s.deps.Deliverer.Submit(incarnation, result.Deliveries)
	return nil, result.Err
}

// request is what the store accepts of a test: a push at once, online or not, that has no receivers but the
// devices. Each has a delivery of its own, so that the vendor answers about it alone.
func request(t store.PushTest) store.AcceptRequest {
	out := store.AcceptRequest{
		Message: t.Message, ClientID: t.UID, Hash: t.Hash, IdempotentUntil: t.Message.PushExpiresAt.Add(timeToLive),
	}
	out.Message.Sender = message.PushTestSender
	for _, d := range t.Devices {
		if d.Refused == "" {
			out.Deliveries = append(out.Deliveries, store.NewDelivery{
				Channel: d.Channel, Rule: message.RulePushTest, DueAt: t.Message.CreatedAt, Targets: []store.NewTarget{{Device: d.Device, Epoch: d.Epoch}},
			})
		}
	}
	return out
}
