// Package vivo simulates vivo Push as its PUSH-UPS document describes the server
// API: the token exchange, pushes to one phone and to lists, quotas, the rules
// for operational messages and receipts.
package vivo

import (
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Name is what the simulator calls this vendor.
const Name = "vivo"

const (
	maxRegID = 256
	// regIDBytes make a registration id of vivo's length in hex.
	regIDBytes = 12
)

// Vendor is vivo Push.
type Vendor struct {
	*apps.Console[App]

	mux      *http.ServeMux
	phones   *phone.Book
	grants   apps.Grants
	quota    apps.Quota
	rates    apps.Rates
	tasks    apps.Memory[task]   // the stored payloads
	answers  apps.Memory[answer] // by app and request id
	shown    apps.Memory[bool]   // by day, registration id and text
	badges   apps.Memory[int32]  // by registration id
	receipts *callback.Poster[report]
	// lastTask is the newest id of a task.
	lastTask atomic.Int64
}

// New returns vivo Push without apps, whose messages go to the phones. Close it after use.
func New(phones *phone.Book, post callback.Options) *Vendor {
	v := &Vendor{Console: newConsole(), mux: http.NewServeMux(), phones: phones, receipts: callback.New(post, calls)}
	v.lastTask.Store(time.Now().UnixNano())
	v.mux.HandleFunc("POST /message/auth", v.auth)
	v.mux.Handle("POST /message/send", v.authorized(v.send))
	v.mux.Handle("POST /message/saveListPayload", v.authorized(v.save))
	v.mux.Handle("POST /message/pushToList", v.authorized(v.list))
	return v
}

// Close ends the posting of receipts.
func (v *Vendor) Close() { v.receipts.Close() }

// Hosts are the real names of the servers.
func (*Vendor) Hosts() []string { return []string{"api-push.vivo.com.cn"} }

// ServeHTTP implements http.Handler.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(w, r) }

// Refuse answers with what the fault says.
func (*Vendor) Refuse(w http.ResponseWriter, f traffic.Fault) { refusal(f).write(w) }

// CheckApp tells whether there is an app with this AppID.
func (v *Vendor) CheckApp(appID string) error { return v.Check(appID) }

// RegisterAdmin adds the console's calls to mux.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux, _ string) {
	v.Register(mux)
	v.grants.Register(mux, Name)
}

// Issue makes the registration id of a new installation.
func (*Vendor) Issue() phone.Names { return phone.Names{Token: apps.RandomHex(regIDBytes)} }

// Reissue makes a new registration id for an installation that stays.
func (*Vendor) Reissue(phone.Names) string { return apps.RandomHex(regIDBytes) }

// Names checks a registration id that was given.
func (*Vendor) Names(token string) (phone.Names, error) {
	if len(token) > maxRegID || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }) {
		return phone.Names{}, adminapi.Invalid("token: must be at most %d characters of printable ASCII without comma and blank", maxRegID)
	}
	return phone.Names{Token: token}, nil
}
