package fcm

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
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

// parseAccount reads a service account's JSON key. A projectID that is not empty must be the one in the key, else the
// error is a *provider.MismatchError. Errors name the field and quote no secret.
func parseAccount(b []byte, projectID string) (serviceAccount, error) {
	var a serviceAccount
	file := provider.KeyFile{Name: "service account", Maker: "Google"}
	if err := file.Read(b, &a); err != nil {
		return serviceAccount{}, err
	}
	if a.Type != "" && a.Type != "service_account" {
		return serviceAccount{}, errors.New("service account: type: must be service_account; google-services.json is for the app")
	}
	err := file.Require(provider.Field{Name: "project_id", Value: a.ProjectID}, provider.Field{Name: "client_email", Value: a.ClientEmail},
		provider.Field{Name: "private_key", Value: a.PrivateKey})
	if err != nil {
		return serviceAccount{}, err
	}
	if a.key, err = file.RSAKey(a.PrivateKey); err != nil {
		return serviceAccount{}, err
	}
	if projectID != "" && a.ProjectID != projectID {
		return serviceAccount{}, &provider.MismatchError{
			Field: "fcm.projectID", Problem: fmt.Sprintf("is %q, the service account is of project %q", projectID, a.ProjectID),
		}
	}
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
