// Package honor simulates Honor Push as its documents describe the server API:
// access tokens, downlink messages, classes and their quotas, and receipts.
package honor

import (
	"net/http"
	"slices"
	"strings"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const (
	// Name is what the simulator calls this vendor.
	Name = "honor"
	// tokenPrefix begins every token that Honor gave out.
	tokenPrefix = "HN"
	maxToken    = 256
	idBytes     = 16
)

// App is an app in Honor's developer console.
type App struct {
	AppID string `json:"appID"`
	// ClientID is that of the app if it is empty.
	ClientID     string `json:"clientID,omitempty"`
	ClientSecret string `json:"clientSecret"`
	// Service is the right to send service messages, importance NORMAL; Data the one to send data messages.
	Service bool `json:"service,omitempty"`
	Data    bool `json:"data,omitempty"`
	// MarketingPerPhone is how many marketing messages a phone shows in a day, TestQuota how many test messages the app may
	// send; 0 for no limit.
	MarketingPerPhone int `json:"marketingPerPhone,omitempty"`
	TestQuota         int `json:"testQuota,omitempty"`
	// RequestsPerSecond is how many requests are taken, 0 for no limit.
	RequestsPerSecond int `json:"requestsPerSecond,omitempty"`
	// SensitiveWords are those that no text may hold.
	SensitiveWords []string `json:"sensitiveWords,omitempty"`
	// ReceiptURL is where receipts go, none if it is empty. ReceiptIDs are its names in messages.
	ReceiptURL string   `json:"receiptURL,omitempty"`
	ReceiptIDs []string `json:"receiptIDs,omitempty"`
}

func (a App) clientID() string {
	if a.ClientID == "" {
		return a.AppID
	}
	return a.ClientID
}

// Vendor is Honor Push.
type Vendor struct {
	*apps.Console[App]

	mux      *http.ServeMux
	grants   apps.Grants
	rates    apps.Rates
	quota    apps.Quota
	phones   *phone.Book
	receipts *callback.Poster[report]
	badges   apps.Memory[int32] // by token
}

// New returns Honor Push without apps, whose messages go to the phones. Close it after use.
func New(phones *phone.Book, post callback.Options) *Vendor {
	v := &Vendor{
		Console: apps.NewConsole(apps.Kind[App]{
			Vendor: Name,
			ID:     func(a App) string { return a.AppID },
			Secret: func(a *App) *string { return &a.ClientSecret },
			Check:  check,
		}),
		mux: http.NewServeMux(), phones: phones, receipts: callback.New(post, calls),
	}
	v.mux.HandleFunc("POST /auth/token", v.grant)
	v.mux.HandleFunc("POST /auth/realms/developer/protocol/openid-connect/token", v.grant)
	v.mux.HandleFunc("POST /api/v1/{app}/sendMessage", v.send)
	v.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(codeNoService, "service not found").write(w)
	})
	return v
}

func check(a App) error {
	if strings.Contains(a.AppID, "/") {
		return adminapi.Invalid("appID: must be without slash")
	}
	if a.MarketingPerPhone < 0 || a.TestQuota < 0 || a.RequestsPerSecond < 0 {
		return adminapi.Invalid("marketingPerPhone, testQuota and requestsPerSecond: must not be negative")
	}
	return nil
}

// Close ends the posting of receipts.
func (v *Vendor) Close() { v.receipts.Close() }

// Hosts are the real names of the servers.
func (*Vendor) Hosts() []string {
	return []string{
		"push-api.cloud.honor.com", "push-api.cloud.hihonor.com", "iam.developer.honor.com", "iam.developer.hihonor.com",
	}
}

// ServeHTTP implements http.Handler.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(w, r) }

// Refuse answers with what the fault says.
func (*Vendor) Refuse(w http.ResponseWriter, f traffic.Fault) { refusal(f).write(w) }

// CheckApp tells whether there is an app with this id.
func (v *Vendor) CheckApp(id string) error { return v.Check(id) }

// Issue makes the token of a new installation.
func (*Vendor) Issue() phone.Names { return phone.Names{Token: newToken()} }

// Reissue makes a new token for an installation that stays.
func (*Vendor) Reissue(phone.Names) string { return newToken() }

func newToken() string { return tokenPrefix + apps.RandomHex(40) }

// Names checks a token that was given.
func (*Vendor) Names(token string) (phone.Names, error) {
	if len(token) > maxToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return phone.Names{}, adminapi.Invalid("token: must be at most %d characters of printable ASCII without blank", maxToken)
	}
	return phone.Names{Token: token}, nil
}

// RegisterAdmin adds the console's calls to mux.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux, _ string) {
	v.Register(mux)
	v.grants.Register(mux, Name)
}

// badge is the number on the app's icon after a push.
func (v *Vendor) badge(token string, b *badge) *int32 {
	if b == nil {
		return nil
	}
	return new(v.badges.Change(token, func(old int32) int32 {
		switch {
		case b.SetNum != nil:
			return *b.SetNum
		case b.AddNum != nil:
			return old + *b.AddNum
		}
		return old
	}))
}

// receiptID tells whether the app has a receipt URL of this name; it may be left out.
func (a App) receiptID(id string) bool { return id == "" || slices.Contains(a.ReceiptIDs, id) }
