package config

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
)

// JWTAlgorithms are the signature algorithms that deviceJWT.algorithms may list. None is never one.
func JWTAlgorithms() []string {
	return []string{"HS256", "RS256", "PS256", "ES256", "ES384", "EdDSA"}
}

// schemaName is what needs no quotes in SQL. PostgreSQL keeps names that begin with pg_ for itself.
var schemaName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// Validate checks the document whole. Errors name the path, such as channels[1].fcm.projectID.
func (d *Document) Validate() error {
	errs := []error{
		required("app.namespace", d.App.Namespace),
		required("app.name", d.App.Name),
		required("app.appID", d.App.AppID),
		httpsURL("externalURL", d.ExternalURL),
		d.Store.validate(),
		d.Routing.validate(),
		d.Rates.validate(),
		d.Auth.validate(),
		d.Retention.validate(),
		d.Callback.validate(),
		d.Tracing.validate(),
		d.Keys.validate(),
	}
	names := map[string]bool{}
	for i, c := range d.Channels {
		path := fmt.Sprintf("channels[%d]", i)
		errs = append(errs, c.validate(path))
		if names[c.Name] {
			errs = append(errs, fmt.Errorf("%s.name: %q is there twice", path, c.Name))
		}
		names[c.Name] = true
	}
	ids := map[string]bool{}
	for i, p := range d.Profiles {
		path := fmt.Sprintf("profiles[%d]", i)
		errs = append(errs, required(path+".resourcesID", p.ResourcesID))
		if ids[p.ResourcesID] {
			errs = append(errs, fmt.Errorf("%s.resourcesID: %q is there twice", path, p.ResourcesID))
		}
		ids[p.ResourcesID] = true
	}
	return errors.Join(errs...)
}

func (s Store) validate() error {
	if s.Postgres == nil {
		return nil
	}
	errs := []error{
		required("store.postgres.uri", s.Postgres.URI.value),
	}
	if !schemaName.MatchString(s.Postgres.Schema) {
		errs = append(errs, fmt.Errorf("store.postgres.schema: %q must be 1 to 63 lower case letters, digits and underscores, beginning with a letter", s.Postgres.Schema))
	}
	if m := s.Postgres.PoolMode; !slices.Contains([]string{"", "Session", "Transaction"}, m) {
		errs = append(errs, fmt.Errorf("store.postgres.poolMode: %q is not one of Session and Transaction", m))
	}
	if (s.Postgres.ClientCertificate == "") != s.Postgres.ClientKey.IsZero() {
		errs = append(errs, errors.New("store.postgres: clientCertificate and clientKey must be set together"))
	}
	return errors.Join(errs...)
}

func (c Channel) validate(path string) error {
	errs := []error{required(path+".name", c.Name), c.Endpoint.validate(path + ".endpoint"), c.Limits.validate(path + ".limits")}
	if c.AppType < 1 || c.AppType > 9 {
		errs = append(errs, fmt.Errorf("%s.appType: is %d, must be 1 to 9", path, c.AppType))
	}
	return errors.Join(append(errs, c.validateMember(path))...)
}

func (e Endpoint) validate(path string) error {
	return errors.Join(httpsURL(path+".url", e.URL), httpsURL(path+".authURL", e.AuthURL))
}

func (r Routing) validate() error {
	errs := []error{
		within("routing.heartbeatSeconds", int64(r.HeartbeatSeconds), 1, 300),
		within("routing.offlineAfterSeconds", int64(r.OfflineAfterSeconds), 2, 3600),
		within("routing.ackTimeoutSeconds", int64(r.AckTimeoutSeconds), 1, 60),
		within("routing.callAckTimeoutSeconds", int64(r.CallAckTimeoutSeconds), 0, 60),
		within("routing.pushTTLSeconds", int64(r.PushTTLSeconds), 1, 28*24*3600),
		within("routing.maxBacklog", int64(r.MaxBacklog), 1, 100_000_000),
	}
	if r.OfflineAfterSeconds <= r.HeartbeatSeconds {
		errs = append(errs, errors.New("routing.offlineAfterSeconds: must be more than routing.heartbeatSeconds"))
	}
	return errors.Join(errs...)
}

func (a Auth) validate() error {
	var errs []error
	if len(a.ServerKeys) == 0 {
		errs = append(errs, errors.New("auth.serverKeys: must hold at least one key"))
	}
	for i, k := range append(slices.Clone(a.ServerKeys), a.RegistrationKeys...) {
		if len(k.value) < 16 {
			errs = append(errs, fmt.Errorf("auth: key %d is shorter than 16 characters", i))
		}
	}
	return errors.Join(append(errs, a.DeviceJWT.validate())...)
}

// Enabled reports whether user tokens are trusted at all.
func (j DeviceJWT) Enabled() bool { return j.Issuer != "" }

func (j DeviceJWT) validate() error {
	if reflect.ValueOf(j).IsZero() {
		return nil
	}
	errs := []error{
		required("auth.deviceJWT.issuer", j.Issuer),
		required("auth.deviceJWT.audience", j.Audience),
		httpsURL("auth.deviceJWT.jwksURL", j.JWKSURL),
	}
	if len(j.Algorithms) == 0 {
		errs = append(errs, errors.New("auth.deviceJWT.algorithms: must list at least one"))
	}
	for i, alg := range j.Algorithms {
		if !slices.Contains(JWTAlgorithms(), alg) {
			errs = append(errs, fmt.Errorf("auth.deviceJWT.algorithms[%d]: %q is not one of %v", i, alg, JWTAlgorithms()))
		}
	}
	if (j.JWKSURL == "") == j.JWKS.IsZero() {
		errs = append(errs, errors.New("auth.deviceJWT: exactly one of jwksURL and jwks must be set"))
	}
	return errors.Join(errs...)
}

func (r Retention) validate() error {
	const tenYears = 10 * 366 * 24 * 3600
	return errors.Join(
		within("retention.messagesSeconds", r.MessagesSeconds, 60, tenYears),
		within("retention.receiptsSeconds", r.ReceiptsSeconds, 60, tenYears),
		within("retention.inactiveDevicesSeconds", r.InactiveDevicesSeconds, 60, tenYears),
		within("retention.deadLettersSeconds", cmp.Or(r.DeadLettersSeconds, DefaultDeadLettersSeconds), 60, tenYears),
	)
}

func (k Keys) validate() error {
	return errors.Join(key32("keys.report", k.Report), key32("keys.peer", k.Peer),
		key32("keys.sealing", k.Sealing), key32("keys.receiptPath", k.ReceiptPath))
}

func key32(path string, s Secret) error {
	if b, err := base64.StdEncoding.DecodeString(s.value); err != nil || len(b) != 32 {
		return fmt.Errorf("%s: must be 32 bytes in base64", path)
	}
	return nil
}

func required(path, value string) error {
	if value == "" {
		return fmt.Errorf("%s: must be set", path)
	}
	return nil
}

func within(path string, value, low, high int64) error {
	if value < low || value > high {
		return fmt.Errorf("%s: is %d, must be %d to %d", path, value, low, high)
	}
	return nil
}

func httpsURL(path, value string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("%s: must be an https URL without user information", path)
	}
	return nil
}
