package vivo

import (
	"context"
	"crypto/md5" //nolint:gosec // vivo's signature is MD5
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
)

const (
	authPath = "/message/auth"
	// tokenLife is how long a token is used. It is good for 24 hours, but vivo advises a new one every hour or two.
	tokenLife = 2 * time.Hour
)

// app is what vivo knows an app by.
type app struct {
	id     int64
	key    string
	secret config.Secret
}

// checkCredential checks the shape of an AppSecret. Errors name the key of the Secret and quote nothing.
func checkCredential(appSecret []byte) error {
	return provider.CheckSecret("appSecret", string(appSecret), "the AppSecret from vivo's console")
}

func (a app) check() error {
	if err := checkCredential([]byte(a.secret.Reveal())); err != nil {
		return err
	}
	if a.id < 1 {
		return fmt.Errorf("appID: is %d; copy the AppID, a positive number, from vivo's console", a.id)
	}
	return provider.CheckSecret("appKey", a.key, "the AppKey from vivo's console")
}

// sign proves the secret for a moment, in milliseconds.
func (a app) sign(timestamp int64) string {
	text := strconv.FormatInt(a.id, 10) + a.key + strconv.FormatInt(timestamp, 10) + a.secret.Reveal()
	sum := md5.Sum([]byte(text)) //nolint:gosec // vivo's signature is MD5
	return hex.EncodeToString(sum[:])
}

// mint asks for an access token. It returns an outcome other than Accepted when there is none.
func (p *Provider) mint(ctx context.Context) (provider.AccessToken, message.Outcome) {
	now := p.now()
	timestamp := now.UnixMilli()
	sign := p.app.sign(timestamp)
	r, o := p.call(ctx, authPath, http.Header{}, map[string]any{
		"appId": p.app.id, "appKey": p.app.key, "timestamp": timestamp, "sign": sign,
	}, p.app.secret.Reveal(), sign)
	if o.Class == message.Accepted && r.AuthToken != "" {
		return accesstoken.Lasting(r.AuthToken, now, tokenLife, tokenLife), o
	}
	o.Class = refusal(o.Class)
	return provider.AccessToken{}, o
}

// refusal is the class of an exchange that gave no token. No message is at fault, so deliveries are kept. vivo documents
// no code for exchanges that come too often, so one that no table knows is no verdict on the credential.
func refusal(c message.Class) message.Class {
	switch c {
	case message.Throttled, message.Transient:
		return c
	case message.Accepted, message.Unknown:
		return message.Transient
	case message.InvalidToken, message.AuthExpired, message.CredentialRejected, message.QuotaExhausted, message.Rejected:
	}
	return message.CredentialRejected
}
