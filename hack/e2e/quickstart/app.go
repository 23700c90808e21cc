package quickstart

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/client/payload"
	"github.com/offlinepush/operator/dispatcher/client/simphone"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// appID is that of the quickstart's app.
const appID = "quickstart-chat"

// app is the app with the SDK on a phone. Its process may end and start again.
type app struct {
	*World
	model
	id      string // at the simulator
	history process.History
	// sdk is the running process.
	sdk *client.Phone

	mu   sync.Mutex
	kept client.Installation
	// calls are what the app was told of calls, received the payloads of messages with the users who received them.
	calls    []string
	received [][2]string
	// lost is since when there is no session, zero while there is one; absences are those that are over.
	lost     time.Time
	absences []absence
}

// Load implements client.Storage.
func (a *app) Load() (client.Installation, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.kept, nil
}

// Save implements client.Storage.
func (a *app) Save(i client.Installation) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept = i
	return nil
}

// newApp buys a phone, installs the app and registers it.
func (w *World) newApp(ctx context.Context, m model) (*app, error) {
	p, err := w.vendors.CreatePhone(ctx, simulator.NewPhone{Vendor: m.vendor, App: m.app})
	if err != nil {
		return nil, fmt.Errorf("buying the %s: %w", m.name, err)
	}
	a := &app{World: w, model: m, id: p.ID}
	if err := a.start(ctx); err != nil {
		return nil, err
	}
	a.history.Register(time.Now())
	return a, nil
}

// start starts the app's process.
func (a *app) start(ctx context.Context) (err error) {
	vendor := a.registration.Vendor
	a.sdk, err = client.NewPhone(client.Options{
		BaseURL: a.devicePlane, RegistrationKey: registrationKey, AppID: appID, Platform: a.registration.Platform,
		HTTP: AnyDispatcher(), Storage: a, Backoff: client.Backoff{Min: 100 * time.Millisecond, Max: time.Second},
		Sources: map[string]client.TokenSource{vendor: simphone.Handset{Simulator: a.vendors, ID: a.id}},
		Callbacks: client.Callbacks{
			MessageReceived: a.receive, ConnectionChanged: a.noteConnection, CallInvitationReceived: a.noteCall("invited"), CallEnded: a.noteCall("ended"),
		},
	})
	if err != nil {
		return err
	}
	if err := a.sdk.SetPushConfig(simphone.Config(vendor)); err != nil {
		return err
	}
	return await(ctx, "the "+a.name+" to register", func(ctx context.Context) error {
		_, err := a.sdk.Register(ctx)
		return err
	})
}

func (a *app) receive(m wire.Message) error {
	user := a.sdk.UserID()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.received = append(a.received, [2]string{user, m.Push.Payload})
	return nil
}

func (a *app) noteCall(what string) func(wire.Message) {
	return func(m wire.Message) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.calls = append(a.calls, what+" "+m.Call.CallID)
	}
}

// told says whether the app was told that of a call.
func (a *app) told(what, callID string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.calls, what+" "+callID)
}

// signIn logs whoever is logged in out and the user in, again until a dispatcher has answered well.
func (a *app) signIn(ctx context.Context, user string) error {
	token, err := a.login.token(user)
	if err != nil {
		return err
	}
	return await(ctx, user+" to log in on the "+a.name, func(ctx context.Context) error {
		span := process.Span{Start: time.Now()}
		err := a.sdk.SwitchUser(ctx, token)
		if span.Answer = time.Now(); err != nil {
			a.history.Try(span, 0, user)
			return err
		}
		a.history.Bind(span, 0, user)
		return nil
	})
}

// signOut logs out, again until a dispatcher has answered well.
func (a *app) signOut(ctx context.Context) error {
	return await(ctx, "a logout on the "+a.name, func(ctx context.Context) error {
		start := time.Now()
		err := a.sdk.Logout(ctx)
		if err == nil {
			a.history.Logout(process.Span{Start: start, Answer: time.Now()}, 0)
		}
		return err
	})
}

// shown is a push on a phone, and what the app reads of it.
type shown struct {
	phone.Arrival
	payload.Payload
}

// shows lists what arrived on the phone. Repetitions that a phone hides are left out.
func (a *app) shows(ctx context.Context) (all []shown, err error) {
	arrivals, err := a.vendors.Notifications(ctx, a.id, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("looking at the %s: %w", a.name, err)
	}
	for _, arrival := range arrivals {
		p, err := payload.Read(a.registration.Vendor, simphone.Raw(arrival.Content))
		if err != nil {
			return nil, fmt.Errorf("reading a push on the %s: %w", a.name, err)
		}
		if arrival.DuplicateOf == 0 {
			all = append(all, shown{arrival, p})
		}
	}
	return all, nil
}
