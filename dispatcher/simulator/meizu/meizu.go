// Package meizu simulates Meizu's Flyme Push as its documents describe the server
// API: signed pushes to push ids, classes and their quotas, statistics and receipts.
package meizu

import (
	"net/http"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const (
	// Name is what the simulator calls this vendor.
	Name      = "meizu"
	maxPushID = 256
	idBytes   = 16
	// maxCallbacks is how many receipt URLs an app may have.
	maxCallbacks = 100
)

// App is an app in Meizu's push console.
type App struct {
	AppID     string `json:"appID"`
	AppSecret string `json:"appSecret"`
	// DayQuota is how many pushes may be sent in a day, PublicPerPhone how many public ones a phone shows; 0 for no limit.
	DayQuota       int `json:"dayQuota,omitempty"`
	PublicPerPhone int `json:"publicPerPhone,omitempty"`
	// RequestsPerSecond is how many requests are taken, 0 for no limit.
	RequestsPerSecond int `json:"requestsPerSecond,omitempty"`
	// VIP apps may show pictures.
	VIP bool `json:"vip,omitempty"`
	// Callbacks are the URLs that receipts may go to, ReceiptToken is what they bear.
	Callbacks    []string `json:"callbacks,omitempty"`
	ReceiptToken string   `json:"receiptToken,omitempty"`
}

// Vendor is Flyme Push.
type Vendor struct {
	*apps.Console[App]

	mux      *http.ServeMux
	rates    apps.Rates
	quota    apps.Quota
	phones   *phone.Book
	receipts *callback.Poster[report]
	// repeated are the times at which a phone got the same message, by both.
	repeated apps.Memory[[]time.Time]
}

// New returns Flyme Push without apps, whose messages go to the phones. Close it after use.
func New(phones *phone.Book, post callback.Options) *Vendor {
	v := &Vendor{
		Console: apps.NewConsole(apps.Kind[App]{
			Vendor: Name,
			ID:     func(a App) string { return a.AppID },
			Secret: func(a *App) *string { return &a.AppSecret },
			Check:  check,
		}),
		mux: http.NewServeMux(), phones: phones,
	}
	v.receipts = callback.New(post, v.calls)
	v.mux.Handle("POST /garcia/api/server/push/varnished/pushByPushId", v.signed(v.sendNotification))
	v.mux.Handle("POST /garcia/api/server/push/unvarnished/pushByPushId", v.signed(v.sendData))
	v.mux.Handle("GET /garcia/api/server/push/statistics/dailyPushStatics", v.signed(v.statistics))
	v.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no interface "+r.URL.Path, http.StatusNotFound)
	})
	return v
}

func check(a App) error {
	switch {
	case a.DayQuota < 0 || a.PublicPerPhone < 0 || a.RequestsPerSecond < 0:
		return adminapi.Invalid("dayQuota, publicPerPhone and requestsPerSecond: must not be negative")
	case len(a.Callbacks) > maxCallbacks:
		return adminapi.Invalid("callbacks: must be at most %d", maxCallbacks)
	}
	return nil
}

// Close ends the posting of receipts.
func (v *Vendor) Close() { v.receipts.Close() }

// Hosts are the real names of the servers.
func (*Vendor) Hosts() []string {
	return []string{
		"server-api-push.meizu.com", "api-push.meizu.com", "server-api-push.in.meizu.com", "api-push.in.meizu.com",
	}
}

// ServeHTTP implements http.Handler.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(w, r) }

// Refuse answers with what the fault says.
func (*Vendor) Refuse(w http.ResponseWriter, f traffic.Fault) { refusal(f).write(w) }

// CheckApp tells whether there is an app with this id.
func (v *Vendor) CheckApp(id string) error { return v.Check(id) }

// Issue makes the push id of a new installation.
func (*Vendor) Issue() phone.Names { return phone.Names{Token: newPushID()} }

// Reissue makes a new push id for an installation that stays.
func (*Vendor) Reissue(phone.Names) string { return newPushID() }

func newPushID() string { return "RA" + apps.RandomHex(20) }

// wellFormed tells whether Meizu could have given out a push id.
func wellFormed(id string) bool {
	return id != "" && len(id) <= maxPushID && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' })
}

// Names checks a push id that was given.
func (*Vendor) Names(token string) (phone.Names, error) {
	if token != "" && !wellFormed(token) {
		return phone.Names{}, adminapi.Invalid("token: must be at most %d characters of printable ASCII without comma and blank", maxPushID)
	}
	return phone.Names{Token: token}, nil
}

// RegisterAdmin adds the console's calls to mux.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux, _ string) { v.Register(mux) }
