package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
)

// iphones makes the bench's row one of APNs with a profile for calls.
func (b *bench) iphones() {
	b.t.Helper()
	documentWith(b.t, b.path, "first", func(d *config.Document) {
		d.Channels[0] = config.Channel{Name: "row", Vendor: "APNs", AppType: 1, APNs: &config.APNsChannel{
			BundleID: "com.example", Environment: "Production", TeamID: "t", KeyID: "k", PrivateKey: config.NewSecret("k"),
		}}
		d.Profiles = []config.Profile{{ResourcesID: "call", Settings: []config.Setting{
			{Vendor: "APNs", AppType: 1, APNs: &config.APNsSetting{PushType: "VoIP"}},
		}}}
	})
	if err := b.live.Reload(); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

func TestTheFenceReadsTheTokenThatThePushGoesTo(t *testing.T) {
	t.Parallel()
	for profile, want := range map[string]message.TokenKind{"": message.TokenAlert, "call": message.TokenVoIP, "gone": message.TokenAlert} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory(1)
			m.profile = profile
			b := newBench(t, m, &vendor{})
			defer b.drain()
			b.iphones()
			b.submit([]message.Delivery{m.add(1, 1)})
			synctest.Wait()
			m.set(func(m *memory) {
				if m.kind != want || m.done[1].State != message.Handed {
					t.Errorf("profile %q read the %s token: %+v", profile, m.kind, m.done[1])
				}
			})
		})
	}
}

func TestABadgeIsTheNumberOfTheDecision(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		v := &vendor{answers: map[string][]message.Outcome{"b": outcomes(message.Transient, message.Accepted)}}
		b := newBench(t, m, v)
		defer b.drain()
		d := m.add(1, 1, 2)
		d.Targets[0].Badge = 7
		m.set(func(m *memory) { m.rows[1] = d })
		b.submit([]message.Delivery{d})
		elapse(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]int32{7, 0, 7}, v.badges); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAnAnswerAboutATokensFormerLifeIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		since func(set time.Time) time.Time
		set   bool
		want  message.State
		calls int
	}{
		"before it was set":       {func(set time.Time) time.Time { return set.Add(-1) }, true, message.Failed, maxUnknown},
		"after it was set":        {func(set time.Time) time.Time { return set }, true, message.Quarantined, 1},
		"the vendor does not say": {func(time.Time) time.Time { return time.Time{} }, true, message.Quarantined, 1},
		"nobody knows":            {func(set time.Time) time.Time { return set.Add(-1) }, false, message.Quarantined, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory(1)
			set := time.Now().Add(-time.Hour)
			if tt.set {
				s := m.devices[1]
				s.TokenSetAt = set
				m.devices[1] = s
			}
			v := &vendor{answers: map[string][]message.Outcome{"b": {{Class: message.InvalidToken, InvalidSince: tt.since(set)}}}}
			b := newBench(t, m, v)
			defer b.drain()
			b.submit([]message.Delivery{m.add(1, 1)})
			elapse(time.Hour)
			synctest.Wait()
			if got := m.result(1); got.State != tt.want || len(v.sent()) != tt.calls {
				t.Errorf("%s: %+v after %d calls, want %s after %d", name, got, len(v.sent()), tt.want, tt.calls)
			}
		})
	}
}

func TestAnotherReceiptURLMakesAnotherSender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), &vendor{})
		defer b.drain()
		synctest.Wait()
		for _, url := range []string{"https://one.example", "https://one.example", "https://two.example/", ""} {
			documentWith(t, b.path, "first", func(d *config.Document) { d.ExternalURL = url })
			if err := b.live.Reload(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		doc, _ := b.live.Current()
		secret := config.ReceiptPath + doc.ReceiptSecret("row").Reveal()
		want := []string{"", "https://one.example" + secret, "https://two.example" + secret, ""}
		var got []string
		for _, d := range b.made {
			got = append(got, d.ReceiptURL.Reveal())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
