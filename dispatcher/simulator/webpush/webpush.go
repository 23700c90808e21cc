// Package webpush simulates the push services of Google, Mozilla, Apple and
// Microsoft and the browsers behind them, as RFC 8030, 8188, 8291 and 8292 and
// the services' own answers describe them. A phone is a browser in which a page
// has subscribed; its token is the subscription, and it decrypts what it gets.
package webpush

import (
	"crypto/rand"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Name is what the simulator calls this vendor.
const Name = "webpush"

const (
	// idBytes of a subscription's id are random and become idChars; fingerprintBytes tell the key that it was made with.
	idBytes          = 24
	idChars          = 32
	fingerprintBytes = 12
)

// App is a website with its VAPID key. Push services have no console: they know a key by its subscriptions.
type App struct {
	ID string `json:"id"`
	// PrivateKey is 32 bytes in base64url, made if not given. The services use its public half only.
	PrivateKey string `json:"privateKey"`
	// Services are whose browsers subscribe, in turn: google, mozilla, apple and windows. None means all.
	Services []string `json:"services,omitempty"`
	// RequestsPerSecond is how many pushes are taken, 0 for no limit.
	RequestsPerSecond int `json:"requestsPerSecond,omitempty"`
}

// Vendor is all push services.
type Vendor struct {
	console *apps.Console[App]
	phones  *phone.Book
	turn    atomic.Int64
	rates   apps.Rates
}

// New returns push services without websites, whose messages go to the phones.
func New(phones *phone.Book) *Vendor {
	return &Vendor{
		phones: phones,
		console: apps.NewConsole(apps.Kind[App]{
			Vendor: Name, ID: func(a App) string { return a.ID }, Secret: func(a *App) *string { return &a.PrivateKey },
			NewSecret: newKey, Check: check,
		}),
	}
}

func check(a App) error {
	if a.PrivateKey != "" {
		if _, err := fingerprintOf(a.PrivateKey); err != nil {
			return adminapi.Invalid("privateKey: must be a private key of P-256, 32 bytes in base64url")
		}
	}
	for _, name := range a.Services {
		if !slices.ContainsFunc(services(), func(s service) bool { return s.name == name }) {
			return adminapi.Invalid("services: %q is not google, mozilla, apple or windows", name)
		}
	}
	if a.RequestsPerSecond < 0 {
		return adminapi.Invalid("requestsPerSecond: must not be negative")
	}
	return nil
}

// AddApp makes a website, or replaces the one with this id.
func (v *Vendor) AddApp(a App) (App, error) { return v.console.Add(a) }

// RegisterAdmin adds the calls for websites to mux.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux, _ string) { v.console.Register(mux) }

// CheckApp tells whether there is a website with this id.
func (v *Vendor) CheckApp(id string) error { return v.console.Check(id) }

// Revoke lets the services refuse every push of the website; Rotate gives it a new key, which new subscriptions are made with.
func (v *Vendor) Revoke(id string) error { return v.console.Revoke(id) }

// Rotate replaces the website's key by the one in the request or by a new one. Subscriptions keep the key they were made with.
func (v *Vendor) Rotate(r *http.Request, id string) (any, error) { return v.console.Rotate(r, id) }

// Hosts are the real names of the servers. That of Google is FCM's, so Takes tells it by its paths.
func (*Vendor) Hosts() []string {
	return []string{
		"updates.push.services.mozilla.com", "web.push.apple.com", "wns2-db5p.notify.windows.com", "*.notify.windows.com",
	}
}

// Takes tells whether a request to a host that other vendors have too, or to one of many, is for a push service.
func (*Vendor) Takes(host, path string) bool {
	s, ok := serviceAt(host)
	ok = ok && !strings.HasPrefix(host, "api.") // those of Apple's are of APNs
	return ok && slices.ContainsFunc(s.paths, func(p string) bool { return strings.HasPrefix(path, p) })
}

// Issue makes a subscription of no website; IssueFor one of a website's.
func (v *Vendor) Issue() phone.Names { return v.IssueFor("") }

// IssueFor subscribes in a new browser with the website's present key.
func (v *Vendor) IssueFor(app string) phone.Names {
	a, _ := v.console.Get(app)
	mark, _ := fingerprintOf(a.PrivateKey) // without a key it is that of nobody
	return names(v.next(a), newID(mark))
}

// newID is the id of a subscription, which tells the key that it was made with.
func newID(mark string) string {
	random := make([]byte, idBytes)
	_, _ = rand.Read(random) // never fails
	return encode(random) + mark
}

func names(s service, id string) phone.Names {
	return phone.Names{Token: derived(id).Subscription(s.endpoint(id))}
}

// markOf is the fingerprint in an id.
func markOf(id string) string { return id[min(len(id), idChars):] }

// next is the service whose turn it is.
func (v *Vendor) next(a App) service {
	all := slices.DeleteFunc(services(), func(s service) bool {
		return len(a.Services) > 0 && !slices.Contains(a.Services, s.name)
	})
	return all[int(v.turn.Add(1)-1)%len(all)]
}

// Reissue is what the browser does when its subscription ends by itself: it subscribes again with the key of before.
func (*Vendor) Reissue(old phone.Names) string {
	s, id, _ := read(old.Token) // it is one of ours
	return names(s, newID(markOf(id))).Token
}

// Names takes a subscription that a former simulator made, in any order and with or without expirationTime.
func (*Vendor) Names(token string) (phone.Names, error) {
	s, id, ok := read(token)
	if !ok {
		return phone.Names{}, adminapi.Invalid("token: must be a subscription that a simulator made; give none to make one")
	}
	return names(s, id), nil
}

// read finds the service and the id of a subscription whose keys are those of its id.
func read(token string) (service, string, bool) {
	var given, own subscription
	u, err := url.Parse(given.from(token).Endpoint)
	if err != nil {
		return service{}, "", false
	}
	s, ok := serviceAt(u.Host)
	id := s.id(u.Path, u.Query())
	own.from(derived(id).Subscription(given.Endpoint))
	return s, id, ok && id != "" && given == own
}

// subscription is what pages send of a PushSubscription.
type subscription struct {
	Endpoint string `json:"endpoint"`
	Keys     struct {
		P256DH string `json:"p256dh"`
		Auth   string `json:"auth"`
	} `json:"keys"`
}

// from reads JSON; what is none stays empty.
func (s *subscription) from(token string) *subscription {
	_ = json.Unmarshal([]byte(token), s) // an empty endpoint is nobody's
	return s
}

// ServeHTTP implements http.Handler. The host is the real one, or the first part of the path where a gateway was asked.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, path := hostname(r.Host), r.URL.Path
	if _, ok := serviceAt(host); !ok {
		host, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		path = "/" + path
	}
	s, ok := serviceAt(host)
	if !ok {
		http.Error(w, "no push service at this address", http.StatusNotFound)
		return
	}
	v.serve(s, host, path, r).write(w)
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(host)
}

// Refuse answers with what the fault says.
func (*Vendor) Refuse(w http.ResponseWriter, f traffic.Fault) { refusal(f).write(w) }
