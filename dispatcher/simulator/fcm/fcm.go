// Package fcm simulates Firebase Cloud Messaging, HTTP v1, and the token
// endpoint of Google's accounts, as Firebase's documents describe them.
package fcm

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"regexp"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Name is what the simulator calls this vendor.
const Name = "fcm"

// Vendor is Firebase.
type Vendor struct {
	mux     *http.ServeMux
	console *console
	phones  *phone.Book
	tokens  *regexp.Regexp
}

// New returns Firebase without projects, whose messages go to the phones.
func New(phones *phone.Book) *Vendor {
	v := &Vendor{
		mux: http.NewServeMux(), console: newConsole(), phones: phones,
		tokens: regexp.MustCompile(`^[\w-]{8,64}:APA91[\w-]{16,512}$`),
	}
	v.mux.HandleFunc("POST /token", v.grant)
	v.mux.HandleFunc("POST /v1/projects/{call...}", v.send)
	v.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound().write(w) })
	return v
}

// Hosts are the real names of the servers.
func (*Vendor) Hosts() []string { return []string{"fcm.googleapis.com", "oauth2.googleapis.com"} }

// ServeHTTP implements http.Handler.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(w, r) }

// Refuse answers with what the fault says.
func (*Vendor) Refuse(w http.ResponseWriter, f traffic.Fault) { refusal(f).write(w) }

// CheckApp tells whether the project exists.
func (v *Vendor) CheckApp(project string) error {
	if _, ok := v.console.project(project); !ok {
		return adminapi.Invalid("app: FCM has no project %q; create it with POST /admin/fcm/projects", project)
	}
	return nil
}

// Issue makes the names of a new installation.
func (*Vendor) Issue() phone.Names {
	id := random(16)
	return phone.Names{Token: id + ":APA91b" + random(100), InstallationID: id}
}

// Reissue makes a new token for an installation that stays.
func (*Vendor) Reissue(old phone.Names) string { return old.InstallationID + ":APA91b" + random(100) }

// Names checks a token that was given and derives the installation id from it.
func (v *Vendor) Names(token string) (phone.Names, error) {
	if !v.tokens.MatchString(token) {
		return phone.Names{}, adminapi.Invalid("token: is not shaped like FCM's; give one that matches %s", v.tokens)
	}
	id, _, _ := cutToken(token)
	return phone.Names{Token: token, InstallationID: id}, nil
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
