// Package xiaomi simulates Xiaomi's Mi Push as its documents describe the
// server API: pushes to registration ids, quotas, dead ids and receipts.
package xiaomi

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Name is what the simulator calls this vendor.
const Name = "xiaomi"

const maxRegID = 256

// Vendor is Mi Push.
type Vendor struct {
	*apps.Console[App]

	mux *http.ServeMux
	// delivered counts what counts against the day's quota.
	delivered apps.Quota
	rates     apps.Rates
	dead      apps.Memory[[]string] // by package
	phones    *phone.Book
	receipts  *callback.Poster[report]
}

// New returns Mi Push without apps, whose messages go to the phones. Close it after use.
func New(phones *phone.Book, post callback.Options) *Vendor {
	v := &Vendor{
		Console: newConsole(), mux: http.NewServeMux(), phones: phones, receipts: callback.New(post, calls),
	}
	v.mux.Handle("POST /v2/message/regid", v.authorized(v.sendV2))
	v.mux.Handle("POST /v3/message/regid", v.authorized(v.sendV3))
	v.mux.Handle("POST /v2/multi_messages/regids", v.authorized(v.sendMulti))
	v.mux.Handle("GET /v1/trace/quota/get", v.authorized(v.quota))
	v.mux.Handle("/v1/validation/regids", v.authorized(v.validate))
	v.mux.Handle("GET /v1/feedback/fetch_invalid_regids", v.authorized(v.feedback))
	v.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(10020, "Unknown interface "+r.URL.Path).write(w)
	})
	return v
}

// Close ends the posting of receipts.
func (v *Vendor) Close() { v.receipts.Close() }

// Hosts are the real names of the servers.
func (*Vendor) Hosts() []string {
	return []string{
		"api.xmpush.xiaomi.com", "feedback.xmpush.xiaomi.com",
		"ru-api.xmpush.global.xiaomi.com", "idmb-api.xmpush.global.xiaomi.com",
		"fr-api.xmpush.global.xiaomi.com", "sgp-api.xmpush.global.xiaomi.com",
	}
}

// ServeHTTP implements http.Handler.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(w, r) }

// Refuse answers with what the fault says.
func (*Vendor) Refuse(w http.ResponseWriter, f traffic.Fault) { refusal(f).write(w) }

// CheckApp tells whether an app has the package name.
func (v *Vendor) CheckApp(packageName string) error { return v.Check(packageName) }

// RegisterAdmin adds the console's calls to mux.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux, _ string) { v.Register(mux) }

// Issue makes the registration id of a new installation.
func (*Vendor) Issue() phone.Names { return phone.Names{Token: regID()} }

// Reissue makes a new registration id for an installation that stays.
func (*Vendor) Reissue(phone.Names) string { return regID() }

// Names checks a registration id that was given.
func (*Vendor) Names(token string) (phone.Names, error) {
	if len(token) > maxRegID || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }) {
		return phone.Names{}, adminapi.Invalid("token: must be at most %d characters of printable ASCII without comma and blank", maxRegID)
	}
	return phone.Names{Token: token}, nil
}

func regID() string {
	b := make([]byte, 48)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// authorized calls do with the app whose secret the request has.
func (v *Vendor) authorized(do func(*http.Request, App) answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "key=")
		a, known := v.Find(hasSecret(secret))
		if !ok || !known {
			refuse(21301, "Invalid application credentials.").write(w)
			return
		}
		do(r, a).write(w)
	})
}
