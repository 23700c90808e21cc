package http_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// atOnceCrowd is how many requests prepare the crowd at a time.
const atOnceCrowd = 16

// crowdSize is the members of the group, of whom every third is online: ten thousand, and fewer with the race detector,
// which multiplies what each of them costs.
func crowdSize() int {
	if process.Race {
		return 3_000
	}
	return 10_000
}

// member is a user of the crowd with one phone.
type member struct {
	user, phone string
	vendor      vendor
	record      wire.DeviceRecord
	credentials wire.RegisteredDevice
	// got counts the group's message in the user's session.
	got atomic.Int32
}

func (m *member) online(i int) bool { return i%3 == 0 }

// crowd are the members of a group, with phones of four vendors.
func (w *world) crowd(t *testing.T) []*member {
	t.Helper()
	some := models("fcm", "xiaomi", "huawei", "oppo")
	all := make([]*member, crowdSize())
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(atOnceCrowd)
	for i := range all {
		group.Go(func() (err error) {
			all[i], err = w.newMember(ctx, fmt.Sprintf("member-%05d", i), some[i/3%len(some)])
			return err
		})
	}
	must(t, group.Wait())
	for part := range slices.Chunk(all, 500) {
		var lines []byte
		for _, m := range part {
			lines = append(lines, bulk.Encode(m.record)...)
		}
		if done := must1(w.server().ImportBindings(t.Context(), lines, time.Time{}))(t); done.Created != len(part) {
			t.Fatalf("the import: %+v", done)
		}
	}
	return all
}

// newMember buys a phone and writes the line with which its installation moves to the app.
func (w *world) newMember(ctx context.Context, user string, v vendor) (*member, error) {
	p, err := w.sim.Client.CreatePhone(ctx, simulator.NewPhone{Vendor: v.row, App: v.app, ID: user})
	if err != nil {
		return nil, err
	}
	m := &member{user: user, phone: p.ID, vendor: v, credentials: wire.RegisteredDevice{PushID: "push of " + user, DeviceSecret: rand.Text()}}
	hash := sha256.Sum256([]byte(m.credentials.DeviceSecret))
	now := time.Now().UTC()
	m.record = wire.DeviceRecord{
		PushID: m.credentials.PushID, DeviceSecretHash: base64.RawURLEncoding.EncodeToString(hash[:]), Vendor: v.api, AppType: 1,
		Tokens: map[string]string{"alert": p.Token}, UserID: user, RegisteredAt: now, SeenAt: now,
	}
	return m, nil
}

// connect opens the sessions of every third member at the dispatcher.
func (w *world) connect(t *testing.T, d *process.Dispatcher, all []*member, body string) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(atOnceCrowd)
	sessions := make([]*client.Session, len(all))
	for i, m := range all {
		if !m.online(i) {
			continue
		}
		group.Go(func() error {
			token, err := w.users.Token(m.user)
			if err != nil {
				return err
			}
			device, login := client.Restore(d.DeviceURL, m.credentials, w.devicePlane), client.Login{
				UserToken: token,
				OnMessage: func(got wire.Message) error {
					if got.Body == body {
						m.got.Add(1)
					}
					return nil
				},
			}
			// On a busy machine one of so many may take longer than a phone waits, which tries again.
			for end := time.Now().Add(patience); ; {
				if sessions[i], err = device.Open(context.WithoutCancel(ctx), login); err == nil || time.Now().After(end) {
					return err
				}
			}
		})
	}
	t.Cleanup(func() {
		var ends sync.WaitGroup
		for _, s := range sessions {
			if s != nil {
				ends.Go(s.Close)
			}
		}
		ends.Wait()
	})
	must(t, group.Wait())
}

// A group of 10,000 with a third online gets one message. Everybody who is offline is pushed, once to the eye; who is
// online receives it over the session once and is not pushed. With PostgreSQL, the dispatcher that accepted it is killed
// in the middle and another one goes on.
func TestGroupOfTenThousand(t *testing.T) {
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			w := everyVendor(t, store)
			// 3,333 phones keep up and acknowledge on one busy machine.
			w.doc.Routing.HeartbeatSeconds, w.doc.Routing.OfflineAfterSeconds, w.doc.Routing.AckTimeoutSeconds = 10, 35, 30
			hash := w.disp.Configure(t, w.doc)
			until(t, "the configuration is in force", func() error {
				if c := w.disp.Report(t).Config; c.Hash != hash {
					return fmt.Errorf("%+v", c)
				}
				return nil
			})
			at := w.disp
			if store.name == postgres().name {
				at = w.another(t)
			}
			all := w.crowd(t)
			must1(w.server().PutGroup(t.Context(), "crowd", []string{"speaker"}))(t)
			for part := range slices.Chunk(all, 500) {
				users := make([]string, len(part))
				for i, m := range part {
					users[i] = m.user
				}
				must1(w.server().AddMembers(t.Context(), "crowd", users))(t)
			}
			m := w.newMessage("speaker")
			w.connect(t, w.disp, all, m.Body)
			if at != w.disp {
				for _, v := range models("fcm", "xiaomi", "huawei", "oppo") {
					w.fault(t, v.row, traffic.Fault{LatencyMs: 300})
				}
			}
			began := time.Now()
			sent := must1(w.serverAt(at).SendToGroup(t.Context(), "crowd", wire.SendGroupMessage{ClientID: m.ClientID, From: m.From, Body: m.Body, Push: m.Push}))(t)
			if at != w.disp {
				until(t, "the message is on its way", func() error {
					if a := w.disp.Report(t).Account; a.Admitted == 0 || a.Admitted >= int64(crowdSize()) {
						return fmt.Errorf("%+v", a)
					}
					return nil
				})
				at.Kill()
				t.Logf("killed at %+v", w.disp.Report(t).Account)
			}
			w.reached(t, all, m.Push.Title)
			t.Logf("%d members were reached %s after %s was accepted", len(all), time.Since(began), sent.MessageID)
			w.settled(t)
			w.once(t, all, m.Push.Title)
			if a := w.disp.Report(t).Account; a.Admitted != int64(crowdSize())+1 || a.Failed+a.Expired+a.Quarantined != 0 {
				t.Errorf("the account of %d members and the sender is %+v", crowdSize(), a)
			}
		})
	}
}

// reached waits until the message is with everybody.
func (w *world) reached(t *testing.T, all []*member, title string) {
	t.Helper()
	until(t, "everybody has the message", func() error {
		trays := w.trays(t)
		missing := map[string]int{}
		for i, m := range all {
			switch {
			case m.online(i) && m.got.Load() == 0:
				missing["online"]++
			case !m.online(i) && count(trays[m.phone], title) == 0:
				missing[m.vendor.row]++
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("missing %v; %+v", missing, w.disp.Report(t).Account)
		}
		return nil
	})
}

// once checks that nobody sees it twice.
func (w *world) once(t *testing.T, all []*member, title string) {
	t.Helper()
	trays := w.trays(t)
	var errs []error
	for i, m := range all {
		pushes, messages := count(trays[m.phone], title), int(m.got.Load())
		switch {
		case m.online(i) && (messages != 1 || pushes != 0):
			errs = append(errs, fmt.Errorf("%s is online and got %d messages and %d pushes", m.user, messages, pushes))
		case !m.online(i) && (messages != 0 || pushes != 1):
			errs = append(errs, fmt.Errorf("%s is offline and got %d messages and sees %d pushes", m.user, messages, pushes))
		}
	}
	if len(errs) > 0 {
		t.Errorf("%d members: %v", len(errs), errors.Join(errs[:min(len(errs), 10)]...))
	}
}

// trays are what the phones' users see.
func (w *world) trays(t *testing.T) map[string][]phone.Arrival {
	t.Helper()
	trays := map[string][]phone.Arrival{}
	for _, p := range must1(w.sim.Client.Phones(t.Context()))(t) {
		trays[p.ID] = p.Tray
	}
	return trays
}

func count(tray []phone.Arrival, title string) (n int) {
	for _, a := range tray {
		if a.Title == title {
			n++
		}
	}
	return n
}
