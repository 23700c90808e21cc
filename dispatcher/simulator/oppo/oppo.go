// Package oppo simulates OPPO Push as its documents describe the server API:
// access tokens, pushes to registration ids, classes of messages with their
// quotas, private templates and receipts. Broadcasts and pictures are not part of it.
package oppo

import (
	"net/http"
	"strings"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Name is what the simulator calls this vendor.
const Name = "oppo"

const (
	maxRegID    = 256
	regIDBytes  = 16
	chinaHost   = "api.push.oppomobile.com"
	abroadHost  = "api-intl.push.oppomobile.com"
	chinaPrefix = "OPPO_CN_"
)

// Vendor is OPPO Push.
type Vendor struct {
	*apps.Console[App]

	mux      *http.ServeMux
	grants   apps.Grants
	quota    apps.Quota
	rates    apps.Rates
	sent     apps.Memory[bool]  // by target and app_message_id
	badges   apps.Memory[int32] // by target
	phones   *phone.Book
	receipts *callback.Poster[report]
}

// New returns OPPO Push without apps, whose messages go to the phones. Close it after use.
func New(phones *phone.Book, post callback.Options) *Vendor {
	v := &Vendor{Console: newConsole(), mux: http.NewServeMux(), phones: phones, receipts: callback.New(post, calls)}
	v.handle("/server/v1/auth", v.auth)
	v.handle("/server/v1/message/notification/unicast", v.authorized(v.unicast))
	v.handle("/server/v1/message/notification/unicast_batch", v.authorized(v.batch))
	v.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(invalidMethod, "").write(w) })
	return v
}

// handle serves a call, which is made with POST.
func (v *Vendor) handle(path string, call func(*http.Request) answer) {
	v.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			refuse(wrongHTTPMethod, "").write(w)
			return
		}
		call(r).write(w)
	})
}

// Close ends the posting of receipts.
func (v *Vendor) Close() { v.receipts.Close() }

// Hosts are the real names of the servers.
func (*Vendor) Hosts() []string { return []string{chinaHost, abroadHost} }

// ServeHTTP implements http.Handler.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(w, r) }

// Refuse answers with what the fault says.
func (*Vendor) Refuse(w http.ResponseWriter, f traffic.Fault) { refusal(f).write(w) }

// CheckApp tells whether an app has the key.
func (v *Vendor) CheckApp(appKey string) error { return v.Check(appKey) }

// RegisterAdmin adds the console's calls to mux.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux, _ string) {
	v.Register(mux)
	v.grants.Register(mux, Name)
}

// Issue makes the registration id of a new installation, in mainland China.
func (*Vendor) Issue() phone.Names {
	return phone.Names{Token: chinaPrefix + apps.RandomHex(regIDBytes)}
}

// Reissue makes a new registration id for an installation that stays.
func (v *Vendor) Reissue(phone.Names) string { return v.Issue().Token }

// Names checks a registration id that was given.
func (*Vendor) Names(token string) (phone.Names, error) {
	if len(token) > maxRegID || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' || r == ';' }) {
		return phone.Names{}, adminapi.Invalid("token: must be at most %d characters of printable ASCII without comma, semicolon and blank", maxRegID)
	}
	return phone.Names{Token: token}, nil
}

// inChina tells where the phone with a registration id is.
func inChina(token string) bool {
	switch parts := strings.Split(token, "_"); len(parts) {
	case 1:
		return true
	case 2: //nolint:mnd // CN_…
		return parts[0] == "CN"
	case 3: //nolint:mnd // OPPO_CN_…
		return parts[1] == "CN"
	}
	return false
}

// served tells whether the host of a request serves the phone. Under another name, the simulator serves all.
func served(host, token string) bool {
	switch host, _, _ := strings.Cut(host, ":"); host {
	case chinaHost:
		return inChina(token)
	case abroadHost:
		return !inChina(token)
	}
	return true
}
