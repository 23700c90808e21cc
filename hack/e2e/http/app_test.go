package http_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/client/payload"
	"github.com/offlinepush/operator/dispatcher/client/simphone"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// anyHour is the profile of plain alerts that vivo's phones get at night, too.
const anyHour = "any-hour"

// chats let every vendor's phones have as many chat messages as they like, at any hour.
func chats() []config.Profile {
	vivo := config.Setting{Vendor: "Vivo", AppType: 1, Vivo: &config.VivoSetting{Category: "IM"}}
	return []config.Profile{{ResourcesID: anyHour, Settings: []config.Setting{vivo}}, {ResourcesID: profile, Settings: []config.Setting{
		{Vendor: "FCM", AppType: 1, FCM: &config.FCMSetting{Priority: "High"}},
		{Vendor: "Xiaomi", AppType: 1, Xiaomi: &config.XiaomiSetting{ChannelID: "100001"}},
		{Vendor: "Huawei", AppType: 1, Huawei: &config.HuaweiSetting{Category: "IM"}},
		{Vendor: "OPPO", AppType: 1, OPPO: &config.OPPOSetting{Category: "IM"}},
		vivo,
	}}}
}

// models are phones of some vendors, by their rows.
func models(rows ...string) (some []vendor) {
	for _, v := range everyModel() {
		if slices.Contains(rows, v.row) {
			some = append(some, v)
		}
	}
	return some
}

// app is the app with the SDK on a phone. Its process may end and start again.
type app struct {
	*handset
	history process.History
	// sdk is the running process.
	sdk *client.Phone

	mu   sync.Mutex
	kept client.Installation
	// received is what each user received over sessions, in order.
	received map[string][]wire.Message
	kicks    []string
	// calls are what the app was told of calls.
	calls   []string
	changed chan struct{} // closed and replaced with every change
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
func (w *world) newApp(t *testing.T, v vendor) *app {
	t.Helper()
	a := &app{handset: w.buyPhone(t, v), received: map[string][]wire.Message{}, changed: make(chan struct{})}
	a.start(t)
	a.history.Register(time.Now())
	w.secrets.add("a device secret", a.kept.Credentials.DeviceSecret, registration)
	t.Cleanup(func() { a.sdk.Close() })
	return a
}

// start starts the app's process.
func (a *app) start(t *testing.T) {
	t.Helper()
	w := a.world
	a.sdk = must1(client.NewPhone(client.Options{
		BaseURL: "http://device.plane", RegistrationKey: w.doc.Auth.RegistrationKeys[0].Reveal(), AppID: appID,
		HTTP: w.devices, Storage: a, Backoff: client.Backoff{Min: 50 * time.Millisecond, Max: time.Second},
		Sources: map[string]client.TokenSource{a.api: simphone.Handset{Simulator: w.sim.Client, ID: a.id}},
		Callbacks: client.Callbacks{
			MessageReceived:        a.receive,
			CallInvitationReceived: a.noteCall("invited"),
			CallEnded:              a.noteCall("ended"),
			Kicked: func(reason string) {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.kicks = append(a.kicks, reason)
			},
		},
	}))(t)
	must(t, a.sdk.SetPushConfig(simphone.Config(a.api)))
	must1(a.sdk.Register(t.Context()))(t)
}

// receive notes a message for the user who is logged in.
func (a *app) receive(m wire.Message) error {
	user := a.sdk.UserID()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.received[user] = append(a.received[user], m)
	close(a.changed)
	a.changed = make(chan struct{})
	return nil
}

// noteCall notes what the app is told of a call.
func (a *app) noteCall(what string) func(wire.Message) {
	return func(m wire.Message) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.calls = append(a.calls, what+" "+m.Call.CallID)
	}
}

// toldOfCalls is what the app was told of calls so far.
func (a *app) toldOfCalls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

// inboxOf is what the user received so far.
func (a *app) inboxOf(user string) []wire.Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.received[user])
}

// login, switchTo, logout and restart are what people do, and keep the history.
func (a *app) login(ctx context.Context, user, token string) error {
	return a.binding(user, func() error { return a.sdk.Login(ctx, token) })
}

func (a *app) switchTo(ctx context.Context, user, token string) error {
	return a.binding(user, func() error { return a.sdk.SwitchUser(ctx, token) })
}

func (a *app) binding(user string, do func() error) error {
	start := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("logging %s in on the %s phone: %w", user, a.row, err)
	}
	a.history.Bind(process.Span{Start: start, Answer: time.Now()}, 0, user)
	return nil
}

func (a *app) logout(ctx context.Context) error {
	start := time.Now()
	if err := a.sdk.Logout(ctx); err != nil {
		return fmt.Errorf("logging out on the %s phone: %w", a.row, err)
	}
	a.history.Logout(process.Span{Start: start, Answer: time.Now()}, 0)
	return nil
}

// restart kills the app's process, which leaves its user logged in and offline, and starts it again.
func (a *app) restart(t *testing.T) {
	t.Helper()
	a.sdk.Close()
	a.start(t)
}

// shows lists what arrived on the phone by the payloads, as the app reads them. Repetitions that a phone hides are left out.
func (a *app) shows(t *testing.T) (all []shownPush) {
	t.Helper()
	for _, arrival := range must1(a.world.sim.Client.Notifications(t.Context(), a.id, 0, 0))(t) {
		p, err := payload.Read(a.api, simphone.Raw(arrival.Content))
		must(t, err)
		if arrival.DuplicateOf == 0 {
			all = append(all, shownPush{arrival, p})
		}
	}
	return all
}

// shownPush is a push on a phone, and what the app reads of it.
type shownPush struct {
	phone.Arrival
	payload.Payload
}

// awaitInbox waits until the user has received a message with each of the payloads.
func (a *app) awaitInbox(t *testing.T, user string, payloads map[string]bool) []wire.Message {
	t.Helper()
	var inbox []wire.Message
	until(t, user+" has received everything", func() error {
		inbox = a.inboxOf(user)
		missing := len(payloads)
		for _, m := range inbox {
			if payloads[m.Push.Payload] {
				missing--
			}
		}
		if missing > 0 {
			return fmt.Errorf("%d of %d are missing", missing, len(payloads))
		}
		return nil
	})
	return inbox
}

// inOrder fails unless the inbox has each message once, strictly by its sequence.
func inOrder(inbox []wire.Message) error {
	var errs []error
	for i, m := range inbox {
		if want := int64(i + 1); m.Seq != want {
			errs = append(errs, fmt.Errorf("message %d of the inbox has sequence %d", want, m.Seq))
		}
	}
	return errors.Join(errs...)
}
