// Package harmonyos simulates Huawei's Push Kit v3 as its documents describe it:
// notifications, background and call messages to tokens, rights, daily limits of
// phones and receipts. Cards, live views and voice broadcasts are not part of it.
package harmonyos

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"net/http"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Name is what the simulator calls this vendor.
const Name = "harmonyos"

const (
	// tokenPrefix is how tokens of phones since HarmonyOS 5 begin.
	tokenPrefix = "MAMz"
	keyBits     = 2048
	audience    = "https://oauth-login.cloud.huawei.com/oauth2/v3/token"
)

// Project is a project in AppGallery Connect with its service account.
type Project struct {
	ProjectID string `json:"projectID"`
	// PrivateKey is the service account's, in PEM. Its id is a part of its hash.
	PrivateKey string `json:"privateKey"`
	// Calls is the right to send in-app call messages.
	Calls bool `json:"calls,omitempty"`
	// Images are the URLs of pictures that Huawei's image control has checked.
	Images []string `json:"images,omitempty"`
	pushkit.Account
}

// ServiceAccount is the key file as Huawei's console gives it.
type ServiceAccount struct {
	ProjectID  string `json:"project_id"`
	KeyID      string `json:"key_id"`
	PrivateKey string `json:"private_key"`
	SubAccount string `json:"sub_account"`
	AuthURI    string `json:"auth_uri"`
	TokenURI   string `json:"token_uri"`
}

// ServiceAccount is the key file of the project.
func (p Project) ServiceAccount() ServiceAccount {
	return ServiceAccount{
		ProjectID: p.ProjectID, KeyID: p.keyID(), PrivateKey: p.PrivateKey, SubAccount: p.subAccount(),
		AuthURI: "https://oauth-login.cloud.huawei.com/oauth2/v3/authorize", TokenURI: audience,
	}
}

func (p Project) keyID() string {
	sum := sha256.Sum256([]byte(p.PrivateKey))
	return hex.EncodeToString(sum[:16])
}

func (p Project) subAccount() string { return "1" + p.ProjectID }

// Vendor is Push Kit v3.
type Vendor struct {
	*apps.Console[Project]
	*pushkit.Service

	mux *http.ServeMux
}

// New returns Push Kit without projects, whose messages go to the phones. Close it after use.
func New(phones *phone.Book, post callback.Options) *Vendor {
	v := &Vendor{
		Console: apps.NewConsole(apps.Kind[Project]{
			Vendor:    Name,
			ID:        func(p Project) string { return p.ProjectID },
			Secret:    func(p *Project) *string { return &p.PrivateKey },
			NewSecret: newKey,
			Check:     check,
		}),
		Service: pushkit.NewService(Name, tokenPrefix, phones, post),
		mux:     http.NewServeMux(),
	}
	v.mux.HandleFunc("POST /v3/{project}/messages:send", v.send)
	v.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { pushkit.NotFound().Write(w) })
	return v
}

func newKey() string {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return ""
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func check(p Project) error {
	if p.PrivateKey != "" {
		if _, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(p.PrivateKey)); err != nil {
			return adminapi.Invalid("privateKey: is not an RSA key in PEM")
		}
	}
	return p.Check()
}

// Hosts are the real names of the servers. Push Kit v1 has the same.
func (*Vendor) Hosts() []string { return []string{"push-api.cloud.huawei.com/v3/"} }

// ServeHTTP implements http.Handler.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(w, r) }

// Refuse answers with what the fault says.
func (*Vendor) Refuse(w http.ResponseWriter, f traffic.Fault) { pushkit.Refusal(f).Write(w) }

// CheckApp tells whether a project has the id.
func (v *Vendor) CheckApp(projectID string) error { return v.Check(projectID) }

// RegisterAdmin adds the console's calls to mux, and the one that gives out the key file.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux, _ string) {
	v.Register(mux)
	mux.Handle("GET /admin/harmonyos/apps/{id}/service-account", adminapi.Handle(func(r *http.Request) (any, error) {
		p, ok := v.Get(r.PathValue("id"))
		if !ok {
			return nil, adminapi.NotFound("%s has no app %q", Name, r.PathValue("id"))
		}
		return p.ServiceAccount(), nil
	}))
}
