package interop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sideshow/apns2"
	"github.com/sideshow/apns2/payload"
	"github.com/sideshow/apns2/token"
	"golang.org/x/net/http2"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	provided "github.com/offlinepush/operator/dispatcher/provider/apns"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/apns"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const bundleID = "io.example.chat"

func newBundle(t *testing.T, s *simulator.Server, a apns.App) apns.App {
	t.Helper()
	a.BundleID = bundleID
	var made apns.App
	must(t, s.Client().CreateApp(t.Context(), apns.Name, a, &made))
	return made
}

// apns2Client is apns2's own client with its own transport, which only dials another address.
//
//nolint:staticcheck // The transport that apns2 has is deprecated.
func apns2Client(t *testing.T, a apns.App, address string, roots *x509.CertPool) *apns2.Client {
	t.Helper()
	var c *apns2.Client
	if a.Certificate != "" {
		pair, err := tls.X509KeyPair([]byte(a.Certificate), []byte(a.PrivateKey))
		must(t, err)
		c = apns2.NewClient(pair)
	} else {
		key, err := token.AuthKeyFromBytes([]byte(a.PrivateKey))
		must(t, err)
		c = apns2.NewTokenClient(&token.Token{AuthKey: key, KeyID: a.KeyID, TeamID: a.TeamID})
	}
	transport := c.HTTPClient.Transport.(*http2.Transport)
	transport.DialTLSContext = func(ctx context.Context, network, _ string, own *tls.Config) (net.Conn, error) {
		own.RootCAs = roots
		return (&tls.Dialer{Config: own}).DialContext(ctx, network, address)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c.Production()
}

func toSimulator(t *testing.T, s *simulator.Server, a apns.App) *apns2.Client {
	t.Helper()
	return apns2Client(t, a, strings.TrimPrefix(s.URL, "https://"), s.CAPool())
}

func greeting(deviceToken string) *apns2.Notification {
	return &apns2.Notification{
		DeviceToken: deviceToken, Topic: bundleID,
		Payload: payload.NewPayload().AlertTitle("Anna").AlertBody("Lunch?").ThreadID("anna").Badge(3).Custom("payload", "p"),
	}
}

func TestAPNs2(t *testing.T) {
	t.Parallel()
	for name, auth := range map[string]string{"key": "Token", "certificate": "Certificate"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulated(t)
			c := toSimulator(t, s, newBundle(t, s, apns.App{Auth: auth}))
			p := installed(t, s, apns.Name, bundleID)
			res, err := c.PushWithContext(t.Context(), greeting(p.Token))
			must(t, err)
			a := arrival(t, s, p.ID, 1)
			if !res.Sent() || res.ApnsID == "" || a.Title != "Anna" || a.Content.Content != "Lunch?" || a.Payload != "p" || a.Thread != "anna" || a.Badge == nil || *a.Badge != 3 {
				t.Errorf("%+v is shown as %+v", res, a)
			}
			requests, err := s.Client().Requests(t.Context(), apns.Name, 0, 0)
			must(t, err)
			if requests[0].Host != "api.push.apple.com" || requests[0].Protocol != "HTTP/2.0" {
				t.Errorf("came as %+v", requests[0])
			}
		})
	}
}

// TestAPNs2Reasons has the reasons that apns2's users compare.
func TestAPNs2Reasons(t *testing.T) {
	t.Parallel()
	s := simulated(t)
	made := newBundle(t, s, apns.App{})
	c := toSimulator(t, s, made)
	p, gone := installed(t, s, apns.Name, bundleID), installed(t, s, apns.Name, bundleID)
	must(t, s.Client().Uninstall(t.Context(), gone.ID))
	sibling := apns.App{BundleID: "io.example.other", TeamID: made.TeamID}
	must(t, s.Client().CreateApp(t.Context(), apns.Name, sibling, nil))
	otherTopic, tooLong := greeting(p.Token), greeting(p.Token)
	otherTopic.Topic = sibling.BundleID
	tooLong.Payload = payload.NewPayload().Alert("x").Custom("payload", strings.Repeat("x", 4096))
	stranger := made
	stranger.KeyID = "ABCDE12345"
	for name, tt := range map[string]struct {
		client *apns2.Client
		n      *apns2.Notification
		fault  traffic.Fault
		status int
		reason string
	}{
		"unregistered":    {c, greeting(gone.Token), traffic.Fault{}, 410, apns2.ReasonUnregistered},
		"malformed token": {c, greeting("abc"), traffic.Fault{}, 400, apns2.ReasonBadDeviceToken},
		"another topic":   {c, otherTopic, traffic.Fault{}, 400, apns2.ReasonDeviceTokenNotForTopic},
		"no topic":        {c, &apns2.Notification{DeviceToken: p.Token, Payload: tooLong.Payload}, traffic.Fault{}, 400, apns2.ReasonMissingTopic},
		"too long":        {c, tooLong, traffic.Fault{}, 413, apns2.ReasonPayloadTooLarge},
		"unknown key":     {toSimulator(t, s, stranger), greeting(p.Token), traffic.Fault{}, 403, apns2.ReasonInvalidProviderToken},
		"throttled":       {c, greeting(p.Token), traffic.Fault{Throttle: true, Count: 1}, 429, apns2.ReasonTooManyRequests},
		"unavailable":     {c, greeting(p.Token), traffic.Fault{Status: 503, Count: 1}, 503, apns2.ReasonServiceUnavailable},
	} {
		if tt.fault != (traffic.Fault{}) {
			must(t, s.Client().SetFault(t.Context(), apns.Name, tt.fault))
		}
		res, err := tt.client.PushWithContext(t.Context(), tt.n)
		must(t, err)
		if res.StatusCode != tt.status || res.Reason != tt.reason {
			t.Errorf("%s: got %d %q, want %d %q", name, res.StatusCode, res.Reason, tt.status, tt.reason)
		}
		if sinceGone := time.Since(res.Timestamp.Time); tt.status == 410 && (sinceGone < 0 || sinceGone > time.Hour) {
			t.Errorf("%s: since %s", name, res.Timestamp)
		}
	}
	must(t, s.Client().Revoke(t.Context(), apns.Name, bundleID))
	res, err := toSimulator(t, s, made).PushWithContext(t.Context(), greeting(p.Token))
	must(t, err)
	if res.StatusCode != http.StatusForbidden || res.Reason != apns2.ReasonInvalidProviderToken {
		t.Errorf("a revoked key: got %+v", res)
	}
}

// TestAPNsOnTheWire has our provider and apns2 send the same notification, and compares what they send.
func TestAPNsOnTheWire(t *testing.T) {
	t.Parallel()
	both := newAPNsPair(t)
	n := notification()
	n.ThreadID = "anna"
	n.Setting.APNs = &config.APNsSetting{Sound: "ring.caf", Category: "MESSAGE", InterruptionLevel: "TimeSensitive", MutableContent: true}
	both.compare(t, n, &apns2.Notification{
		Priority: apns2.PriorityHigh, PushType: apns2.PushTypeAlert,
		Payload: payload.NewPayload().AlertTitle(n.Title).AlertBody(n.Content).Sound("ring.caf").Badge(3).ThreadID("anna").
			Category("MESSAGE").InterruptionLevel(payload.InterruptionLevelTimeSensitive).MutableContent().Custom("image", n.Image),
	})
	n.Setting.APNs, n.Urgent = &config.APNsSetting{PushType: "Background"}, false
	both.compare(t, n, &apns2.Notification{
		Priority: apns2.PriorityLow, PushType: apns2.PushTypeBackground,
		Payload: payload.NewPayload().ContentAvailable().Custom("title", n.Title).Custom("body", n.Content),
	})
}

// apnsPair is our provider and apns2, each on a wire of its own: a connection takes one provider token in 20 minutes.
type apnsPair struct {
	ours      *provided.Provider
	theirs    *apns2.Client
	ourWire   *wire
	theirWire *wire
	token     string
}

func newAPNsPair(t *testing.T) *apnsPair {
	t.Helper()
	s := simulated(t)
	made := newBundle(t, s, apns.App{})
	both := &apnsPair{
		ourWire: tap(t, s), theirWire: tap(t, s, "api.push.apple.com"), token: installed(t, s, apns.Name, bundleID).Token,
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(both.theirWire.ca)
	both.theirs = apns2Client(t, made, both.theirWire.Listener.Addr().String(), roots)
	var err error
	both.ours, err = provided.New(config.Channel{
		Name: "apns", Vendor: "APNs", Endpoint: both.ourWire.endpoint(apns.Name),
		APNs: &config.APNsChannel{
			BundleID: bundleID, Environment: "Production",
			TeamID: made.TeamID, KeyID: made.KeyID, PrivateKey: config.NewSecret(made.PrivateKey),
		},
	}, deps())
	must(t, err)
	t.Cleanup(both.ours.Close)
	return both
}

// compare sends the same twice; what is the same in all of apns2's notifications is filled in.
func (b *apnsPair) compare(t *testing.T, n provider.Notification, same *apns2.Notification) {
	t.Helper()
	target := provider.Target{Token: b.token, UserHash: "u", Badge: new(int32(3))}
	if got := b.ours.Send(t.Context(), n, []provider.Target{target})[0]; got.Class != message.Accepted {
		t.Fatalf("our provider: %+v", got)
	}
	ours := b.ourWire.last(t)
	ours.Path = strings.TrimPrefix(ours.Path, "/"+apns.Name)
	same.DeviceToken, same.Topic, same.CollapseID = b.token, bundleID, n.ReplaceID
	same.Expiration, same.ApnsID = time.Now().Add(n.TTL), ours.Header.Get("Apns-Id")
	same.Payload = same.Payload.(*payload.Payload).Custom("payload", n.Payload).
		Custom("offlinepush", json.RawMessage(provider.Envelope(n, "u")))
	res, err := b.theirs.PushWithContext(t.Context(), same)
	must(t, err)
	if !res.Sent() {
		t.Fatalf("apns2: %+v", res)
	}
	if diff := cmp.Diff(apnsCall(t, b.theirWire.last(t)), apnsCall(t, ours), cmp.Comparer(near)); diff != "" {
		t.Errorf("call (-apns2 +ours):\n%s", diff)
	}
}

// apnsCall is what Apple's servers and the phone read of a request.
func apnsCall(t *testing.T, s sent) map[string]any {
	t.Helper()
	call := map[string]any{"method": s.Method, "path": s.Path, "body": s.json(t)}
	for _, name := range []string{"Apns-Topic", "Apns-Id", "Apns-Collapse-Id", "Apns-Priority", "Apns-Push-Type"} {
		call[name] = s.Header.Get(name)
	}
	expiration, err := strconv.ParseFloat(s.Header.Get("Apns-Expiration"), 64)
	must(t, err)
	call["expiration"] = expiration
	if text := s.Header.Get("Content-Type"); text != "" { // Apple reads none
		media, _, err := mime.ParseMediaType(text)
		must(t, err)
		if media != "application/json" {
			t.Errorf("Content-Type %q", text)
		}
	}
	scheme, bearer, _ := strings.Cut(s.Header.Get("Authorization"), " ")
	call["authorization"] = strings.ToLower(scheme)
	call["token"] = claimsOf(t, bearer)
	return call
}
