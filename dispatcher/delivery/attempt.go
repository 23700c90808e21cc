package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/delivery/fuse"
	"github.com/offlinepush/operator/dispatcher/delivery/quota"
	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
)

// attempt is one try at one delivery through one sender.
type attempt struct {
	*lane
	sender   *sender
	delivery message.Delivery
	// claim is what it has yet to take of the row's rate.
	claim *claim
	// settlement collects what becomes of every target.
	settlement store.Settlement
	retries    retries
	// backoff is that of all calls, so that what fails together is tried again together.
	backoff time.Duration
	called  bool
	// acceptedAt is that of the message.
	acceptedAt time.Time
	// taken is what the call may use of the vendor's quota of the day.
	taken quota.Taken
	// failed says that the vendor had too much to do, or did not answer.
	failed bool
	// unbelieved counts the InvalidToken answers that the store does not know of yet.
	unbelieved int64
	// transcript keeps the vendor's answer to a push test; nil for any other message.
	transcript *provider.Transcript
}

// live is a target that passed the fence.
type live struct {
	target message.Target
	state  store.FenceState
}

// run tries the delivery and settles it. The end of ctx keeps it from starting
// a call but not from ending one. An error means that nothing was settled and
// the row stays as it is; once a call was made, trouble only ends the attempt,
// so that what was sent is recorded.
func (a *attempt) run(ctx context.Context) error {
	defer a.claim.drop()
	m, err := a.store.Message(ctx, a.delivery.MessageID)
	if err != nil {
		return fmt.Errorf("reading the message: %w", err)
	}
	m.PushExpiresAt = a.delivery.ExpiresAt // which a dead letter that is sent again has anew
	a.settlement.DeliveryID, a.backoff, a.acceptedAt = a.delivery.ID, backoff(a.delivery.Attempt+1), m.CreatedAt
	defer func() { a.invalid.Add(-a.unbelieved) }()
	for rest := a.delivery.Targets; len(rest) > 0; {
		n := min(len(rest), a.sender.provider.MaxTargets())
		err := a.next(ctx, m, rest[:n])
		if err != nil && !a.called {
			return err
		}
		if err != nil {
			a.later(rest, a.store.Now().Add(storePause), message.Outcome{})
			break
		}
		rest = rest[n:]
	}
	return a.record(ctx)
}

// next tries some of the targets, as many as the vendor's quota of the day has room for. The others wait.
func (a *attempt) next(ctx context.Context, m message.Message, targets []message.Target) error {
	pass, wait := a.spend(m, targets)
	defer func() { a.taken.Tell(nil) }()
	if len(pass) > 0 {
		if err := a.claim.take(ctx, a.sender.provider.Requests(len(pass))); err != nil {
			return fmt.Errorf("waiting for the channel's rate: %w", err)
		}
		if err := a.call(a.overhear(context.WithoutCancel(ctx), m), m, pass); err != nil {
			return err
		}
	}
	a.waitForQuota(wait)
	return nil
}

// record settles, and goes on until the store takes it or ctx ends if a call was
// made: its row would be sent again and again otherwise.
func (a *attempt) record(ctx context.Context) error {
	for {
		err := a.settle(context.WithoutCancel(ctx))
		// A target that is no more was settled by the same call, whose answer was lost.
		if err == nil || !a.called || errors.Is(err, store.ErrLeaseLost) || errors.Is(err, store.ErrNotTarget) {
			return err
		}
		a.log.Warn("a sent delivery is not recorded yet", "channel", a.name, "delivery", a.delivery.ID, "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(storePause):
		}
	}
}

// call sends to the targets that pass the fence, which stays marked from
// before the epochs are read until after the answer.
func (a *attempt) call(ctx context.Context, m message.Message, targets []message.Target) error {
	devices := make([]int64, len(targets))
	for i, t := range targets {
		devices[i] = t.Device
	}
	open := a.fence.enter(devices)
	defer open.leave()
	doc, _ := a.live.Current()
	n := notification(m, doc.Document, a.sender.row, a.store.Now())
	now, err := a.store.Fence(ctx, store.FenceQuery{
		MessageID: m.ID, Replaces: m.Detail.Replaces, Devices: devices, Kind: n.TokenKind(),
	})
	if err != nil {
		return fmt.Errorf("reading the fence: %w", err)
	}
	open.read(now.Devices)
	over, err := a.over(ctx, m, now)
	if err != nil {
		return fmt.Errorf("reading the call: %w", err)
	}
	if !a.sender.mayCall() { // before any target's story ends, because with an error all of them are kept
		return lease.ErrOver
	}
	if pass := a.admitted(m, targets, now, over); len(pass) > 0 {
		a.send(ctx, n, doc.App.AppID, pass)
	}
	return nil
}

func (a *attempt) send(ctx context.Context, n provider.Notification, appID string, pass []live) {
	targets := make([]provider.Target, len(pass))
	for i, l := range pass {
		targets[i] = provider.Target{Token: l.state.Token.Value, UserHash: message.UserHash(appID, l.state.UserID)}
		if l.target.Badge > 0 {
			targets[i].Badge = new(l.target.Badge)
		}
	}
	a.called = true
	began := time.Now()
	outcomes := doubted(a.sender.send(ctx, n, targets), pass)
	a.taken.Tell(outcomes)
	a.failed = a.failed || slices.ContainsFunc(outcomes, overloaded)
	ended := time.Now()
	a.keepPace(a.sender, outcomes, ended.Sub(began))
	a.noteAnswer(ctx, pass, outcomes)
	now := a.store.Now()
	blown, err := a.fused(ctx, pass, outcomes, now)
	if err != nil {
		a.log.Warn("reading the token health; invalid tokens are kept", "channel", a.name, "error", err)
		blown = true
	}
	closed := a.observe(a.sender, outcomes, blown && err == nil, now)
	next := trial{calls: a.delivery.Attempt + 1, backoff: a.backoff, fused: blown}
	a.trace(ctx, next, outcomes, began, ended)
	for i, l := range pass {
		v := next.judge(outcomes[i])
		if closed {
			v.wait = whileClosed(outcomes[i], v.wait)
		}
		a.conclude(l, outcomes[i], v, now)
	}
}

// whileClosed is the wait of a delivery whose row is closed: the row holds it back, and opens with a new credential. A
// spent quota is not asked about sooner than an hour later, whatever opens the row.
func whileClosed(o message.Outcome, wait time.Duration) time.Duration {
	if o.Class == message.QuotaExhausted {
		return min(wait, quotaWait)
	}
	return min(wait, firstBackoff)
}

// doubted are the outcomes, but for what they say of a token's former life: a token that the phone registered
// after the vendor gave it up may be good again, so that the vendor is asked a few times more.
func doubted(outcomes []message.Outcome, pass []live) []message.Outcome {
	for i, o := range outcomes {
		if o.Class == message.InvalidToken && !o.InvalidSince.IsZero() && o.InvalidSince.Before(pass[i].state.TokenSetAt) {
			outcomes[i].Class = message.Unknown
		}
	}
	return outcomes
}

// fused reports whether the row's InvalidToken answers must not be believed; it
// asks the store only if there is one and the last count was not far below, and
// counts besides what the store does not know of yet: this call and the answers of
// all others that are not settled.
func (a *attempt) fused(ctx context.Context, pass []live, outcomes []message.Outcome, now time.Time) (bool, error) {
	var valid, invalid, answers, counted int64
	for i, o := range outcomes {
		acceptedAt := pass[i].state.AcceptedAt
		recent := acceptedAt.After(now.Add(-fuse.Accepted))
		switch {
		case o.Class == message.Accepted:
			valid++
		case o.Class == message.InvalidToken && recent:
			invalid++
			if acceptedAt.After(now.Add(-fuse.Window)) {
				counted++ // The store still takes it for valid.
			}
		}
		if o.Class == message.InvalidToken {
			answers++
		}
	}
	if answers == 0 {
		return false, nil
	}
	a.unbelieved += invalid
	unsettled := a.invalid.Add(invalid)
	seen, calm := a.tally.calm(invalid, now)
	if calm {
		return false, nil
	}
	v, i, err := a.store.TokenHealth(ctx, a.name, now.Add(-fuse.Window), now.Add(-fuse.Accepted))
	if err != nil {
		return false, err
	}
	a.tally.set(v, i+unsettled, seen, now)
	return fuse.Blown(max(v-counted, 0)+valid, i+unsettled), nil
}

func (a *attempt) conclude(l live, o message.Outcome, v verdict, now time.Time) {
	if v.state == "" {
		a.later([]message.Target{l.target}, now.Add(v.wait), o)
		return
	}
	a.done(store.TargetResult{Target: l.target, State: v.state, Reason: v.reason, Outcome: o, TokenGen: l.state.Token.Gen})
}

func (a *attempt) done(r store.TargetResult) {
	r.InDoubt = a.delivery.InDoubt && r.State != message.Handed
	a.settlement.Done = append(a.settlement.Done, r)
}

// later keeps targets until a time; the outcome is zero when there was no call.
func (a *attempt) later(kept []message.Target, at time.Time, o message.Outcome) {
	a.retries.add(kept, at, o)
}

func (a *attempt) settle(ctx context.Context) error {
	a.settlement.Retry = a.retries.rows(a.delivery)
	if err := a.store.Settle(ctx, []store.Settlement{a.settlement}); err != nil {
		return fmt.Errorf("settling: %w", err)
	}
	a.measure()
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
