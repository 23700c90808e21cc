package fcm

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
)

const keyBits = 2048

// ServiceAccount is a key of a service account in the shape in which Google's console gives it.
type ServiceAccount struct {
	Type           string `json:"type"`
	ProjectID      string `json:"project_id"`
	PrivateKeyID   string `json:"private_key_id"`
	PrivateKey     string `json:"private_key"`
	ClientEmail    string `json:"client_email"`
	ClientID       string `json:"client_id"`
	AuthURI        string `json:"auth_uri"`
	TokenURI       string `json:"token_uri"`
	AuthCertURL    string `json:"auth_provider_x509_cert_url,omitempty"`
	ClientCertURL  string `json:"client_x509_cert_url,omitempty"`
	UniverseDomain string `json:"universe_domain,omitempty"`
}

// NewAccount asks for a service account or for one more key of it.
type NewAccount struct {
	ProjectID string `json:"projectID"`
	// Email defaults to push@PROJECT.iam.gserviceaccount.com.
	Email string `json:"email,omitempty"`
	// TokenURI is written into the key; it defaults to the simulator's address that the caller gives in tokenURI.
	TokenURI string `json:"tokenURI,omitempty"`
	// TokenLifetimeSeconds is how long access tokens hold, 3599 if 0.
	TokenLifetimeSeconds int `json:"tokenLifetimeSeconds,omitempty"`
}

// RegisterAdmin adds the console's calls to mux. tokenURI is where the token endpoint is reached.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux, tokenURI string) {
	mux.Handle("GET /admin/fcm/projects", adminapi.Handle(func(*http.Request) (any, error) {
		return v.console.listProjects(), nil
	}))
	mux.Handle("POST /admin/fcm/projects", adminapi.Handle(func(r *http.Request) (any, error) {
		var p Project
		if err := adminapi.Read(r, &p); err != nil {
			return nil, err
		}
		return p, v.AddProject(p)
	}))
	mux.Handle("DELETE /admin/fcm/projects/{id}", adminapi.Handle(func(r *http.Request) (any, error) {
		if !v.console.dropProject(r.PathValue("id")) {
			return nil, adminapi.NotFound("FCM has no project %q", r.PathValue("id"))
		}
		return nil, nil
	}))
	mux.Handle("GET /admin/fcm/service-accounts", adminapi.Handle(func(*http.Request) (any, error) {
		return v.console.listAccounts(), nil
	}))
	mux.Handle("POST /admin/fcm/service-accounts", adminapi.Handle(func(r *http.Request) (any, error) {
		n := NewAccount{TokenURI: tokenURI}
		if err := adminapi.Read(r, &n); err != nil {
			return nil, err
		}
		return v.newKey(n)
	}))
	mux.Handle("DELETE /admin/fcm/service-accounts/{id}", adminapi.Handle(func(r *http.Request) (any, error) {
		return nil, v.Revoke(r.PathValue("id"))
	}))
	mux.Handle("DELETE /admin/fcm/access-tokens", adminapi.Handle(func(*http.Request) (any, error) {
		v.console.expire()
		return nil, nil
	}))
}

// AddProject makes a project, or changes the quota of the one with this id.
func (v *Vendor) AddProject(p Project) error {
	switch {
	case p.ProjectID == "":
		return adminapi.Invalid("projectID: must be set")
	case p.MessagesPerMinute < 0:
		return adminapi.Invalid("messagesPerMinute: is %d, must not be negative", p.MessagesPerMinute)
	}
	v.console.putProject(p)
	return nil
}

// AddAccount takes a key that was made elsewhere; its project is made if need be.
func (v *Vendor) AddAccount(s ServiceAccount) error {
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(s.PrivateKey))
	switch {
	case s.ProjectID == "" || s.ClientEmail == "" || s.PrivateKeyID == "":
		return errors.New("project_id, client_email, private_key_id: must be set")
	case err != nil:
		return errors.New("private_key: is no RSA key in PEM; copy the whole value from the console's file")
	}
	if _, ok := v.console.project(s.ProjectID); !ok {
		v.console.putProject(Project{ProjectID: s.ProjectID})
	}
	a := account{email: s.ClientEmail, project: s.ProjectID, life: tokenLife, tokenURI: s.TokenURI}
	v.console.putKey(a, s.PrivateKeyID, &key.PublicKey)
	return nil
}

func (v *Vendor) newKey(n NewAccount) (ServiceAccount, error) {
	life := tokenLife
	if n.TokenLifetimeSeconds != 0 {
		life = time.Duration(n.TokenLifetimeSeconds) * time.Second
	}
	if life <= 0 || life > 12*time.Hour {
		return ServiceAccount{}, adminapi.Invalid("tokenLifetimeSeconds: is %d, must be from 1 to 43200", n.TokenLifetimeSeconds)
	}
	email := firstOf(n.Email, "push@"+n.ProjectID+".iam.gserviceaccount.com")
	return v.makeKey(account{email: email, project: n.ProjectID, life: life, tokenURI: n.TokenURI})
}

func (v *Vendor) makeKey(a account) (ServiceAccount, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return ServiceAccount{}, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return ServiceAccount{}, err
	}
	id := randomHex(20)
	if !v.console.putKey(a, id, &key.PublicKey) {
		return ServiceAccount{}, adminapi.Invalid("projectID: FCM has no project %q; create it with POST /admin/fcm/projects", a.project)
	}
	return ServiceAccount{
		Type: "service_account", ProjectID: a.project, PrivateKeyID: id,
		PrivateKey:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})),
		ClientEmail: a.email, ClientID: "100000000000000000001",
		AuthURI: "https://accounts.google.com/o/oauth2/auth", TokenURI: a.tokenURI, UniverseDomain: "googleapis.com",
	}, nil
}

// Revoke deletes a service account with its keys and access tokens.
func (v *Vendor) Revoke(email string) error {
	if !v.console.dropAccount(email) {
		return adminapi.NotFound("FCM has no service account %q", email)
	}
	return nil
}

// Rotate replaces all keys of a service account by a new one.
func (v *Vendor) Rotate(r *http.Request, email string) (any, error) {
	if err := adminapi.Read(r, &struct{}{}); err != nil {
		return nil, err
	}
	a, ok := v.console.account(email)
	if !ok {
		return nil, adminapi.NotFound("FCM has no service account %q", email)
	}
	v.console.dropAccount(email)
	return v.makeKey(a)
}
