package webpush

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const (
	scheme = "https://"
	// authBytes is the length of a subscription's authentication secret.
	authBytes = 16
	// maxHost is the longest name of DNS.
	maxHost = 253
)

// hostName is a name of DNS with at least two labels, the last of which begins with a letter: no address, no local name.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// subscription is where a browser is reached and what its pushes are encrypted with.
type subscription struct {
	Endpoint string `json:"endpoint"`
	Keys     keys   `json:"keys"`

	host   string
	public *ecdh.PublicKey
	auth   []byte
}

type keys struct {
	P256DH string `json:"p256dh"`
	Auth   string `json:"auth"`
}

// Canonical brings the JSON of a browser's PushSubscription into one form: the endpoint and the two keys, with a lower-case
// host and unpadded base64url. The error names the field and quotes nothing.
func Canonical(token string) (string, error) {
	s, err := parseSubscription(token)
	if err != nil {
		return "", err
	}
	b, err := plainJSON(s)
	return string(b), err
}

// plainJSON is JSON in which an ampersand stays one byte.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

func parseSubscription(token string) (*subscription, error) {
	s := &subscription{}
	if json.Unmarshal([]byte(token), s) != nil {
		return nil, errors.New("token: is not the JSON of a PushSubscription; register JSON.stringify(subscription)")
	}
	if err := s.address(); err != nil {
		return nil, err
	}
	point, err := decode(s.Keys.P256DH)
	if err == nil {
		s.public, err = ecdh.P256().NewPublicKey(point)
	}
	if err != nil {
		return nil, errors.New("token: keys.p256dh: is not an uncompressed point of P-256 in base64url; register the subscription as the browser made it")
	}
	if s.auth, err = decode(s.Keys.Auth); err != nil || len(s.auth) != authBytes {
		return nil, errors.New("token: keys.auth: is not 16 bytes in base64url; register the subscription as the browser made it")
	}
	s.Keys = keys{P256DH: encode(point), Auth: encode(s.auth)}
	return s, nil
}

// address checks the endpoint and gives it its one form.
func (s *subscription) address() error {
	u, err := url.Parse(s.Endpoint)
	if err != nil || !strings.EqualFold(u.Scheme, "https") || u.User != nil || !printable(s.Endpoint) {
		return errors.New("token: endpoint: is not an https URL; register the subscription as the browser made it")
	}
	host := strings.ToLower(u.Hostname())
	if len(host) > maxHost || !hostName.MatchString(host) || u.Port() != "" && u.Port() != "443" {
		return errors.New("token: endpoint: must name a host by its full DNS name and no port")
	}
	if strings.Trim(u.Path, "/")+u.RawQuery == "" || climbs(u.Path) {
		return errors.New("token: endpoint: names no subscription; register the subscription as the browser made it")
	}
	s.host = host
	s.Endpoint = (&url.URL{Scheme: "https", Host: host, Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
	return nil
}

// printable keeps what a request line cannot bear out of it.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' })
}

// climbs tells a path that leads elsewhere than it says.
func climbs(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool { return part == "." || part == ".." })
}

// decode reads base64 in both alphabets, with and without padding, as pages send it.
func decode(text string) ([]byte, error) {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	return base64.RawURLEncoding.DecodeString(text)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// among tells whether the host is one of the list, in which "*.example" stands for every host below it.
func among(host string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		a = strings.ToLower(a)
		below, wild := strings.CutPrefix(a, "*")
		return host == a || wild && strings.HasPrefix(below, ".") && strings.HasSuffix(host, below)
	})
}

// minSecret is the length from which a part of an endpoint is taken for a secret; services' own paths are shorter.
const minSecret = 12

// secrets are what a push service may echo and nobody may see: all of the subscription, and each part of its address.
func (s *subscription) secrets(token string) []string {
	all := []string{token, s.Endpoint, s.Keys.P256DH, s.Keys.Auth}
	rest := strings.TrimPrefix(s.Endpoint, scheme+s.host)
	unescaped, _ := url.QueryUnescape(rest) // empty if that cannot be
	for _, text := range []string{rest, unescaped} {
		parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/?&=", r) })
		for _, part := range append(parts, text) {
			if len(part) >= minSecret {
				all = append(all, part)
			}
		}
	}
	return all
}
