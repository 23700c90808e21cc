package harmonyos

import (
	"context"
	"crypto/rsa"
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

// parseAccount reads a service account's JSON key. A projectID that is not empty must be the one in the key. Errors name
// the field and quote no secret.
func parseAccount(b []byte, projectID string) (serviceAccount, error) {
	var a serviceAccount
	file := provider.KeyFile{Name: "service-account.json", Maker: "Huawei"}
	if err := file.Read(b, &a); err != nil {
		return serviceAccount{}, err
	}
	err := file.Require(provider.Field{Name: "project_id", Value: a.ProjectID}, provider.Field{Name: "key_id", Value: a.KeyID},
		provider.Field{Name: "sub_account", Value: a.SubAccount}, provider.Field{Name: "private_key", Value: a.PrivateKey})
	if err != nil {
		return serviceAccount{}, err
	}
	if projectID != "" && a.ProjectID != projectID {
		return serviceAccount{}, &provider.MismatchError{
			Field:   "harmonyOS.projectID",
			Problem: fmt.Sprintf("is %q, but project_id of service-account.json is %q; correct the one that is wrong", projectID, a.ProjectID),
		}
	}
	if a.key, err = file.RSAKey(a.PrivateKey); err != nil {
		return serviceAccount{}, err
	}
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
