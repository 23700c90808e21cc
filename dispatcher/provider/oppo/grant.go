package oppo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
)

const (
	authPath = "/server/v1/auth"
	// tokenLife is how long an access token holds from its create_time on.
	tokenLife = 24 * time.Hour
	// minTokenLife is what is made of a create_time that lies further back: OPPO gives out no dead tokens.
	minTokenLife = time.Hour
)

// grant asks OPPO for an access token.
type grant struct {
	appKey string
	secret config.Secret
	caller caller
	now    func() time.Time
}

// granted is data of the answer.
type granted struct {
	AuthToken  string          `json:"auth_token"`
	CreateTime provider.Number `json:"create_time"`
}

// mint returns a token, or an outcome that is not Accepted.
func (g grant) mint(ctx context.Context) (provider.AccessToken, message.Outcome) {
	now := g.now()
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	signature := sign(g.appKey, timestamp, g.secret.Reveal())
	form := url.Values{"app_key": {g.appKey}, "timestamp": {timestamp}, "sign": {signature}}
	a, err := g.caller.post(ctx, authPath, form.Encode())
	if err != nil {
		return provider.AccessToken{}, provider.Unanswered(err)
	}
	return g.read(a, now, signature)
}

// sign is OPPO's proof of the MasterSecret.
func sign(appKey, timestamp, masterSecret string) string {
	sum := sha256.Sum256([]byte(appKey + timestamp + masterSecret))
	return hex.EncodeToString(sum[:])
}

func (g grant) read(a provider.Answer, now time.Time, signature string) (provider.AccessToken, message.Outcome) {
	var r struct {
		Data granted `json:"data"`
	}
	malformed := json.Unmarshal(a.Body, &r) != nil
	o := g.caller.outcome(a, now, g.secret.Reveal(), signature, r.Data.AuthToken)
	if o.Class == message.Accepted && (malformed || r.Data.AuthToken == "") {
		o = a.Malformed()
	}
	switch o.Class {
	case message.Accepted:
		return accesstoken.Lasting(r.Data.AuthToken, now, r.Data.left(now), tokenLife), o
	case message.Transient, message.Throttled:
	case message.InvalidToken, message.AuthExpired, message.CredentialRejected, message.QuotaExhausted,
		message.Rejected, message.Unknown:
		o.Class = message.CredentialRejected // no message is at fault, so deliveries are kept
	}
	return provider.AccessToken{}, o
}

// left is how long the token still holds: OPPO may give out one that it made before.
func (g granted) left(now time.Time) time.Duration {
	made, err := strconv.ParseInt(string(g.CreateTime), 10, 64)
	if err != nil {
		return tokenLife
	}
	return min(max(tokenLife-now.Sub(time.UnixMilli(made)), minTokenLife), tokenLife)
}
