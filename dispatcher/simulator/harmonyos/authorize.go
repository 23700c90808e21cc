package harmonyos

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
)

// maxLife is how long a JWT may hold, skew how far Huawei lets clocks differ.
const (
	maxLife = 24 * time.Hour
	skew    = 5 * time.Minute
)

// authorize finds the project of the path, whose service account has to have signed the JWT.
func (v *Vendor) authorize(r *http.Request) (Project, *pushkit.Answer) {
	p, known := v.Get(r.PathValue("project"))
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !known || p.PrivateKey == "" {
		return Project{}, pushkit.Refuse(pushkit.Unauthorized, "")
	}
	claims := &jwt.RegisteredClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"PS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(bearer, claims, func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != p.keyID() {
			return nil, errors.New("the key is unknown")
		}
		key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(p.PrivateKey))
		if err != nil {
			return nil, err
		}
		return &key.PublicKey, nil
	})
	if err != nil || claims.Issuer != p.subAccount() || !slices.Contains(claims.Audience, audience) {
		return Project{}, pushkit.Refuse(pushkit.Unauthorized, "")
	}
	return p, inTime(claims, time.Now())
}

func inTime(c *jwt.RegisteredClaims, now time.Time) *pushkit.Answer {
	switch {
	case c.IssuedAt == nil || c.ExpiresAt == nil || c.IssuedAt.After(now.Add(skew)):
		return pushkit.Refuse(pushkit.Unauthorized, "")
	case c.ExpiresAt.Sub(c.IssuedAt.Time) > maxLife:
		return pushkit.Refuse(pushkit.JWTTooLong, "")
	case !now.Before(c.ExpiresAt.Time):
		return pushkit.Refuse(pushkit.JWTExpired, "")
	}
	return nil
}
