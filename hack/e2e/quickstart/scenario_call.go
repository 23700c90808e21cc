package quickstart

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const (
	// longRing is in seconds and outlasts every step; shortRing ends while a dispatcher is away or soon after.
	longRing, shortRing = 300, 12
	// slowVendor is below the 6 s that a vendor call may take.
	slowVendor = 5 * time.Second
)

// callees are four users with phones of four vendors, who were logged in and are offline.
type callees struct {
	*Story
	apps  []*app
	users []string
}

func (s *Story) callees(ctx context.Context, name string) (*callees, error) {
	c := &callees{Story: s, apps: make([]*app, len(four()))}
	group, ctx := errgroup.WithContext(ctx)
	for i, m := range four() {
		user := s.user(m.vendor + "-" + name)
		c.users = append(c.users, user)
		group.Go(func() (err error) {
			if c.apps[i], err = s.newApp(ctx, m); err != nil {
				return err
			}
			if err := c.apps[i].signIn(ctx, user); err != nil {
				return err
			}
			c.apps[i].sdk.Close()
			return s.offlineNow(ctx, user)
		})
	}
	return c, group.Wait()
}

// close ends the apps that run.
func (c *callees) close() {
	for _, a := range c.apps {
		if a != nil && a.sdk != nil {
			a.sdk.Close()
		}
	}
}

// offlineNow waits until the dispatchers know that the user has no session.
func (w *World) offlineNow(ctx context.Context, user string) error {
	return await(ctx, user+" to be offline", func(ctx context.Context) error {
		online, err := w.backend.Online(ctx, user)
		if err == nil && online {
			err = fmt.Errorf("%w: there is a session", errNotYet)
		}
		return err
	})
}

// ring begins a call to all of them at one dispatcher.
func (c *callees) ring(ctx context.Context, at *client.Server, seconds int32) (wire.Call, error) {
	m := c.message("", "Alice calls", chat)
	call, err := at.BeginCall(ctx, wire.BeginCallFrom{From: m.From, BeginCall: wire.BeginCall{
		ClientID: m.ClientID, CallInvitation: wire.CallInvitation{To: c.users, TimeoutSeconds: seconds, Body: "the offer", Push: m.Push},
	}})
	if err != nil {
		return call, fmt.Errorf("calling %v: %w", c.users, err)
	}
	c.Say("    call %s rings for %d users with phones of four vendors", call.CallID, len(c.users))
	return call, nil
}

// ringing tells whether the phone's tray has the invitation to the call now, and which ones have arrived at all.
func (a *app) ringing(ctx context.Context, callID string) (now bool, arrived []shown, err error) {
	p, err := a.vendors.Phone(ctx, a.id)
	if err != nil {
		return false, nil, err
	}
	tray := map[int64]bool{}
	for _, n := range p.Tray {
		tray[n.Seq] = true
	}
	all, err := a.shows(ctx)
	for _, s := range all {
		if s.Envelope.CallID == callID && s.Envelope.Operation == "" {
			now, arrived = now || tray[s.Seq], append(arrived, s)
		}
	}
	return now, arrived, err
}

func (a *app) awaitRinging(ctx context.Context, callID string) error {
	return await(ctx, "the "+a.name+" to ring", func(ctx context.Context) error {
		now, _, err := a.ringing(ctx, callID)
		if err == nil && !now {
			err = errNotYet
		}
		return err
	})
}

func (a *app) awaitTold(ctx context.Context, what, callID string) error {
	return await(ctx, "the app on the "+a.name+" to be told: "+what, func(context.Context) error {
		if !a.told(what, callID) {
			return errNotYet
		}
		return nil
	})
}

// comesBack starts the app again, with its user logged in.
func (c *callees) comesBack(ctx context.Context, i int) error {
	if err := c.apps[i].start(ctx); err != nil {
		return err
	}
	return c.apps[i].signIn(ctx, c.users[i])
}

// slow makes two of the four vendors take their time.
func (s *Story) slow(ctx context.Context, latency time.Duration) error {
	for _, m := range four()[1:3] {
		if err := s.vendors.SetFault(ctx, m.vendor, traffic.Fault{LatencyMs: int(latency.Milliseconds())}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Story) quick(ctx context.Context) (err error) {
	for _, m := range four()[1:3] {
		err = errors.Join(err, s.vendors.ClearFault(ctx, m.vendor))
	}
	return err
}

// silent fails if any phone goes on ringing. Where the app runs, it takes the notification away by itself: it was told.
func (c *callees) silent(ctx context.Context, callID string) (rang int, err error) {
	for i, a := range c.apps {
		now, arrived, err := a.ringing(ctx, callID)
		if err != nil {
			return rang, err
		}
		if now && !a.told("ended", callID) {
			return rang, fmt.Errorf("the %s of %s goes on ringing: %+v", a.name, c.users[i], arrived)
		}
		rang += min(len(arrived), 1)
	}
	return rang, nil
}

// cancelInFlight cancels a call while two vendors have the invitations still. One invitee has logged in while it rang,
// and one comes when it is over.
func (s *Story) cancelInFlight(ctx context.Context) error {
	c, err := s.callees(ctx, "cancel")
	if err != nil {
		return err
	}
	defer c.close()
	call, err := c.ringAndCancel(ctx)
	if err != nil {
		return err
	}
	if err := s.settled(ctx); err != nil {
		return err
	}
	rang, err := c.silent(ctx, call.CallID)
	if err != nil {
		return err
	}
	s.Say("    %d phones had rung, none goes on", rang)
	huawei := c.apps[2]
	if err := errors.Join(c.comesBack(ctx, 2), huawei.awaitTold(ctx, "ended", call.CallID)); err != nil {
		return err
	}
	if huawei.told("invited", call.CallID) {
		return errors.New("who logged in after the end was invited")
	}
	return nil
}

// ringAndCancel cancels once one phone rings and another one's user has logged in and was invited.
func (c *callees) ringAndCancel(ctx context.Context) (call wire.Call, err error) {
	pods, err := c.running(ctx)
	if err != nil {
		return call, err
	}
	count, err := c.accountant(ctx, pods[0])
	if err != nil {
		return call, err
	}
	if err := c.slow(ctx, slowVendor); err != nil {
		return call, err
	}
	if call, err = c.ring(ctx, c.backend, longRing); err != nil {
		return call, err
	}
	google, oppo := c.apps[0], c.apps[3]
	err = errors.Join(google.awaitRinging(ctx, call.CallID), c.comesBack(ctx, 3), oppo.awaitTold(ctx, "invited", call.CallID))
	if err != nil {
		return call, err
	}
	before, err := count(ctx)
	if err == nil && before.Pending == 0 {
		err = errors.New("no push is in flight: this proves nothing")
	}
	if err != nil {
		return call, err
	}
	if _, err := c.backend.CancelCall(ctx, call.CallID, wire.CancelCallFor{CallUser: c.caller()}); err != nil {
		return call, err
	}
	c.Say("    cancelled with %d pushes on their way", before.Pending)
	return call, errors.Join(c.quick(ctx), oppo.awaitTold(ctx, "ended", call.CallID))
}

// caller is who begins the calls.
func (s *Story) caller() wire.CallUser { return wire.CallUser{UserID: s.user("alice")} }

// phase is a call, how far it is when its dispatcher dies, and what it comes to by itself.
type phase struct {
	name          string
	step          func(*client.Server, wire.Call, *callees) error
	state, reason string
	// first and others are what becomes of the invitees.
	first, others string

	*callees
	call wire.Call
}

func (s *Story) phases(ctx context.Context) []*phase {
	return []*phase{
		{
			name: "rings", step: func(*client.Server, wire.Call, *callees) error { return nil },
			state: "Ended", reason: "TimedOut", first: "TimedOut", others: "TimedOut",
		},
		{name: "goes-on", step: func(at *client.Server, call wire.Call, c *callees) error {
			_, err := at.AcceptCall(ctx, call.CallID, wire.AnswerCallFor{CallUser: wire.CallUser{UserID: c.users[0]}})
			return err
		}, state: "Ongoing", first: "Accepted", others: "TimedOut"},
		{name: "is-over", step: func(at *client.Server, call wire.Call, _ *callees) error {
			_, err := at.CancelCall(ctx, call.CallID, wire.CancelCallFor{CallUser: s.caller()})
			return err
		}, state: "Ended", reason: "Cancelled", first: "Cancelled", others: "Cancelled"},
	}
}

// killDuringCalls kills a dispatcher that has a call in each phase, with pushes under way: all state and all timers survive.
func (s *Story) killDuringCalls(ctx context.Context) error {
	pods, err := s.running(ctx)
	if err != nil {
		return err
	}
	phases := s.phases(ctx)
	for _, p := range phases {
		if p.callees, err = s.callees(ctx, p.name); err != nil {
			return err
		}
		defer p.close()
	}
	if err := errors.Join(s.slow(ctx, slowVendor/2), s.ringAndKill(ctx, pods[0], phases)); err != nil {
		return err
	}
	killed := time.Now()
	if err := errors.Join(s.quick(ctx), s.recovered(ctx)); err != nil {
		return err
	}
	if err := s.awaitOutcomes(ctx, phases, killed); err != nil {
		return err
	}
	_, err = s.backend.EndCall(ctx, phases[1].call.CallID, wire.LeaveCallFor{CallUser: s.caller()})
	return err
}

// awaitOutcomes waits for what the calls come to by themselves, and looks at the phones when all pushes are done.
func (s *Story) awaitOutcomes(ctx context.Context, phases []*phase, killed time.Time) error {
	for _, p := range phases {
		if err := p.awaitOutcome(ctx); err != nil {
			return err
		}
		s.Say("    the call that %s is %s %s, %.1fs after the kill", p.name, p.state, p.reason, time.Since(killed).Seconds())
	}
	if err := s.settled(ctx); err != nil {
		return err
	}
	for _, p := range phases {
		if err := p.judge(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ringAndKill brings each call into its phase at one dispatcher, which dies then.
func (s *Story) ringAndKill(ctx context.Context, victim pod, phases []*phase) (err error) {
	at := victim.server()
	for _, p := range phases {
		if p.call, err = p.ring(ctx, at, shortRing); err != nil {
			return err
		}
	}
	for _, p := range phases {
		if err := p.apps[0].awaitRinging(ctx, p.call.CallID); err != nil {
			return err
		}
		if err := p.step(at, p.call, p.callees); err != nil {
			return fmt.Errorf("the call that %s: %w", p.name, err)
		}
	}
	return s.destroy(ctx, victim)
}

// awaitOutcome waits until the call has come to what it must.
func (p *phase) awaitOutcome(ctx context.Context) error {
	return await(ctx, "the outcome of the call that "+p.name, func(ctx context.Context) error {
		call, err := p.backend.Call(ctx, p.call.CallID)
		if err != nil {
			return err
		}
		if call.State != p.state || call.Reason != p.reason {
			return fmt.Errorf("%w: it is %s %s", errNotYet, call.State, call.Reason)
		}
		want := map[string]string{p.users[0]: p.first}
		for _, user := range p.users[1:] {
			want[user] = p.others
		}
		for _, m := range call.Members {
			if w, ok := want[m.UserID]; ok && w != m.State {
				return fmt.Errorf("%w: %s is %s", errNotYet, m.UserID, m.State)
			}
		}
		return nil
	})
}

// judge looks at the phones. No invitation arrived after its end; one that ended by itself may stay as a call that was missed.
func (p *phase) judge(ctx context.Context) error {
	if p.reason == "Cancelled" {
		_, err := p.silent(ctx, p.call.CallID)
		return err
	}
	for _, a := range p.apps {
		_, arrived, err := a.ringing(ctx, p.call.CallID)
		if err != nil {
			return err
		}
		for _, s := range arrived {
			if end := time.UnixMilli(s.Envelope.ExpiresAt); s.ArrivedAt.After(end) {
				return fmt.Errorf("the %s rang at %s for the call that %s, which had ended at %s", a.name, s.ArrivedAt, p.name, end)
			}
		}
	}
	return nil
}
