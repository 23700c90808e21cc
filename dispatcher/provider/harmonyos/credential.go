package harmonyos

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
)

const (
	// audience is Huawei's token endpoint, which the JWT is never sent to.
	audience = "https://oauth-login.cloud.huawei.com/oauth2/v3/token"
	// jwtLife is what Huawei advises; it refuses more than a day.
	jwtLife = time.Hour
)

// serviceAccount is the JSON key of a service account of AppGallery Connect.
type serviceAccount struct {
	ProjectID  string `json:"project_id"`
	KeyID      string `json:"key_id"`
	PrivateKey string `json:"private_key"`
	SubAccount string `json:"sub_account"`

	key *rsa.PrivateKey
}

// CheckCredential checks the shape of a service account's JSON key. A projectID that is not empty must be the one in
// the key. Errors name the field and quote no secret.
func CheckCredential(serviceAccountJSON []byte, projectID string) error {
	_, err := parseAccount(serviceAccountJSON, projectID)
	return err
}

// ProjectID reads the project from a service account's JSON key.
func ProjectID(serviceAccountJSON []byte) (string, error) {
	a, err := parseAccount(serviceAccountJSON, "")
	return a.ProjectID, err
}

func parseAccount(b []byte, projectID string) (serviceAccount, error) {
	var a serviceAccount
	if err := json.Unmarshal(b, &a); err != nil {
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
			return serviceAccount{}, fmt.Errorf("service-account.json: %s: must be %s", e.Field, e.Type)
		}
		return serviceAccount{}, errors.New("service-account.json: is not JSON; give the key file as Huawei made it")
	}
	fields := []struct{ name, value string }{
		{"project_id", a.ProjectID}, {"key_id", a.KeyID}, {"sub_account", a.SubAccount}, {"private_key", a.PrivateKey},
	}
	for _, f := range fields {
		if f.value == "" {
			return serviceAccount{}, fmt.Errorf("service-account.json: %s: is missing; give the key file as Huawei made it", f.name)
		}
	}
	if projectID != "" && a.ProjectID != projectID {
		return serviceAccount{}, &provider.MismatchError{
			Field:   "harmonyOS.projectID",
			Problem: fmt.Sprintf("is %q, but project_id of service-account.json is %q; correct the one that is wrong", projectID, a.ProjectID),
		}
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(a.PrivateKey))
	if err != nil {
		return serviceAccount{}, errors.New("service-account.json: private_key: is not an RSA key in PEM; give the key file as Huawei made it")
	}
	a.key = key
	return a, nil
}

// signer makes the JWT that Push Kit takes for an access token.
type signer struct {
	account serviceAccount
	now     func() time.Time
}

func (s signer) mint(context.Context) (provider.AccessToken, message.Outcome) {
	now := s.now()
	t := jwt.NewWithClaims(jwt.SigningMethodPS256, jwt.MapClaims{
		"iss": s.account.SubAccount,
		"aud": audience,
		"iat": now.Unix(),
		"exp": now.Add(jwtLife).Unix(),
	})
	t.Header["kid"] = s.account.KeyID
	signed, err := t.SignedString(s.account.key)
	if err != nil {
		return provider.AccessToken{}, message.Outcome{Class: message.CredentialRejected, Detail: "signing the JWT failed; the key is too short"}
	}
	return accesstoken.Lasting(signed, now, jwtLife, jwtLife), message.Outcome{Class: message.Accepted}
}
