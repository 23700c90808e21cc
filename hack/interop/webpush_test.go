package interop

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	webpushgo "github.com/SherClockHolmes/webpush-go"
	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	provided "github.com/offlinepush/operator/dispatcher/provider/webpush"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/simulator/webpush"
)

const site = "chat"

// newSite makes a website with a key that webpush-go made, whose browsers are at one push service.
func newSite(t *testing.T, s *simulator.Server, services ...string) (o webpushgo.Options) {
	t.Helper()
	private, public, err := webpushgo.GenerateVAPIDKeys()
	must(t, err)
	must(t, s.Client().CreateApp(t.Context(), webpush.Name, webpush.App{ID: site, PrivateKey: private, Services: services}, nil))
	return webpushgo.Options{
		Subscriber: "push@example.com", VAPIDPrivateKey: private, VAPIDPublicKey: public,
		TTL: 3600, Urgency: webpushgo.UrgencyHigh, Topic: "topic-1",
	}
}

func subscriptionOf(t *testing.T, token string) *webpushgo.Subscription {
	t.Helper()
	sub := &webpushgo.Subscription{}
	must(t, json.Unmarshal([]byte(token), sub))
	return sub
}

// answered is what webpush-go returns, which is the push service's answer as it came.
type answered struct {
	status     int
	location   string
	retryAfter string
	body       string
}

func pushed(t *testing.T, text string, token string, o webpushgo.Options) answered {
	t.Helper()
	res, err := webpushgo.SendNotificationWithContext(t.Context(), []byte(text), subscriptionOf(t, token), &o)
	must(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(t, err)
	return answered{res.StatusCode, res.Header.Get("Location"), res.Header.Get("Retry-After"), string(body)}
}

// TestWebPushGo sends with webpush-go to browsers at every push service, under their real names.
func TestWebPushGo(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]struct {
		host                     string
		gone, foreign, throttled int
	}{
		"google":  {"fcm.googleapis.com", 410, 403, 429},
		"mozilla": {"updates.push.services.mozilla.com", 410, 401, 429},
		"apple":   {"web.push.apple.com", 410, 400, 429},
		"windows": {"wns2-db5p.notify.windows.com", 410, 403, 406},
	} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := simulated(t)
			o := newSite(t, s, service)
			o.HTTPClient = client(t, s)
			p := installed(t, s, webpush.Name, site)
			text := `{"title":"Anna","body":"Lunch?","tag":"t","data":{"payload":"p"}}`
			got := pushed(t, text, p.Token, o)
			if got.status != http.StatusCreated || !strings.HasPrefix(got.location, "https://"+want.host+"/") {
				t.Fatalf("got %+v", got)
			}
			if a := arrival(t, s, p.ID, 1); a.Title != "Anna" || a.Content.Content != "Lunch?" || a.Payload != "p" || a.ReplaceID != "t" || !strings.HasSuffix(got.location, "/"+a.MessageID) {
				t.Errorf("the browser shows %+v", a)
			}
			requests, err := s.Client().Requests(t.Context(), webpush.Name, 0, 0)
			must(t, err)
			if requests[0].Host != want.host || requests[0].Protocol != "HTTP/2.0" {
				t.Errorf("came as %+v", requests[0])
			}
			troubles(t, s, o, p.Token, map[string]int{"gone": want.gone, "foreign": want.foreign, "throttled": want.throttled})
		})
	}
}

// troubles are the answers that webpush-go's users tell apart by their status.
func troubles(t *testing.T, s *simulator.Server, o webpushgo.Options, token string, want map[string]int) {
	t.Helper()
	stranger := o
	private, public, err := webpushgo.GenerateVAPIDKeys()
	must(t, err)
	stranger.VAPIDPrivateKey, stranger.VAPIDPublicKey = private, public
	if got := pushed(t, "text", token, stranger); got.status != want["foreign"] {
		t.Errorf("another key: %+v", got)
	}
	badSubject := o
	badSubject.Subscriber = "push@localhost"
	if got := pushed(t, "text", token, badSubject); got.status != http.StatusForbidden && got.status != http.StatusUnauthorized {
		t.Errorf("a bad subject: %+v", got)
	}
	app := webpush.App{ID: site, PrivateKey: o.VAPIDPrivateKey, RequestsPerSecond: 1}
	must(t, s.Client().CreateApp(t.Context(), webpush.Name, app, nil))
	for n, got := 0, pushed(t, "text", token, o); got.status != want["throttled"]; n, got = n+1, pushed(t, "text", token, o) {
		if got.status != http.StatusCreated || n > 1000 {
			t.Fatalf("too fast: %+v", got)
		}
	}
	must(t, s.Client().SetFault(t.Context(), webpush.Name, traffic.Fault{Status: 429, RetryAfterSeconds: 7}))
	if got := pushed(t, "text", token, o); got.status != http.StatusTooManyRequests || got.retryAfter != "7" {
		t.Errorf("throttled: %+v", got)
	}
	must(t, s.Client().ClearFault(t.Context(), webpush.Name))
	fresh := installed(t, s, webpush.Name, site)
	must(t, s.Client().Uninstall(t.Context(), fresh.ID))
	if got := pushed(t, "text", fresh.Token, o); got.status != want["gone"] {
		t.Errorf("an ended subscription: %+v", got)
	}
}

// TestWebPushOnTheWire has our provider and webpush-go send the same notification, and compares what they send.
func TestWebPushOnTheWire(t *testing.T) {
	t.Parallel()
	s := simulated(t)
	o := newSite(t, s, "mozilla")
	w := tap(t, s, "updates.push.services.mozilla.com")
	p := installed(t, s, webpush.Name, site)
	n := notification()
	ours := pushOurs(t, w, o, n, p.Token)
	plain := ours.read(t, p.Token)
	o.HTTPClient = w.client(t)
	o.Topic = ours.header.Get("Topic") // of our own making, checked by the simulator
	if got := pushed(t, plain, p.Token, o); got.status != http.StatusCreated {
		t.Fatalf("webpush-go: %+v", got)
	}
	theirs := opened(t, w.last(t), p.Token)
	if diff := cmp.Diff(theirs.headers(), ours.headers()); diff != "" {
		t.Errorf("headers (-webpush-go +ours):\n%s", diff)
	}
	if diff := cmp.Diff(theirs.claims(t), ours.claims(t), cmp.Comparer(near)); diff != "" {
		t.Errorf("VAPID claims (-webpush-go +ours):\n%s", diff)
	}
	if got := theirs.read(t, p.Token); got != plain {
		t.Errorf("webpush-go's message reads %s", got)
	}
	first, second := arrival(t, s, p.ID, 1).Content, arrival(t, s, p.ID, 2).Content
	first.MessageID, second.MessageID = "", ""
	if diff := cmp.Diff(second, first); diff != "" {
		t.Errorf("the browser shows (-webpush-go +ours):\n%s", diff)
	}
}

// encrypted is a push on the wire, with the address that it is for.
type encrypted struct {
	address string
	header  http.Header
	body    []byte
}

// opened undoes the gateway's form of an address.
func opened(t *testing.T, r sent, token string) encrypted {
	t.Helper()
	endpoint, err := url.Parse(subscriptionOf(t, token).Endpoint)
	must(t, err)
	address := "https://" + r.Host + r.Path
	if rest, ok := strings.CutPrefix(r.Path, "/webpush/"); ok {
		address = "https://" + rest
	}
	if address != endpoint.String() || r.Method != http.MethodPost {
		t.Errorf("%s %s, want POST %s", r.Method, address, endpoint)
	}
	return encrypted{address, r.Header, r.Body}
}

func pushOurs(t *testing.T, w *wire, o webpushgo.Options, n provider.Notification, token string) encrypted {
	t.Helper()
	p, err := provided.New(config.Channel{
		Name: "webpush", Vendor: "WebPush", Endpoint: w.endpoint(webpush.Name),
		WebPush: &config.WebPushChannel{
			Subject: "mailto:" + o.Subscriber, PublicKey: o.VAPIDPublicKey, PrivateKey: config.NewSecret(o.VAPIDPrivateKey),
			AllowedHosts: []string{"updates.push.services.mozilla.com"},
		},
	}, deps())
	must(t, err)
	t.Cleanup(p.Close)
	if got := p.Send(t.Context(), n, []provider.Target{{Token: token, UserHash: "u"}})[0]; got.Class != message.Accepted {
		t.Fatalf("our provider: %+v", got)
	}
	return opened(t, w.last(t), token)
}

// read decrypts as the browser, whose keys the simulator derives from the subscription.
func (e encrypted) read(t *testing.T, token string) string {
	t.Helper()
	b, err := webpush.BrowserOf(token)
	must(t, err)
	text, err := b.Decrypt(e.body)
	must(t, err)
	return string(text)
}

// headers are those that the push service reads.
func (e encrypted) headers() map[string]string {
	read := map[string]string{}
	for _, name := range []string{"TTL", "Urgency", "Topic", "Content-Encoding", "Content-Type"} {
		read[name] = e.header.Get(name)
	}
	return read
}

// claims are those of the VAPID token, and its header and key.
func (e encrypted) claims(t *testing.T) map[string]any {
	t.Helper()
	signed, key, ok := strings.Cut(strings.TrimPrefix(e.header.Get("Authorization"), "vapid t="), ", k=")
	if !ok {
		t.Fatalf("Authorization %q", e.header.Get("Authorization"))
	}
	read := claimsOf(t, signed)
	read["key"] = key
	return read
}
