package fcm

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	scope        = "https://www.googleapis.com/auth/firebase.messaging"
	broadScope   = "https://www.googleapis.com/auth/cloud-platform"
	grantType    = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	googleToken  = "https://oauth2.googleapis.com/token"
	maxAssertion = time.Hour
	// skew is how far Google lets clocks differ.
	skew = 10 * time.Second
)

// grantError is a refusal of the token endpoint, in Google's shape.
type grantError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// Error implements error.
func (e *grantError) Error() string { return e.Code + ": " + e.Description }

func invalidGrant(description string) error {
	return &grantError{http.StatusBadRequest, "invalid_grant", description}
}

type claims struct {
	jwt.RegisteredClaims
	Scope string `json:"scope"`
}

// grant is POST /token: a signed assertion for an access token.
func (v *Vendor) grant(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	token, life, err := v.mint(r, now)
	if err != nil {
		e, ok := errors.AsType[*grantError](err)
		if !ok {
			e = &grantError{http.StatusInternalServerError, "internal_failure", "Backend Error"}
		}
		writeJSON(w, e.status, e)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		TokenType   string `json:"token_type"`
	}{token, int(life.Seconds()), "Bearer"})
}

func (v *Vendor) mint(r *http.Request, now time.Time) (string, time.Duration, error) {
	if got := r.PostFormValue("grant_type"); got != grantType {
		return "", 0, &grantError{http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: " + got}
	}
	assertion := r.PostFormValue("assertion")
	if assertion == "" {
		return "", 0, &grantError{http.StatusBadRequest, "invalid_request", "Missing required parameter: assertion"}
	}
	c := &claims{}
	var a account
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(assertion, c, func(t *jwt.Token) (any, error) {
		var ok bool
		if a, ok = v.console.account(c.Issuer); !ok {
			return nil, unknownIssuer(c.Issuer)
		}
		keyID, _ := t.Header["kid"].(string)
		key, ok := a.keys[keyID]
		if !ok {
			return nil, invalidGrant("Invalid JWT Signature.")
		}
		return key, nil
	})
	if err != nil {
		return "", 0, refused(err)
	}
	if err := c.check(a, r, now); err != nil {
		return "", 0, err
	}
	token, ok := v.console.mint(a, now)
	if !ok {
		return "", 0, unknownIssuer(a.email)
	}
	return token, a.life, nil
}

func unknownIssuer(issuer string) error {
	if issuer == "" {
		return &grantError{http.StatusUnauthorized, "invalid_client", "The OAuth client was not found."}
	}
	return invalidGrant("Invalid grant: account not found")
}

// refused finds the reason in what the parser wraps.
func refused(err error) error {
	if e, ok := errors.AsType[*grantError](err); ok {
		return e
	}
	if errors.Is(err, jwt.ErrTokenMalformed) {
		return invalidGrant("Invalid JWT: Failed to parse the assertion.")
	}
	return invalidGrant("Invalid JWT Signature.")
}

func (c *claims) check(a account, r *http.Request, now time.Time) error {
	audiences := []string{googleToken, a.tokenURI, "https://" + r.Host + requestPath(r)}
	known := slices.ContainsFunc(c.Audience, func(aud string) bool { return slices.Contains(audiences, aud) })
	scopes := strings.Fields(c.Scope)
	switch {
	case c.ExpiresAt == nil || c.IssuedAt == nil,
		!now.Before(c.ExpiresAt.Add(skew)), c.IssuedAt.After(now.Add(skew)),
		c.ExpiresAt.Sub(c.IssuedAt.Time) > maxAssertion:
		return invalidGrant("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. " +
			"Check your iat and exp values in the JWT claim.")
	case !known:
		return invalidGrant("Invalid JWT: Failed audience check. The right audience is " + googleToken)
	case !slices.Contains(scopes, scope) && !slices.Contains(scopes, broadScope):
		return &grantError{http.StatusBadRequest, "invalid_scope", "Invalid OAuth scope or ID token audience provided."}
	}
	return nil
}

// requestPath is the path as the client wrote it, with the simulator's prefix if it used that.
func requestPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	return path
}
