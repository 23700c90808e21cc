package catalog

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const app = "chat-4711" // FCM's project; Xiaomi's package is com. and this

// bench is a simulator with one app and its channel row.
type bench struct {
	vendor, app string
	account     string // what Revoke names
	sim         *simulator.Client
	row         config.Channel
	// rotate gives the app another credential, and the row with it.
	rotate func(*testing.T, config.Channel) config.Channel
	// quota is the class of a used up quota.
	quota message.Class
	// unavailable is the class of HTTP 503; empty means Transient.
	unavailable message.Class
	// receipts is the URL to ask for receipts at, if any.
	receipts config.Secret
}

func simulated(t *testing.T) *simulator.Server {
	t.Helper()
	s, err := simulator.Start(simulator.Options{ReceiptInterval: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// benches makes a bench for every vendor.
func benches() map[Vendor]func(*testing.T) bench {
	return map[Vendor]func(*testing.T) bench{
		FCM:       fcmBench,
		Xiaomi:    xiaomiBench,
		Huawei:    huaweiBench,
		HarmonyOS: harmonyosBench,
		OPPO:      oppoBench,
		Vivo:      vivoBench,
		Honor:     honorBench,
		Meizu:     meizuBench,
		APNs:      apnsBench,
		WebPush:   webPushBench,
	}
}

func (b *bench) provider(t *testing.T) provider.Provider {
	t.Helper()
	deps := providertest.Deps()
	deps.ReceiptURL = b.receipts
	p, err := New(b.row, deps)
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

func (b *bench) when503() message.Class {
	if b.unavailable == "" {
		return message.Transient
	}
	return b.unavailable
}

func (b *bench) phone(t *testing.T) (id string, target provider.Target) {
	t.Helper()
	p, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: b.vendor, App: b.app})
	must(t, err)
	return p.ID, provider.Target{Token: p.Token, UserHash: "u"}
}

func expect(t *testing.T, outcomes []message.Outcome, want ...message.Class) {
	t.Helper()
	got := make([]message.Class, len(outcomes))
	for i, o := range outcomes {
		got[i] = o.Class
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%+v (-want +got):\n%s", outcomes, diff)
	}
}

func TestPhonesShowPushes(t *testing.T) {
	t.Parallel()
	for vendor, start := range benches() {
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			b := start(t)
			p := b.provider(t)
			id, target := b.phone(t)
			gone, dead := b.phone(t)
			must(t, b.sim.Uninstall(t.Context(), gone))
			n := providertest.Notification()
			expect(t, p.Send(t.Context(), n, []provider.Target{target, dead}), message.Accepted, message.InvalidToken)
			n.Content, n.DedupID = "Dinner?", "another"
			outcomes := p.Send(t.Context(), n, []provider.Target{target})
			expect(t, outcomes, message.Accepted)
			arrivals, err := b.sim.Notifications(t.Context(), id, 1, 10*time.Second)
			must(t, err)
			if len(arrivals) != 1 {
				t.Fatalf("got %+v", arrivals)
			}
			got := arrivals[0]
			if got.Title != n.Title || got.Content.Content != "Dinner?" || got.Payload != n.Payload || got.Replaces != 1 || got.DuplicateOf != 0 {
				t.Errorf("the phone shows %+v", got)
			}
			if got.MessageID != outcomes[0].VendorMessageID {
				t.Errorf("the phone has message %q, the outcome %q", got.MessageID, outcomes[0].VendorMessageID)
			}
			if want := fmt.Sprintf(`{"version":1,"messageID":%q,"user":"u"}`, n.MessageID); got.Data["offlinepush"] != want {
				t.Errorf("the envelope is %q", got.Data["offlinepush"])
			}
		})
	}
}

func TestOnlyDeadPhones(t *testing.T) {
	t.Parallel()
	for vendor, start := range benches() {
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			b := start(t)
			var targets []provider.Target
			for range 3 {
				id, target := b.phone(t)
				must(t, b.sim.Uninstall(t.Context(), id))
				targets = append(targets, target)
			}
			dead := message.InvalidToken
			expect(t, b.provider(t).Send(t.Context(), providertest.Notification(), targets), dead, dead, dead)
		})
	}
}

func TestCredentialIsRevokedAndRotated(t *testing.T) {
	t.Parallel()
	for vendor, start := range benches() {
		if vendor == WebPush {
			continue // the key's owner is nobody's customer; see TestWebPushKeys
		}
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			b := start(t)
			p := b.provider(t)
			_, target := b.phone(t)
			expect(t, []message.Outcome{p.Probe(t.Context())}, message.Accepted)
			expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
			b.row = b.rotate(t, b.row)
			for _, o := range append(p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), p.Probe(t.Context())) {
				if o.Class != message.CredentialRejected || o.Code == "" || o.Detail == "" {
					t.Errorf("the old credential: got %+v", o)
				}
			}
			p = b.provider(t)
			expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
			must(t, b.sim.Revoke(t.Context(), b.vendor, b.account))
			if o := p.Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]; o.Class != message.CredentialRejected || o.Detail == "" {
				t.Errorf("a revoked credential: got %+v", o)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for vendor, start := range benches() {
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			b := start(t)
			p := b.provider(t)
			_, target := b.phone(t)
			expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
			for name, tt := range map[string]struct {
				fault traffic.Fault
				want  message.Class
			}{
				"too fast":    {traffic.Fault{Throttle: true}, message.Throttled},
				"quota":       {traffic.Fault{Quota: true}, b.quota},
				"unavailable": {traffic.Fault{Status: 503}, b.when503()},
				"reset":       {traffic.Fault{ResetConnection: true}, message.Transient},
				"lost answer": {traffic.Fault{DropResponseAfterAccept: true}, message.Transient},
			} {
				must(t, b.sim.SetFault(t.Context(), b.vendor, tt.fault))
				o := p.Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]
				if o.Class != tt.want || o.Class != message.Transient && o.RetryAfter == 0 {
					t.Errorf("%s: got %+v, want %s", name, o, tt.want)
				}
				if vendor == WebPush {
					p = b.provider(t) // the former one leaves a host that throttles alone
				}
			}
			must(t, b.sim.ClearFault(t.Context(), b.vendor))
			expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target}), message.Accepted)
		})
	}
}

// TestListOfDeadPhones asks the vendor that has a list: it names each dead phone once.
func TestListOfDeadPhones(t *testing.T) {
	t.Parallel()
	b := benches()[Xiaomi](t)
	p := b.provider(t)
	gone, dead := b.phone(t)
	must(t, b.sim.Uninstall(t.Context(), gone))
	_, target := b.phone(t)
	expect(t, p.Send(t.Context(), providertest.Notification(), []provider.Target{target, dead}), message.Accepted, message.InvalidToken)
	lists := p.(provider.Feedback) //nolint:forcetypeassert // The test fails without.
	for _, want := range [][]string{{dead.Token}, {}} {
		got, o := lists.DeadTokens(t.Context())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", o, diff)
		}
	}
}
