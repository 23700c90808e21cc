// Package apns simulates the Apple Push Notification service as Apple's
// documents describe its provider API: both environments, JWTs and client
// certificates, headers, payloads and dead tokens.
package apns

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Names of the two environments. They share their apps; a phone belongs to one of them.
const (
	Name        = "apns"
	SandboxName = "apns-sandbox"
)

const tokenBytes = 32

var deviceToken = regexp.MustCompile(`^[0-9a-f]{64,200}$`)

// Vendor is one environment of APNs.
type Vendor struct {
	*apps.Console[App]

	name   string
	host   string
	mux    *http.ServeMux
	phones *phone.Book
	rates  *apps.Rates
	conns  apps.Memory[conn]
}

// New returns both environments, without apps, whose pushes go to the phones.
func New(phones *phone.Book) (production, sandbox *Vendor) {
	console, rates := newConsole(), &apps.Rates{}
	environment := func(name, host string) *Vendor {
		v := &Vendor{Console: console, name: name, host: host, mux: http.NewServeMux(), phones: phones, rates: rates}
		v.mux.HandleFunc("/3/device/{token...}", v.send)
		v.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { because("BadPath").write(w) })
		return v
	}
	return environment(Name, "api.push.apple.com"), environment(SandboxName, "api.sandbox.push.apple.com")
}

// Hosts are the real names of the servers.
func (v *Vendor) Hosts() []string { return []string{v.host} }

// ServeHTTP implements http.Handler. APNs speaks HTTP/2 only.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor < 2 {
		http.Error(w, "use HTTP/2", http.StatusHTTPVersionNotSupported)
		return
	}
	v.mux.ServeHTTP(w, r)
}

// Refuse answers with what the fault says.
func (*Vendor) Refuse(w http.ResponseWriter, f traffic.Fault) { simulated(f).write(w) }

// CheckApp tells whether an app has the bundle id.
func (v *Vendor) CheckApp(bundleID string) error { return v.Check(bundleID) }

// Issue makes the tokens of a new installation.
func (*Vendor) Issue() phone.Names { return namesOf(apps.RandomHex(tokenBytes)) }

// Reissue makes a new device token for an installation that stays; its VoIP token stays too.
func (*Vendor) Reissue(phone.Names) string { return apps.RandomHex(tokenBytes) }

// Names checks a device token that was given and derives the VoIP token from it.
func (*Vendor) Names(token string) (phone.Names, error) {
	token = strings.ToLower(token)
	if !deviceToken.MatchString(token) {
		return phone.Names{}, adminapi.Invalid("token: must be hex, 64 to 200 digits")
	}
	return namesOf(token), nil
}

func namesOf(token string) phone.Names {
	sum := sha256.Sum256([]byte("voip " + token))
	return phone.Names{Token: token, VoIPToken: hex.EncodeToString(sum[:])}
}

// RegisterAdmin adds the console's calls to mux; the environments have one.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux, _ string) {
	if v.name == Name {
		v.Register(mux)
	}
}
