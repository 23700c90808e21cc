package fcm

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
)

// defaultTokenURL is Google's token endpoint.
const defaultTokenURL = "https://oauth2.googleapis.com/token"

// serviceAccount is the JSON key of a Google service account.
type serviceAccount struct {
	Type         string `json:"type"`
	ProjectID    string `json:"project_id"`
	PrivateKeyID string `json:"private_key_id"`
	PrivateKey   string `json:"private_key"`
	ClientEmail  string `json:"client_email"`
	TokenURI     string `json:"token_uri"`

	key         *rsa.PrivateKey
	fingerprint string
}

// CheckCredential checks the shape of a service account's JSON key. A projectID
// that is not empty must be the one in the key. Errors name the field and quote no secret.
func CheckCredential(serviceAccountJSON []byte, projectID string) error {
	_, err := parseAccount(serviceAccountJSON, projectID)
	return err
}

// ProjectID reads the Firebase project from a service account's JSON key.
func ProjectID(serviceAccountJSON []byte) (string, error) {
	a, err := parseAccount(serviceAccountJSON, "")
	return a.ProjectID, err
}

func parseAccount(b []byte, projectID string) (serviceAccount, error) {
	var a serviceAccount
	if err := json.Unmarshal(b, &a); err != nil {
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
			return serviceAccount{}, fmt.Errorf("service account: %s: must be %s", e.Field, e.Type)
		}
		return serviceAccount{}, errors.New("service account: is not JSON; give the key file as Google made it")
	}
	if a.Type != "" && a.Type != "service_account" {
		return serviceAccount{}, errors.New("service account: type: must be service_account; google-services.json is for the app")
	}
	fields := []struct{ name, value string }{
		{"project_id", a.ProjectID}, {"client_email", a.ClientEmail}, {"private_key", a.PrivateKey},
	}
	for _, f := range fields {
		if f.value == "" {
			return serviceAccount{}, fmt.Errorf("service account: %s: is missing; give the key file as Google made it", f.name)
		}
	}
	if projectID != "" && a.ProjectID != projectID {
		return serviceAccount{}, fmt.Errorf("service account: project_id: is of project %q, the channel's is %q", a.ProjectID, projectID)
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(a.PrivateKey))
	if err != nil {
		return serviceAccount{}, errors.New("service account: private_key: is not an RSA key in PEM; give the key file as Google made it")
	}
	a.key = key
	sum := sha256.Sum256(b)
	a.fingerprint = hex.EncodeToString(sum[:8])
	return a, nil
}

// tokenURL is where access tokens come from. A key file may name Google's hosts
// and the endpoint's: an allow-list guards what the endpoint names.
func (a serviceAccount) tokenURL(endpoint config.Endpoint) (string, error) {
	if endpoint.AuthURL != "" {
		return endpoint.AuthURL, nil
	}
	if a.TokenURI == "" {
		return defaultTokenURL, nil
	}
	u, err := url.Parse(a.TokenURI)
	if err != nil || u.Scheme != "https" || u.User != nil || !isGoogle(u.Host) && !isEndpoint(u.Host, endpoint) {
		return "", errors.New("service account: token_uri: is not Google's; set endpoint.authURL for another token endpoint")
	}
	return a.TokenURI, nil
}

// isGoogle takes no port.
func isGoogle(host string) bool {
	return host == "accounts.google.com" || strings.HasSuffix(host, ".googleapis.com")
}

func isEndpoint(host string, endpoint config.Endpoint) bool {
	u, err := url.Parse(endpoint.URL)
	return err == nil && host != "" && u.Host == host
}
