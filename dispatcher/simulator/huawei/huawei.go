// Package huawei simulates Huawei's Push Kit v1 and its token endpoint as its
// documents describe them: pushes to tokens, rights, daily limits of phones and
// receipts. Topics and conditions are not part of it.
package huawei

import (
	"net/http"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Name is what the simulator calls this vendor.
const Name = "huawei"

// tokenPrefix is how tokens of phones up to HarmonyOS 4 begin.
const tokenPrefix = "IQAAAA"

// App is an app in AppGallery Connect.
type App struct {
	// AppID is the OAuth client id.
	AppID     string `json:"appID"`
	AppSecret string `json:"appSecret"`
	// HighPriority is the right to send data messages of high priority.
	HighPriority bool `json:"highPriority,omitempty"`
	pushkit.Account
}

// Vendor is Push Kit v1.
type Vendor struct {
	*apps.Console[App]
	*pushkit.Service

	mux    *http.ServeMux
	grants apps.Grants
	minted apps.Memory[window] // by app
}

// New returns Push Kit without apps, whose messages go to the phones. Close it after use.
func New(phones *phone.Book, post callback.Options) *Vendor {
	v := &Vendor{
		Console: apps.NewConsole(apps.Kind[App]{
			Vendor: Name,
			ID:     func(a App) string { return a.AppID },
			Secret: func(a *App) *string { return &a.AppSecret },
			Check:  check,
		}),
		Service: pushkit.NewService(Name, tokenPrefix, phones, post),
		mux:     http.NewServeMux(),
	}
	v.mux.HandleFunc("POST /oauth2/v3/token", v.grant)
	v.mux.HandleFunc("POST /v1/{app}/messages:send", v.send)
	v.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { pushkit.NotFound().Write(w) })
	return v
}

// check takes ids of digits, as Huawei's are.
func check(a App) error {
	if !digits(a.AppID) {
		return adminapi.Invalid("appID: is %q, must be digits", a.AppID)
	}
	return a.Check()
}

func digits(id string) bool {
	for _, r := range id {
		if r < '0' || r > '9' {
			return false
		}
	}
	return id != ""
}

// Hosts are the real names of the servers. HarmonyOS has the same for pushes.
func (*Vendor) Hosts() []string {
	return []string{"push-api.cloud.huawei.com/v1/", "oauth-login.cloud.huawei.com"}
}

// ServeHTTP implements http.Handler.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(w, r) }

// Refuse answers with what the fault says.
func (*Vendor) Refuse(w http.ResponseWriter, f traffic.Fault) { pushkit.Refusal(f).Write(w) }

// CheckApp tells whether an app has the id.
func (v *Vendor) CheckApp(appID string) error { return v.Check(appID) }

// RegisterAdmin adds the console's calls to mux.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux, _ string) {
	v.Register(mux)
	v.grants.Register(mux, Name)
}
