package catalog

import (
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/simulator/webpush"
)

func webPushBench(t *testing.T) bench {
	t.Helper()
	return webPushSite(t, webpush.App{})
}

// webPushSite is a bench with a website of these properties, whose browsers have all push services in turn.
func webPushSite(t *testing.T, a webpush.App) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	a.ID = app
	var made webpush.App
	must(t, sim.CreateApp(t.Context(), webpush.Name, a, &made))
	row := func(key string) *config.WebPushChannel {
		return &config.WebPushChannel{
			Subject: "mailto:push@example.com", PrivateKey: config.NewSecret(key),
			AllowedHosts: []string{
				"fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com", "*.push.apple.com", "*.notify.windows.com",
			},
		}
	}
	return bench{
		vendor: webpush.Name, app: app, account: app, sim: sim, quota: message.Throttled,
		row: config.Channel{
			Name: "webpush", Vendor: string(WebPush), AppType: 1,
			Endpoint: config.Endpoint{URL: s.URL + "/webpush", CABundle: string(s.CA)},
			WebPush:  row(made.PrivateKey),
		},
		rotate: func(t *testing.T, c config.Channel) config.Channel {
			t.Helper()
			var rotated webpush.App
			must(t, sim.RotateApp(t.Context(), webpush.Name, app, "", &rotated))
			c.WebPush = row(rotated.PrivateKey)
			return c
		},
	}
}

// TestWebPushAtEveryService pushes to browsers of all four, registered as the page and as the dispatcher write them.
func TestWebPushAtEveryService(t *testing.T) {
	t.Parallel()
	b := webPushBench(t)
	p := b.provider(t)
	n := providertest.Notification()
	n.Image, n.Urgent = "https://example.com/p.jpg", true
	n.Setting.WebPush = &config.WebPushSetting{ClickURL: "https://example.com/inbox"}
	for range 4 {
		id, target := b.phone(t)
		stored, err := Token(WebPush, target.Token)
		must(t, err)
		if stored == target.Token {
			t.Errorf("%s is as the browser wrote it", stored)
		}
		target.Badge = new(int32(5))
		registered := target
		registered.Token = stored
		expect(t, p.Send(t.Context(), n, []provider.Target{target, registered}), message.Accepted, message.Accepted)
		arrivals, err := b.sim.Notifications(t.Context(), id, 1, 10*time.Second)
		must(t, err)
		if got := arrivals[0]; got.Click != "https://example.com/inbox" || got.Image != n.Image || got.Badge == nil || *got.Badge != 5 {
			t.Errorf("%s shows %+v", target.Token, got)
		}
	}
	requests, err := b.sim.Requests(t.Context(), b.vendor, 0, 0)
	must(t, err)
	if len(requests) != 8 || strings.Contains(requests[0].Content.(string), "Lunch") {
		t.Errorf("%d requests, the first %+v", len(requests), requests[0])
	}
}

// TestWebPushKeys: a subscription goes with the key that it was made with, and no other.
func TestWebPushKeys(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]message.Class{
		"google": message.InvalidToken, "mozilla": message.InvalidToken, "apple": message.InvalidToken, "windows": message.CredentialRejected,
	} {
		b := webPushSite(t, webpush.App{Services: []string{service}})
		n, former := providertest.Notification(), b.provider(t)
		_, old := b.phone(t)
		b.row = b.rotate(t, b.row)
		present := b.provider(t)
		_, fresh := b.phone(t)
		if o := present.Send(t.Context(), n, []provider.Target{old})[0]; o.Class != want || o.Code == "" || o.Detail == "" {
			t.Errorf("%s: the new key for an old subscription: got %+v", service, o)
		}
		expect(t, present.Send(t.Context(), n, []provider.Target{fresh}), message.Accepted)
		expect(t, former.Send(t.Context(), n, []provider.Target{old}), message.Accepted)
		must(t, b.sim.Revoke(t.Context(), b.vendor, b.account))
		if o := b.provider(t).Send(t.Context(), n, []provider.Target{fresh})[0]; o.Class != message.CredentialRejected || o.Code == "" {
			t.Errorf("%s: a key that is refused: got %+v", service, o)
		}
		if o := present.Send(t.Context(), n, []provider.Target{fresh})[0]; o.Class != message.Transient {
			t.Errorf("%s: refused right after it was taken: got %+v", service, o)
		}
	}
}

func TestWebPushAnswers(t *testing.T) {
	t.Parallel()
	b := webPushBench(t)
	_, target := b.phone(t)
	for name, tt := range map[string]struct {
		fault traffic.Fault
		want  message.Class
		wait  time.Duration
	}{
		"Windows throttles":   {traffic.Fault{Status: 406, RetryAfterSeconds: 900}, message.Throttled, 15 * time.Minute},
		"Mozilla is busy":     {traffic.Fault{Code: "errno 201", RetryAfterSeconds: 120}, message.Transient, 2 * time.Minute},
		"Mozilla's dead one":  {traffic.Fault{Code: "errno 106"}, message.InvalidToken, 0},
		"Mozilla's bad token": {traffic.Fault{Code: "errno 109"}, message.CredentialRejected, 0},
		"Apple's dead one":    {traffic.Fault{Code: "Unregistered"}, message.InvalidToken, 0},
		"Apple's other key":   {traffic.Fault{Code: "VapidPkHashMismatch", Status: 403}, message.InvalidToken, 0},
		"too large":           {traffic.Fault{Status: 413}, message.Rejected, 0},
		"a redirect":          {traffic.Fault{Status: 301}, message.Unknown, 0},
	} {
		must(t, b.sim.SetFault(t.Context(), b.vendor, tt.fault))
		p := b.provider(t) // a former one leaves a host that throttles alone
		if o := p.Send(t.Context(), providertest.Notification(), []provider.Target{target})[0]; o.Class != tt.want || o.RetryAfter != tt.wait {
			t.Errorf("%s: got %+v, want %s after %s", name, o, tt.want, tt.wait)
		}
	}
}
